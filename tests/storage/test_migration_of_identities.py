"""The keys that an upgrade makes of names are the rules' own, whatever a database takes for small letters."""

import pytest
from sqlalchemy import insert, text
from support.command_line import CommandLine
from support.migration_scenes import audited, reflected

from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.rules.fields import FIELDS, IDENTITY_FIELDS
from custmerge.storage.dialect import open_engine

NAMES = (
    *(
        "",
        " ",
        "Müller",
        "MÜLLER",
        "Mu\u0308ller",
        " müller\u00a0",
        "İpek",
        "i\u0307pek",
        "ΣΊΣΥΦΟΣ",
        "σίσυφος",
        "σίσυφοσ",
    ),
    *("Straße", "STRASSE", "Anna  Maria", "\u212aarl", "ẞ", "x" * 1_001),
)
COUNT = len(NAMES) ** 3
"""Each in each place: some 5,000, which are several pieces."""


@pytest.mark.parametrize("version", ["0007"])
def test_an_upgrade_makes_the_keys_of_many_customers_as_the_rules_do(old, tmp_path):
    empty = {"search": "", **dict.fromkeys(map(str, FIELDS), "")}
    rows = []
    for place in range(COUNT):
        names = (NAMES[place % 17], NAMES[place // 17 % 17], NAMES[place // 289])
        rows.append({**empty, "number": f"{500_000 + place}", **dict(zip(IDENTITY_FIELDS, names, strict=True))})
    engine = open_engine(old)
    with engine.begin() as connection:
        connection.execute(insert(reflected(connection).tables["customer"]), rows)
    assert CommandLine(old, tmp_path)("init").code == 0
    identity = ", ".join(IDENTITY_FIELDS)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT identity_key, merged_into, {identity} FROM customer")).fetchall()
    engine.dispose()
    assert len(found) > COUNT > 4_900
    assert any(merged_into for _key, merged_into, *_names in found)
    assert [row for row in found if row[0] != (None if row[1] else identity_key(row[2:]))] == []
    assert [finding for finding in audited(old).findings if finding.check == "identities"] == []

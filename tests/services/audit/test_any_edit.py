"""An audit finds any edit of any cell, and hides nothing behind what can't be read. On both databases."""

import json
from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from support.audit_scenes import MOVED, after, found, known_database
from support.runs import NIGHTLY

from custmerge.rules.audit import CheckName, Verdict
from custmerge.storage.tables import every as tables


@dataclass
class Raw:
    """Bytes that SQLite is to take for a text."""

    content: bytes


# Where somebody has been and how far a run has come: short-lived, or told by the orders themselves. See the manual.
NOT_COVERED = {
    *(("custmerge_session", column.name) for column in tables.session.c),
    *(("custmerge_batch", name) for name in ("state", "done", "merged", "run_by", "at", "runner", "alive_until")),
    *(("custmerge_batch_chunk", column.name) for column in tables.batch_chunk.c),
    ("custmerge_transfer", "status"),
    ("custmerge_head", "id"),
}


TABLES = (
    *(tables.history, tables.head, tables.order, tables.before_image, tables.staff),
    *(tables.service, tables.transfer, tables.form, tables.batch, tables.dismissal),
)
CELLS = [
    (table, column)
    for table in TABLES
    for column in table.c
    if column.computed is None and (table.name, column.name) not in NOT_COVERED
]
RAW = st.binary(min_size=1, max_size=20).map(lambda some: Raw(some + b"\xff"))
BODIES = st.dictionaries(
    st.sampled_from(["action", "at", "survivor", "order", "row_sha256", "transfer", "x"]),
    st.none() | st.integers(-9, 9) | st.sampled_from(["merge", "undo", "user", "purge", "\u00e4"]),
).map(json.dumps)
VALUES = {
    "INTEGER": st.integers(-9, 2**31 - 1),
    "TEXT": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80),
    "VARCHAR": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80),
    "BLOB": st.binary(max_size=20),
}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0].name}.{cell[1].name}")
@settings(max_examples=20 if NIGHTLY else 2, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_edit_of_any_cell_is_critical(standing, cell, data):
    table, column = cell
    kind = str(column.type.compile(dialect=sqlite_dialect())).split()[0]
    is_sqlite = standing.startswith("sqlite")
    values = VALUES[kind] | RAW if is_sqlite and kind in ("TEXT", "VARCHAR") else VALUES[kind]
    if column is tables.history.c.body:
        # The search columns are generated from it, so a database takes nothing but JSON.
        values = BODIES
    value = data.draw(st.none() | values if column.nullable else values)
    key = next(iter(table.primary_key)).name
    row = data.draw(st.integers(0, 40))

    def look(connection):
        # Any bytes may be a text in SQLite.
        there = f'CAST("{column.name}" AS blob), typeof("{column.name}")' if is_sqlite else f'"{column.name}"'
        cells = connection.exec_driver_sql(f'SELECT "{key}", {there} FROM {table.name} ORDER BY 1').all()
        return [tuple(cell) for cell in cells]

    places = seen(standing, look)
    new, at = (literal(one, is_sqlite=is_sqlite) for one in (value, places[row % len(places)][0]))
    edit = f'UPDATE {table.name} SET "{column.name}" = {new} WHERE "{key}" = {at}'
    audit = after(standing, edit, look=look)
    assume(audit is not None)
    assert audit.verdict is Verdict.CRITICAL


def seen(url, look):
    with closing(known_database(url)) as database, database.reading() as unit:
        return look(unit._connection)


def literal(value, *, is_sqlite):
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"X'{value.hex()}'" if is_sqlite else f"'\\x{value.hex()}'::bytea"
        case Raw(content):
            return f"CAST(X'{content.hex()}' AS text)"
        case str():
            return "'" + value.replace("'", "''") + "'"
    return str(value)


BODY = "UPDATE custmerge_history SET body = '{}' WHERE seq = 20"
ODD = {
    "a body without anything": BODY.format("{}"),
    "a merge without an order": BODY.format('{"action":"merge","x":1,"transfer":5}'),
    "a transfer that is a list": BODY.format('{"action":"merge","x":1,"transfer":[1]}'),
    "a purge without an end": BODY.format('{"action":"purge"}'),
    "an approval without a number": BODY.format('{"action":"transfer_approve","row_sha256":"x"}'),
    "a person that is a list": BODY.format('{"action":"user","row_sha256":"x","name":[1]}'),
    "a token that ends nowhere": "UPDATE custmerge_service SET expires_at = 'never'",
    "an image that is no JSON": "UPDATE custmerge_before_image SET image = '{' WHERE \"order\" = 3",
}
ODD_IN_SQLITE = {
    "a blob for a moment": "UPDATE custmerge_service SET expires_at = x'00'",
    "a number for a form": "UPDATE custmerge_form SET content = 7",
    "a text for the head": "UPDATE custmerge_head SET seq = 'x'",
    "a blob for the head's hash": "UPDATE custmerge_head SET hash = x'00'",
    "a head without end": f"UPDATE custmerge_head SET seq = {2**62}",
    "a salt's image that is no text": "UPDATE custmerge_before_image SET image = CAST(x'7bff' AS text)",
    "a body that is no text": "UPDATE custmerge_history SET body = CAST({} AS text) WHERE seq = 20".format(
        "x'7b22616374696f6e223a22ff227d'"
    ),
    "a name that is no text": "UPDATE custmerge_staff SET name = CAST(x'ff' AS text) WHERE id = 1",
    "a domain that is no text": "UPDATE domain SET name = CAST(x'ff' AS text) WHERE name = 'd6.example'",
    "a blob for a domain": "UPDATE domain SET name = x'ff' WHERE name = 'd1.example'",
    "a text for a salt": "UPDATE custmerge_transfer SET salt = 'x'",
}


@pytest.mark.parametrize("kind", [*ODD, *ODD_IN_SQLITE])
def test_what_cannot_be_read_is_critical_and_hides_nothing_else(standing, kind):
    if kind in ODD_IN_SQLITE and not standing.startswith("sqlite"):
        # PostgreSQL's columns take nothing of another type.
        return
    audit = after(standing, {**ODD, **ODD_IN_SQLITE}[kind], MOVED)
    assert audit.verdict is Verdict.CRITICAL
    others = found(audit, CheckName.PACKAGES) or found(audit, CheckName.IMAGES) or found(audit, CheckName.ORDERS)
    assert others, audit.findings


CONTENT = {
    "a kept contact's account": (
        "UPDATE package SET contact_account_number = '1' WHERE package = 'P20005'",
        "contacts",
    ),
    "a field of a tombstone": ("UPDATE customer SET mobile = '0' WHERE number = '20001'", "tombstones"),
    "a domain once more with a blank behind it": (
        "INSERT INTO domain (ascii_name, name, package) VALUES ('d6.example ', 'd6.example ', 'P20005')",
        "domains",
    ),
    "the key of a domain": ("UPDATE domain SET ascii_name = 'other.example' WHERE name = 'd6.example'", "domains"),
}


@pytest.mark.parametrize("kind", CONTENT)
def test_a_changed_cell_of_what_an_order_left_is_critical(standing, kind):
    statement, check = CONTENT[kind]
    audit = after(standing, statement)
    assert found(audit, CheckName(check))

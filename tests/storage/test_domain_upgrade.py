"""Domains of earlier versions get the key that they have now, or the upgrade names those that are one and stops."""

import pytest
from sqlalchemy import text
from support.command_line import CommandLine
from support.databases import execute, first_cells
from support.migration_scenes import dump

from custmerge.rules.fields import FIELDS
from custmerge.storage import schema
from custmerge.storage.dialect import open_engine

BEFORE = "0005"


@pytest.fixture
def fill(old_url):
    """Make a database of the version before, with one customer and domains (key, name, package)."""

    def fill(*domains):
        engine = open_engine(old_url, create=True)
        with engine.begin() as connection:
            schema.upgrade(connection, old_url, BEFORE)
            filled = ", ".join(FIELDS)
            blanks = ", ".join(["''"] * 12)
            connection.execute(text(f"INSERT INTO customer (number, {filled}, search) VALUES ('1', {blanks})"))
            for package in {package for *_, package in domains}:
                row = {"package": package}
                connection.execute(
                    text("INSERT INTO package (package, number, name) VALUES (:package, '1', '')"), row
                )
            rows = [dict(zip(("key", "name", "package"), row, strict=True)) for row in domains]
            connection.execute(text("INSERT INTO domain VALUES (:key, :name, :package)"), rows)
        engine.dispose()
        return old_url

    return fill


REFERS = "REFERENCES domain (ascii_name) ON DELETE CASCADE ON UPDATE"


def refer(url, on_update):
    """Make a host's table whose rows refer to every domain."""
    collation = "" if url.startswith("sqlite") else ' COLLATE "C"'
    kept = f"CREATE TABLE dns (zone text{collation} {REFERS} {on_update})"
    execute(url, kept, "INSERT INTO dns SELECT ascii_name FROM domain")


@pytest.mark.parametrize(
    ("on_update", "code"), [("NO ACTION", 8), ("CASCADE", 0), ("SET NULL", 8), ("SET DEFAULT", 8)]
)
def test_what_refers_to_a_domain_is_not_lost_with_its_old_key(fill, tmp_path, on_update, code):
    url = fill(("kunde_1.müller.example", "kunde_1.müller.example", "P1"), ("a.example", "a.example", "P1"))
    refer(url, on_update)
    done = CommandLine(url, tmp_path)("init")
    assert done.code == code
    zones = first_cells(url, "SELECT zone FROM dns")
    assert set(zones) == {"a.example", "kunde_1.müller.example" if code else "kunde_1.xn--mller-kva.example"}
    if on_update.startswith("SET"):
        assert f"the table dns would lose what it says of them (ON UPDATE {on_update})" in done.err


def test_where_every_key_stays_it_does_not_matter_what_refers_to_it(fill, tmp_path):
    url = fill(("a.example", "a.example", "P1"))
    refer(url, "SET NULL")
    assert CommandLine(url, tmp_path)("init").code == 0
    assert first_cells(url, "SELECT zone FROM dns") == ["a.example"]


def test_every_domain_gets_the_key_that_it_has_now(fill, tmp_path):
    many = [(f"d{number}.example", f"d{number}.example", "P1") for number in range(4_100)]
    url = fill(
        ("kunde_1.müller.example", "kunde_1.müller.example", "P1"),
        ("☕.example", "☕.example", "P2"),
        ("xn--mller-kva.example", "müller.example", "P2"),
        # Takes the key that another row gives up.
        ("z.example", "ab--ü.example", "P2"),
        ("zz.example", "z.example", "P2"),
        *many,
    )
    assert CommandLine(url, tmp_path)("init").code == 0
    _columns, *rows = dump(url)["domain"]
    assert len(rows) == 4_105
    assert {(row[0], row[1]) for row in rows if not row[1].startswith("d")} == {
        ("kunde_1.xn--mller-kva.example", "kunde_1.müller.example"),
        ("xn--53h.example", "☕.example"),
        ("xn--mller-kva.example", "müller.example"),
        ("xn--ab---3ra.example", "ab--ü.example"),
        ("z.example", "z.example"),
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("kunde_1.müller.example", "P1"), ("kunde_1.xn--mller-kva.example", "P2")),
        (("☕.example", "P1"), ("xn--53h.example", "P2")),
        (("☕.example", "P1"), ("☕\ufe0f.example", "P2")),
        (("ab--ü.example", "P1"), ("xn--ab---3ra.example", "P1")),
    ],
)
def test_two_rows_that_are_one_domain_are_named_and_nothing_is_changed(fill, tmp_path, one, other):
    url = fill(*((name, name, package) for name, package in (one, other)))
    before = dump(url)
    done = CommandLine(url, tmp_path)("--lang", "en", "init")
    assert done.code == 8
    said = " ".join(done.err.split())
    for name, package in (one, other):
        assert f"{name} (package {package})".replace("\ufe0f", "\\ufe0f") in said
    assert dump(url) == before
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM domain WHERE name = :name"), {"name": other[0]})
    engine.dispose()
    assert CommandLine(url, tmp_path)("init").code == 0

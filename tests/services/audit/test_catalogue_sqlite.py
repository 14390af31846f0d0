"""An audit finds whatever of our tables isn't as the migrations made it, in SQLite."""

from contextlib import closing

import psycopg
import pytest
from support import catalogue_scenes
from support.catalogue_scenes import AUDITOR, NOW, REFUSE, after, criticals

from custmerge.rules.audit import CheckName, Verdict
from custmerge.rules.fields import FIELDS
from custmerge.services import audit as audit_service
from custmerge.storage.database import Database

sqlite = catalogue_scenes.sqlite


def remade(table, old, new):
    """Return what makes a table of SQLite's with other words in its text."""
    return (
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{table}'",
    )


def forged(index, table, columns, *, really, says="", rest=""):
    """Return what makes an index of some rows only, or one that isn't unique, and gives it the text of ours."""
    return (
        f"DROP INDEX {index}",
        f"CREATE INDEX {index} ON {table} {columns} {really}",
        "PRAGMA writable_schema = ON",
        (
            f"UPDATE sqlite_master SET sql = 'CREATE {says}INDEX {index} ON {table} {columns}{rest}' "
            f"WHERE name = '{index}'"
        ),
        "PRAGMA writable_schema = RESET",
    )


def odd_trigger(cells):
    """Return what makes a trigger, and writes its cells in the catalogue in a way that SQLite reads all the same."""
    return (
        "CREATE TRIGGER evil AFTER UPDATE ON customer BEGIN UPDATE customer SET email = 'x'; END",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET {cells} WHERE name = 'evil'",
    )


IN_SQLITE = {
    "a trigger with byte order marks between its words": (
        odd_trigger("sql = replace(sql, 'CREATE ', 'CREATE ' || char(65279) || ' ' || char(65279) || ' ')"),
        {("triggers", "trigger evil")},
    ),
    "a trigger that isn't called one": (
        odd_trigger("type = 'TRIGGER'"),
        {("triggers", "trigger evil")},
    ),
    "a trigger with more behind what is read": (
        odd_trigger("type = 'trigger' || char(0) || 'x', tbl_name = 'x'"),
        {("triggers", "trigger evil")},
    ),
    "a trigger in bytes": (
        odd_trigger("type = CAST('trigger' AS BLOB), tbl_name = CAST('customer' AS BLOB), sql = CAST(sql AS BLOB)"),
        {("triggers", "trigger evil")},
    ),
    "a plain column with its expression in a comment": (
        remade(
            "custmerge_history",
            "\"order\" INTEGER GENERATED ALWAYS AS (body ->> ''order'') STORED",
            "\"order\" INTEGER /* \"order\" INTEGER GENERATED ALWAYS AS (body ->> ''order'') STORED */",
        ),
        {("columns", "column custmerge_history.order")},
    ),
    "an index that leaves an entry out": (
        forged("custmerge_history_action", "custmerge_history", "(action, seq)", really="WHERE seq <> 2"),
        {("columns", "index custmerge_history_action")},
    ),
    "an index that has nothing": (
        forged("custmerge_history_action", "custmerge_history", "(action, seq)", really="WHERE false"),
        {("columns", "index custmerge_history_action")},
    ),
    "a check of the name of ours in front of it": (
        remade(
            "customer",
            "CONSTRAINT customer_not_into_itself",
            "CONSTRAINT customer_not_into_itself CHECK (city <> ''Ulm''), CONSTRAINT customer_not_into_itself",
        ),
        {("columns", "constraint customer.customer_not_into_itself")},
    ),
    "a check of the name of ours behind it": (
        remade(
            "custmerge_head",
            "CHECK (id = 1)",
            "CHECK (id = 1), CONSTRAINT custmerge_head_one_row CHECK (seq < 80)",
        ),
        {("columns", "constraint custmerge_head.custmerge_head_one_row")},
    ),
    "a foreign key that deletes, by the name of a check": (
        remade(
            "custmerge_transfer",
            "CONSTRAINT custmerge_transfer_two_people",
            (
                "CONSTRAINT custmerge_transfer_two_people FOREIGN KEY(survivor) REFERENCES customer(number) "
                "ON DELETE CASCADE, CONSTRAINT custmerge_transfer_two_people"
            ),
        ),
        {("columns", "constraint custmerge_transfer.custmerge_transfer_two_people")},
    ),
    "the same foreign key twice": (
        remade(
            "domain",
            "FOREIGN KEY(package) REFERENCES package (package)",
            "FOREIGN KEY(package) REFERENCES package (package), FOREIGN KEY(package) REFERENCES package (package)",
        ),
        {("columns", "constraint domain: foreign key ( package ) references package ( package )")},
    ),
    "a plain column with its expression behind dashes": (
        remade(
            "custmerge_history",
            "survivor TEXT GENERATED ALWAYS AS (body ->> ''survivor'') STORED,",
            "survivor TEXT -- survivor TEXT GENERATED ALWAYS AS (body ->> ''survivor'') STORED,\n,",
        ),
        {("columns", "column custmerge_history.survivor")},
    ),
    "another name of a column in quotes": (
        remade("custmerge_lock", "until VARCHAR NOT NULL", 'until VARCHAR NOT NULL, "check" INTEGER'),
        {("columns", "column custmerge_lock.check")},
    ),
    "a check dropped": (
        remade("customer", "CONSTRAINT customer_not_into_itself CHECK (merged_into <> number),", ""),
        {("columns", "constraint customer.customer_not_into_itself")},
    ),
    "a foreign key dropped": (
        remade("domain", ", \n\tFOREIGN KEY(package) REFERENCES package (package)", ""),
        {("columns", "constraint domain: foreign key ( package ) references package ( package )")},
    ),
    "a primary key dropped": (
        remade("custmerge_form", "PRIMARY KEY (transfer), ", ""),
        {("columns", "constraint custmerge_form: primary key ( transfer )")},
    ),
    "a column that may be empty": (
        remade("customer", "city VARCHAR NOT NULL", "city VARCHAR"),
        {("columns", "column customer.city")},
    ),
    "a default": (
        remade("custmerge_staff", "role VARCHAR NOT NULL", "role VARCHAR NOT NULL DEFAULT ''supervisor''"),
        {("columns", "column custmerge_staff.role")},
    ),
    "a unique index that refuses what is right": (
        ["CREATE UNIQUE INDEX mine ON customer (city)"],
        {("columns", "index mine")},
    ),
    "an index over an expression": (
        ["CREATE INDEX mine ON customer (lower(city))"],
        {("columns", "index mine")},
    ),
    "an index over an expression without brackets": (
        ["CREATE INDEX mine ON customer (company || 'x')"],
        {("columns", "index mine")},
    ),
    "an index over what isn't JSON": (
        ["CREATE INDEX mine ON customer (city, merged_into -> '$')"],
        {("columns", "index mine")},
    ),
    "an index over a text that looks like a column": (
        ['CREATE INDEX mine ON customer ("nothing")'],
        {("columns", "index mine")},
    ),
    "a trigger on another writing of the name": (
        [f'CREATE TRIGGER mine BEFORE INSERT ON "CUSTOMER" {REFUSE}'],
        {("triggers", "trigger mine")},
    ),
    "a trigger that says it is on another table": (
        [
            f"CREATE TRIGGER mine BEFORE UPDATE OF number ON main.package {REFUSE}",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET tbl_name = 'x' WHERE name = 'mine'",
        ],
        {("triggers", "trigger mine")},
    ),
    "a trigger with a comment in it": (
        [
            "DROP TRIGGER custmerge_history_no_delete",
            (
                "CREATE TRIGGER custmerge_history_no_delete BEFORE DELETE ON custmerge_history "
                "BEGIN /*SELECT RAISE(ABORT, 'custmerge_history is append-only');*/ SELECT 1; END"
            ),
        ],
        {("triggers", "trigger custmerge_history_no_delete")},
    ),
}


@pytest.mark.parametrize("kind", IN_SQLITE)
def test_whatever_isnt_as_made_is_named_in_sqlite(sqlite, kind):
    statements, expected = IN_SQLITE[kind]
    audit = after(sqlite, *statements)
    assert audit.verdict is Verdict.CRITICAL
    assert expected <= criticals(audit)


@pytest.mark.parametrize(
    ("really", "unique"),
    [
        pytest.param("WHERE false", True, id="without any row"),
        pytest.param("", False, id="with two rows alike"),
    ],
)
def test_a_unique_index_that_holds_something_else_than_it_says_is_named_in_sqlite(sqlite, really, unique):
    there = "1, 'K-1', 'K-2', 'filed', 'anna', 1, '2026-01-01T00:00:00Z', '', 1, 'pdf', x'00', ''"
    names = "id, survivor, absorbed, status, filed_by, filed_by_person, at, sha256, size, type, salt, identity_sha256"
    drop, create, *disguise = forged(
        *("custmerge_transfer_open", "custmerge_transfer", "(survivor, absorbed)"),
        really=really or "WHERE status IN ('filed', 'approved')",
        says="UNIQUE ",
        rest=" WHERE status IN (''filed'', ''approved'')",
    )
    rows = [there] if unique else [there, there.replace("1", "2", 1)]
    inserts = [f"INSERT INTO custmerge_transfer ({names}) VALUES ({row})" for row in rows]
    assert ("columns", "index custmerge_transfer_open") in criticals(after(sqlite, drop, create, *inserts, *disguise))


def test_an_index_that_leaves_out_a_row_of_a_large_table_is_named_in_sqlite(sqlite):
    empty = ", ".join(["''"] * len(FIELDS))
    many = (
        "WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k <= 5000) "
        f"INSERT INTO customer (number, {', '.join(FIELDS)}, search) SELECT 'M' || k, {empty}, '' FROM n"
    )
    assert after(sqlite, many).verdict is Verdict.OK
    disguise = forged("customer_merged_into", "customer", "(merged_into)", really="WHERE number <> 'M7'")
    found = after(sqlite, many, *disguise)
    assert criticals(found) == {("columns", "index customer_merged_into")}
    assert found.findings[0].details["definition"] == "wrong # of entries in index customer_merged_into"


def test_what_sqlite_says_of_an_index_is_shown(sqlite):
    statements, _expected = IN_SQLITE["an index that leaves an entry out"]
    (found,) = (one for one in after(sqlite, *statements).findings if one.subject.startswith("index "))
    assert found.details == {
        "table": "custmerge_history",
        "definition": "row 2 missing from index custmerge_history_action",
    }


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("path", "is_named"),
    [
        ("public, pg_catalog", True),
        ('"$user", public, "pg_catalog", pg_temp', True),
        ("hosting, public", False),
        ("pg_catalog, public", False),
    ],
)
def test_a_setting_that_puts_the_servers_names_last_is_named_and_changes_nothing(database_url, path, is_named):
    name = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE hidden () INHERITS (custmerge_history)")
        connection.execute("CREATE VIEW pg_inherits AS SELECT * FROM pg_catalog.pg_inherits WHERE false")
        connection.execute(f'ALTER DATABASE "{name}" SET search_path = {path}')
    wanted = audit_service.Wanted(frozenset(CheckName), None, False, 365)
    with closing(Database(database_url)) as database:
        found = criticals(audit_service.audit(database, AUDITOR, wanted, NOW))
    assert ("triggers", "inheritance hidden of custmerge_history") in found
    assert (("triggers", "setting search_path") in found) is is_named

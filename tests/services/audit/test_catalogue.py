"""An audit finds whatever of our tables isn't as the migrations made it, and names it. On both databases."""

from contextlib import closing, nullcontext, suppress

import pytest
from support import catalogue_scenes
from support.catalogue_scenes import AUDITOR, FUNCTION, NOW, REFUSE, Undone, after, criticals

from custmerge.rules.audit import CheckName
from custmerge.services import audit as audit_service
from custmerge.storage.database import Database

postgresql = catalogue_scenes.postgresql
sqlite = catalogue_scenes.sqlite
IN_BOTH = {
    "a column put in": (["ALTER TABLE customer ADD COLUMN note text"], {("columns", "column customer.note")}),
    "an index dropped": (["DROP INDEX package_number"], {("columns", "index package_number")}),
    "a unique index dropped": (
        ["DROP INDEX custmerge_transfer_open"],
        {("columns", "index custmerge_transfer_open")},
    ),
    "a unique index for other rows": (
        [
            "DROP INDEX custmerge_transfer_open",
            (
                "CREATE UNIQUE INDEX custmerge_transfer_open ON custmerge_transfer (survivor, absorbed) "
                "WHERE status IN ('filed')"
            ),
        ],
        {("columns", "index custmerge_transfer_open")},
    ),
}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("kind", IN_BOTH)
def test_whatever_isnt_as_made_is_named(request, dialect, kind):
    statements, expected = IN_BOTH[kind]
    assert criticals(after(request.getfixturevalue(dialect), *statements)) == expected


@pytest.mark.parametrize("table", ["customer", "package", "domain", "custmerge_lock"])
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_trigger_on_any_of_our_tables_is_named(request, dialect, table):
    made = [f"CREATE TRIGGER mine BEFORE INSERT ON {table} {REFUSE}"]
    if dialect == "postgresql":
        made = [FUNCTION, f"CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION evil()"]
    assert criticals(after(request.getfixturevalue(dialect), *made)) == {("triggers", "trigger mine")}


HARMLESS_IN_BOTH = ["CREATE INDEX mine ON customer (city, number)", "CREATE TABLE custmerge_copy (x integer)"]
HARMLESS = {
    "sqlite": [
        'CREATE INDEX other ON customer ("City" DESC, number ASC)',
        f"CREATE TABLE x (customer text); {REFUSE}".partition(";")[0],
    ],
    "postgresql": [
        "ALTER TABLE customer SET (fillfactor = 70)",
        "ALTER INDEX package_number SET (fillfactor = 70)",
        "ALTER TABLE customer ALTER COLUMN city SET STATISTICS 500",
        "COMMENT ON TABLE customer IS 'ours'",
        "CREATE ROLE another_app",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO another_app",
        "GRANT INSERT, UPDATE, DELETE, REFERENCES ON customer TO another_app",
        "CREATE TABLE x (number text REFERENCES customer)",
        "CLUSTER customer USING customer_merged_into",
        "CREATE ROLE elsewhere",
        "ALTER ROLE elsewhere SET search_path = public, pg_catalog",
        "ALTER TABLE customer OWNER TO another_app",
    ],
}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_changes_nothing_that_is_stored_is_no_finding(request, dialect):
    audit = after(request.getfixturevalue(dialect), *HARMLESS_IN_BOTH, *HARMLESS[dialect])
    assert criticals(audit) == set()


def test_what_init_grants_is_no_finding(postgresql, postgresql_server):
    database = Database(postgresql)
    with closing(database), suppress(Undone), database.writing() as unit:
        unit._connection.exec_driver_sql('CREATE ROLE "some app%%"')
        unit.rights.grant("some app%")
        assert unit.protection.deviations() == []
        raise Undone


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_only_what_is_wanted_is_looked_at(request, dialect):
    url = request.getfixturevalue(dialect)
    database = Database(url)
    with closing(database), suppress(Undone), database.writing() as unit:
        unit._connection.exec_driver_sql("DROP INDEX package_number")
        database.reading = lambda: nullcontext(unit)
        wanted = audit_service.Wanted(frozenset({CheckName.CHAIN, CheckName.TRIGGERS}), None, False, 365)
        assert audit_service.audit(database, AUDITOR, wanted, NOW).findings == []
        raise Undone

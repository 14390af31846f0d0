"""An audit finds whatever of our tables isn't as the migrations made it, and names it."""

from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime

import psycopg
import pytest

from custmerge.rules.audit import CheckName, Verdict
from custmerge.rules.roles import Role
from custmerge.services import auditing
from custmerge.services.access import Caller
from custmerge.storage.engine import our_errors
from custmerge.storage.unit import Database

AUDITOR = Caller(Role.AUDITOR, "ada", "", "", 3)
NOW = datetime.now(UTC)
REFUSE = "BEGIN SELECT RAISE(ABORT, 'x'); END"


class Undone(Exception):
    """Nothing of it is to stay."""


@pytest.fixture
def sqlite(sqlite_template):
    return f"sqlite:///{sqlite_template}"


@pytest.fixture
def postgresql(postgresql_server, postgresql_template):
    return postgresql_server.get_uri(postgresql_template)


def after(url, *statements):
    """Return what the audit says inside a transaction in which `statements` were executed; nothing of it stays."""
    database, audits = Database(url), []

    @contextmanager
    def inside():
        with our_errors(url):
            yield unit

    with closing(database), suppress(Undone), database.writing() as unit:
        for statement in statements:
            unit._connection.exec_driver_sql(statement if database.is_sqlite else statement.replace("%", "%%"))
        database.reading = inside
        wanted = auditing.Wanted(frozenset(CheckName), None, False, 365)
        audits.append(auditing.audit(database, AUDITOR, wanted, NOW))
        raise Undone
    return audits[0]


def criticals(audit):
    return {(finding.check.value, finding.subject) for finding in audit.findings if finding.severity == "critical"}


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
FUNCTION = "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
SERVER_LAST = "SET LOCAL search_path = public, pg_catalog"
IN_POSTGRESQL = {
    "an operator that fits our statements better than the server's own": (
        (
            "CREATE FUNCTION same(a text, b varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "CREATE OPERATOR public.= (FUNCTION = same, LEFTARG = text, RIGHTARG = varchar)",
        ),
        {("triggers", "operator =(text,character varying)")},
    ),
    "a function that fits our statements better than the server's own": (
        ("CREATE FUNCTION public.length(varchar) RETURNS integer LANGUAGE sql AS 'SELECT 1'",),
        {("triggers", "function length(character varying)")},
    ),
    "a function that fits better, in another schema of the search path": (
        (
            "CREATE SCHEMA other",
            "CREATE FUNCTION other.length(varchar) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "SET LOCAL search_path = public, other",
        ),
        {("triggers", "function other.length(character varying)")},
    ),
    "a sequence that everybody may change": (
        ("GRANT UPDATE ON SEQUENCE custmerge_batch_id_seq TO PUBLIC",),
        {("columns", "sequence custmerge_batch_id_seq")},
    ),
    "a collation of somebody's by the server's name": (
        (
            "CREATE COLLATION public.\"C\" (provider = libc, locale = 'C')",
            'ALTER TABLE custmerge_lock ALTER COLUMN subject TYPE text COLLATE public."C"',
        ),
        {("columns", "column custmerge_lock.subject")},
    ),
    "a table that somebody else owns": (
        ("CREATE ROLE heir", "GRANT CREATE ON SCHEMA public TO heir", "ALTER TABLE custmerge_staff OWNER TO heir"),
        {("columns", "table custmerge_staff")},
    ),
    "rows of the history in a table that inherits from it, and a view that hides it": (
        [
            "CREATE TABLE hidden () INHERITS (custmerge_history)",
            "CREATE VIEW public.pg_inherits AS SELECT * FROM pg_catalog.pg_inherits WHERE false",
            SERVER_LAST,
        ],
        {("triggers", "inheritance hidden of custmerge_history")},
    ),
    "a trigger, and a function that doesn't find the table's": (
        [
            FUNCTION,
            "CREATE TRIGGER mine BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION evil()",
            "CREATE FUNCTION public.pg_get_triggerdef(oid) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'",
            "CREATE FUNCTION public.oideq(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
            "CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = public.oideq)",
            SERVER_LAST,
        ],
        {("triggers", "trigger mine")},
    ),
    "a function that fits better than the server's": (
        [
            "ALTER TABLE customer ALTER COLUMN city DROP NOT NULL",
            (
                "CREATE FUNCTION public.concat_ws(text, text, text, text, text, text, text) RETURNS text "
                "LANGUAGE sql AS $$ SELECT 'character varying NOT NULL' $$"
            ),
        ],
        {("columns", "column customer.city")},
    ),
    "rows of the history in a table that inherits from it": (
        [
            "CREATE TABLE hidden () INHERITS (custmerge_history)",
            "SET LOCAL session_replication_role = replica",
            "DELETE FROM custmerge_history WHERE seq = 1 RETURNING seq",
            "SET LOCAL session_replication_role = origin",
        ],
        {("triggers", "inheritance hidden of custmerge_history")},
    ),
    "a rule on the register": (
        ["CREATE RULE quietly AS ON UPDATE TO customer DO INSTEAD NOTHING"],
        {("triggers", "rule quietly")},
    ),
    "row security": (
        ["ALTER TABLE customer ENABLE ROW LEVEL SECURITY", "CREATE POLICY ulm ON customer USING (city = 'Ulm')"],
        {("columns", "table customer"), ("triggers", "policy ulm")},
    ),
    "a table that a crash empties": (
        ["ALTER TABLE custmerge_guess SET UNLOGGED"],
        {("columns", "table custmerge_guess")},
    ),
    "rights for everybody": (
        ["GRANT SELECT ON customer TO PUBLIC", "GRANT UPDATE (role) ON custmerge_staff TO PUBLIC"],
        {
            ("triggers", "right SELECT of PUBLIC on customer"),
            ("triggers", "right UPDATE of PUBLIC on custmerge_staff.role"),
        },
    ),
    "a right that no command needs": (
        ["CREATE ROLE some_app", "GRANT DELETE, SELECT ON custmerge_history TO some_app"],
        {("triggers", "right DELETE of some_app on custmerge_history")},
    ),
    "another table of the name in front of ours": (
        [
            "CREATE SCHEMA mine",
            "CREATE TABLE mine.custmerge_lock (LIKE custmerge_lock INCLUDING ALL)",
            "SET LOCAL search_path = mine, public",
        ],
        {("columns", "table custmerge_lock")},
    ),
    "a check dropped": (
        ["ALTER TABLE custmerge_transfer DROP CONSTRAINT custmerge_transfer_two_people"],
        {("columns", "constraint custmerge_transfer.custmerge_transfer_two_people")},
    ),
    "a check that isn't held against what is there": (
        [
            "ALTER TABLE customer DROP CONSTRAINT customer_not_into_itself",
            "ALTER TABLE customer ADD CONSTRAINT customer_not_into_itself CHECK (merged_into <> number) NOT VALID",
        ],
        {("columns", "constraint customer.customer_not_into_itself")},
    ),
    "a foreign key dropped": (
        ["ALTER TABLE domain DROP CONSTRAINT domain_package_fkey"],
        {("columns", "constraint domain.domain_package_fkey")},
    ),
    "a foreign key switched off": (
        ["ALTER TABLE domain DISABLE TRIGGER ALL"],
        {("columns", "constraint domain.domain_package_fkey")},
    ),
    "a primary key dropped": (
        ["ALTER TABLE custmerge_form DROP CONSTRAINT custmerge_form_pkey"],
        {("columns", "constraint custmerge_form.custmerge_form_pkey")},
    ),
    "a default": (
        ["ALTER TABLE custmerge_staff ALTER COLUMN role SET DEFAULT 'supervisor'"],
        {("columns", "column custmerge_staff.role")},
    ),
    "a column that may be empty": (
        ["ALTER TABLE customer ALTER COLUMN city DROP NOT NULL"],
        {("columns", "column customer.city")},
    ),
    "a column in another order of letters": (
        ['ALTER TABLE custmerge_lock ALTER COLUMN subject TYPE text COLLATE "POSIX"'],
        {("columns", "column custmerge_lock.subject")},
    ),
    "a sequence that begins anew": (
        ["ALTER SEQUENCE custmerge_staff_id_seq CYCLE"],
        {("columns", "sequence custmerge_staff_id_seq")},
    ),
    "a trigger with a condition": (
        [
            "DROP TRIGGER custmerge_history_no_update ON custmerge_history",
            (
                "CREATE TRIGGER custmerge_history_no_update BEFORE UPDATE ON custmerge_history FOR EACH STATEMENT "
                "WHEN (false) EXECUTE FUNCTION custmerge_refuse()"
            ),
        ],
        {("triggers", "trigger custmerge_history_no_update")},
    ),
    "a setting for whoever comes next": (
        [
            (
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', "
                "current_database()); END $$"
            )
        ],
        {("triggers", "setting session_replication_role")},
    ),
}
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
    wanted = auditing.Wanted(frozenset(CheckName), None, False, 365)
    with closing(Database(database_url)) as database:
        found = criticals(auditing.audit(database, AUDITOR, wanted, NOW))
    assert ("triggers", "inheritance hidden of custmerge_history") in found
    assert (("triggers", "setting search_path") in found) is is_named


@pytest.mark.parametrize("kind", IN_POSTGRESQL)
def test_whatever_isnt_as_made_is_named_in_postgresql(postgresql, kind):
    statements, expected = IN_POSTGRESQL[kind]
    audit = after(postgresql, *statements)
    assert audit.verdict is Verdict.CRITICAL
    assert expected <= criticals(audit)


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
    "sqlite": [f"CREATE TABLE x (customer text); {REFUSE}".partition(";")[0]],
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
    from custmerge.storage import rights

    database = Database(postgresql)
    with closing(database), suppress(Undone), database.writing() as unit:
        unit._connection.exec_driver_sql('CREATE ROLE "some app%%"')
        rights.grant(unit._connection, "some app%")
        assert unit.protection.deviations() == []
        raise Undone


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_only_what_is_wanted_is_looked_at(request, dialect):
    url = request.getfixturevalue(dialect)
    database = Database(url)
    with closing(database), suppress(Undone), database.writing() as unit:
        unit._connection.exec_driver_sql("DROP INDEX package_number")
        database.reading = lambda: nullcontext(unit)
        wanted = auditing.Wanted(frozenset({CheckName.CHAIN, CheckName.TRIGGERS}), None, False, 365)
        assert auditing.audit(database, AUDITOR, wanted, NOW).findings == []
        raise Undone

"""An audit finds whatever of our tables isn't as the migrations made it, in PostgreSQL."""

import pytest
from support import catalogue_scenes
from support.catalogue_scenes import FUNCTION, after, criticals

from custmerge.rules.audit import Verdict

postgresql = catalogue_scenes.postgresql
SERVER_LAST = "SET LOCAL search_path = public, pg_catalog"
IN_POSTGRESQL = {
    "a default that calls somebody's own function of the server's name": (
        (
            "CREATE FUNCTION nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_catalog.nextval($1)'",
            "ALTER TABLE custmerge_guess ALTER id SET DEFAULT public.nextval('custmerge_guess_id_seq'::regclass)",
        ),
        {("columns", "column custmerge_guess.id")},
    ),
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
    "a function that fits better, hidden in an extension": (
        (
            "CREATE ROLE plain",
            "CREATE FUNCTION public.length(varchar) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "ALTER FUNCTION public.length(varchar) OWNER TO plain",
            "ALTER EXTENSION plpgsql ADD FUNCTION public.length(varchar)",
        ),
        {("triggers", "function length(character varying)")},
    ),
    "a search column that is made of another key": (
        (
            "ALTER TABLE custmerge_history DROP COLUMN survivor",
            (
                'ALTER TABLE custmerge_history ADD COLUMN survivor text COLLATE "C"'
                " GENERATED ALWAYS AS (body::json ->> 'public.survivor') STORED"
            ),
        ),
        {("columns", "column custmerge_history.survivor")},
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
    "rights on a sequence, and rights that can be passed on": (
        [
            "CREATE ROLE some_app",
            "GRANT USAGE, UPDATE ON SEQUENCE custmerge_transfer_id_seq TO some_app",
            "GRANT INSERT ON custmerge_history TO some_app WITH GRANT OPTION",
            "GRANT USAGE ON SEQUENCE custmerge_staff_id_seq TO some_app WITH GRANT OPTION",
        ],
        {
            ("triggers", "right UPDATE of some_app on custmerge_transfer_id_seq"),
            ("triggers", "right USAGE of some_app on custmerge_staff_id_seq WITH GRANT OPTION"),
            ("triggers", "right INSERT of some_app on custmerge_history WITH GRANT OPTION"),
        },
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
    "a sequence that a crash resets": (
        ["ALTER SEQUENCE custmerge_transfer_id_seq SET UNLOGGED"],
        {("columns", "sequence custmerge_transfer_id_seq")},
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


@pytest.mark.parametrize("kind", IN_POSTGRESQL)
def test_whatever_isnt_as_made_is_named_in_postgresql(postgresql, kind):
    statements, expected = IN_POSTGRESQL[kind]
    audit = after(postgresql, *statements)
    assert audit.verdict is Verdict.CRITICAL
    assert expected <= criticals(audit)

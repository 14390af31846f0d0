"""The objects of custmerge's tables in a PostgreSQL database, as the server itself prints them.

The tables are found by the search path, as in custmerge's other statements. All have to be in the schema of the
history: a table in another schema hides ours. They are read only by the server's own names, see `server_names_only`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from custmerge.storage.catalogue import Object
from custmerge.storage.dialect.postgresql import server_names_only
from custmerge.storage.rights import given

_FOUND = """
SELECT name, pg_catalog.int8(pg_catalog.to_regclass(name)::pg_catalog.oid)
FROM pg_catalog.unnest(CAST(:tables AS pg_catalog.text[])) AS name"""
_PATH = text("SELECT pg_catalog.current_schemas(false)::pg_catalog.text[]")
_OURS = """
WITH ours AS (SELECT name, c.*, c.relnamespace <> (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = :history)
                                AS is_elsewhere
              FROM unnest(CAST(:tables AS text[]), CAST(:oids AS oid[])) AS found (name, oid)
              JOIN pg_catalog.pg_class c ON c.oid = found.oid)
"""
# Each statement selects the table, the subject, the definition and whether a host may add the object.
_TABLES = """
SELECT name, 'table ' || name,
       concat_ws(', ', CASE relkind WHEN 'r' THEN 'table' ELSE 'relation of kind ' || relkind::text END,
                 CASE relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END,
                 CASE WHEN relrowsecurity OR relforcerowsecurity THEN 'with row security' END,
                 CASE WHEN relispartition THEN 'partition' END,
                 CASE WHEN is_elsewhere THEN 'in another schema than the history' END,
                 CASE WHEN name NOT IN ('customer', 'package', 'domain')
                           AND relowner <> (SELECT relowner FROM pg_catalog.pg_class WHERE oid = :history)
                      THEN 'of another owner than the history' END), false
FROM ours"""
# An object with a number from 16384 on was made by a user, whatever its name is (FirstNormalObjectId).
_COLUMNS = """
SELECT name, 'column ' || name || '.' || attname,
       concat_ws(' ', format_type(atttypid, atttypmod),
                 CASE WHEN attcollation NOT IN (0, typcollation)
                      THEN 'COLLATE ' || attcollation::regcollation::text END,
                 CASE WHEN attcollation >= 16384 OR atttypid >= 16384 THEN '(not the server''s own)' END,
                 CASE WHEN attnotnull THEN 'NOT NULL' END, CASE WHEN attidentity <> '' THEN 'IDENTITY' END,
                 CASE attgenerated WHEN '' THEN '' WHEN 's' THEN 'STORED' ELSE 'GENERATED' END,
                 pg_get_expr(adbin, adrelid)), false
FROM ours JOIN pg_catalog.pg_attribute ON attrelid = ours.oid JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped"""
# Without those on NULL, which are part of columns and have a name from version 18 on, and without those of triggers.
# The server itself makes two triggers on each side of a foreign key.
_CONSTRAINTS = """
SELECT name, 'constraint ' || name || '.' || conname,
       concat_ws(' ', pg_get_constraintdef(c.oid),
                 CASE WHEN contype = 'f' AND 4 <> (SELECT count(*) FROM pg_catalog.pg_trigger
                                                   WHERE tgconstraint = c.oid AND tgenabled IN ('O', 'A'))
                      THEN '(switched off)' END,
                 CASE WHEN NOT (indisvalid AND indisready AND indislive) THEN '(its index is not valid)' END), false
FROM ours JOIN pg_catalog.pg_constraint c ON conrelid = ours.oid
LEFT JOIN pg_catalog.pg_index ON indexrelid = conindid AND contype <> 'f'
WHERE contype NOT IN ('n', 't') OR (contype = 'n' AND NOT convalidated)"""
_INDEXES = """
SELECT name, 'index ' || indexrelid::regclass::text,
       concat_ws(' ', pg_get_indexdef(indexrelid),
                 CASE WHEN NOT (indisvalid AND indisready AND indislive) THEN '(not valid)' END),
       NOT indisunique AND indexprs IS NULL AND indpred IS NULL
FROM ours JOIN pg_catalog.pg_index ON indrelid = ours.oid
WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint
                  WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))"""
_TRIGGERS = """
SELECT name, 'trigger ' || tgname::text,
       concat_ws(' ', pg_get_triggerdef(t.oid), 'IN', lanname, btrim(prosrc), proconfig::text,
                 CASE WHEN prosecdef THEN '(with the rights of its owner)' END,
                 CASE WHEN tgenabled NOT IN ('O', 'A') THEN '(switched off)'
                      WHEN tgenabled = 'O' AND current_setting('session_replication_role') = 'replica'
                      THEN '(switched off by session_replication_role)' END), false
FROM ours JOIN pg_catalog.pg_trigger t ON tgrelid = ours.oid JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
JOIN pg_catalog.pg_language ON pg_language.oid = prolang WHERE NOT tgisinternal"""
_RULES = """
SELECT name, 'rule ' || rulename::text, pg_get_ruledef(r.oid), false
FROM ours JOIN pg_catalog.pg_rewrite r ON ev_class = ours.oid"""
_POLICIES = """
SELECT name, 'policy ' || polname::text, concat_ws(' ', pg_get_expr(polqual, polrelid),
                                             pg_get_expr(polwithcheck, polrelid)), false
FROM ours JOIN pg_catalog.pg_policy ON polrelid = ours.oid"""
_INHERITANCE = """
SELECT name, 'inheritance ' || inhrelid::regclass::text || ' of ' || inhparent::regclass::text, '', false
FROM ours JOIN pg_catalog.pg_inherits ON ours.oid IN (inhrelid, inhparent)"""
_SEQUENCES = """
SELECT name, 'sequence ' || seqrelid::regclass::text,
       concat_ws(' ', format_type(seqtypid, NULL), 'of', attname, 'from', seqmin, 'to', seqmax, 'by', seqincrement,
                 CASE WHEN seqcycle THEN '(begins anew)' END,
                 CASE WHEN 'u' = (SELECT relpersistence FROM pg_catalog.pg_class s WHERE s.oid = seqrelid)
                      THEN '(unlogged)' END,
                 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class s, aclexplode(s.relacl)
                                   WHERE s.oid = seqrelid AND grantee = 0) THEN '(open to everybody)' END,
                 CASE WHEN 1 <> (SELECT count(*) FROM pg_catalog.pg_depend u WHERE u.refobjid = seqrelid
                                 AND u.classid = 'pg_attrdef'::regclass) THEN '(not of one column alone)' END), false
FROM ours JOIN pg_catalog.pg_depend d ON d.refobjid = ours.oid
     AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
JOIN pg_catalog.pg_sequence ON seqrelid = d.objid
JOIN pg_catalog.pg_attribute ON attrelid = ours.oid AND attnum = d.refobjsubid"""
_SEQUENCE_RIGHTS = """
SELECT name, 'right ' || privilege_type || ' of ' || coalesce(rolname, grantee::text) || ' on '
             || s.oid::regclass::text || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, '', false
FROM ours JOIN pg_catalog.pg_depend d ON d.refobjid = ours.oid
     AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S', aclexplode(s.relacl)
LEFT JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee
WHERE grantee NOT IN (0, s.relowner) AND (privilege_type = 'UPDATE' OR is_grantable)"""
# A connection with the setting `session_replication_role` has the triggers switched off. If pg_catalog comes after
# another schema, a user who may create objects in that schema decides what the server's own names mean; this matters
# only for roles that can read the history.
_SETTINGS = """
SELECT name, 'setting ' || split_part(one, '=', 1) || coalesce(' of ' || nullif(setrole, 0::oid)::regrole::text, ''),
       one, false
FROM ours, pg_catalog.pg_db_role_setting, unnest(setconfig) AS one
WHERE name = 'custmerge_history'
AND (one LIKE 'session_replication_role=%'
     OR one ~* '^search_path=.*,[[:space:]]*"?pg_catalog"?[[:space:]]*(,|$)'
     AND (setrole = 0 OR has_table_privilege(setrole, ours.oid, 'SELECT')))
AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))"""
LOOKALIKE_OPERATORS = ("=", "<>", "<", ">", "<=", ">=", "||", "~~", "!~~", "->", "->>", "+")
LOOKALIKE_FUNCTIONS = (
    *("count", "current_schema", "length", "lower", "max", "min", "octet_length", "sum", "unnest"),
)
"""The operators and functions that statements use without a schema, outside of `server_names_only`."""
# Of operators and functions with the same name, PostgreSQL chooses the one whose types fit exactly, in any schema, so
# one in a schema of the search path may replace the server's own. Those of extensions that a superuser installed are
# left out; other owners of an extension may add their own functions to it.
_LOOKALIKES = """
SELECT name, 'operator ' || o.oid::regoperator::text, '', false
FROM ours, pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = oprnamespace
WHERE name = 'custmerge_history' AND nspname = ANY (CAST(:path AS name[])) AND oprleft < 16384 AND oprright < 16384
AND oprname = ANY (CAST(:operators AS text[]))
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
                WHERE objid = o.oid AND classid = 'pg_operator'::regclass AND deptype = 'e'
                AND oprowner IN (SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper))
UNION ALL
SELECT name, 'function ' || p.oid::regprocedure::text, '', false
FROM ours, pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
WHERE name = 'custmerge_history' AND nspname = ANY (CAST(:path AS name[]))
AND NOT EXISTS (SELECT FROM unnest(proargtypes) AS type WHERE type >= 16384)
AND proname = ANY (CAST(:functions AS text[]))
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
                WHERE objid = p.oid AND classid = 'pg_proc'::regclass AND deptype = 'e'
                AND proowner IN (SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper))"""
_OBJECTS = (
    *(_TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _RULES, _POLICIES, _INHERITANCE, _SEQUENCES),
    *(_SEQUENCE_RIGHTS, _SETTINGS, _LOOKALIKES),
)
# The owner of a table has every right on it. Grantee 0 means everybody.
_RIGHTS = """
SELECT name, NULL, privilege_type, grantee, coalesce(rolname, 'PUBLIC'), is_grantable
FROM ours, aclexplode(relacl) LEFT JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee WHERE grantee <> relowner
UNION ALL
SELECT name, attname, privilege_type, grantee, coalesce(rolname, 'PUBLIC'), is_grantable
FROM ours JOIN pg_catalog.pg_attribute ON attrelid = ours.oid, aclexplode(attacl)
LEFT JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee
WHERE grantee <> relowner AND NOT attisdropped"""
_OURS_BY_NAME = r'"?(?:customer|package|domain|custmerge_\w+)(?:_\w+)?\b'
_HOME = """
SELECT quote_ident(nspname) FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
WHERE pg_class.oid = :history"""
# Storage parameters of an index don't change its content.
_STORAGE = re.compile(r"(?<=\)) WITH \([^()]*\)(?= WHERE|$)")


def objects(connection: Connection, tables: Sequence[str]) -> list[Object]:
    """Return all objects of `tables` in the database."""
    oids = connection.execute(text(_FOUND), {"tables": list(tables)}).all()
    history = next((oid for name, oid in oids if name == "custmerge_history"), None)
    ours = {"tables": [name for name, _ in oids], "oids": [oid for _, oid in oids], "history": history}
    ours["path"] = [name for name in connection.execute(_PATH).scalar() or () if name != "pg_catalog"]
    ours |= {"operators": list(LOOKALIKE_OPERATORS), "functions": list(LOOKALIKE_FUNCTIONS)}
    with server_names_only(connection):
        return [*_made(connection, ours), *_rights(connection, ours)]


# Any: names and numbers of tables, for statements that take them.
def _made(connection: Connection, ours: Mapping[str, Any]) -> Iterator[Object]:
    """Yield the objects of custmerge's tables, named without the schema that they are in."""
    home = connection.execute(text(_HOME), {"history": ours["history"]}).scalar() or ""
    anywhere = re.compile(rf'(?<![\w"$.]){re.escape(home)}\.')
    # Only before names of our tables: a user's function in our schema mustn't look like the server's own.
    schema = re.compile(rf'(?<![\w"$.]){re.escape(home)}\.(?={_OURS_BY_NAME})')
    for statement in _OBJECTS:
        for table, subject, definition, is_harmless in connection.execute(text(_OURS + statement), ours):
            plain = " ".join(schema.sub("", definition).split())
            name = anywhere.sub("", subject)
            yield Object(table, name, _STORAGE.sub("", plain) if name.startswith("index ") else plain, is_harmless)


def _rights(connection: Connection, ours: Mapping[str, Any]) -> Iterator[Object]:
    """Yield the rights that everybody has, and those of roles that `init --grant` doesn't give."""
    for table, column, right, grantee, role, is_grantable in connection.execute(text(_OURS + _RIGHTS), ours):
        if grantee == 0 or is_grantable or not given(table, right, column):
            on = table if column is None else f"{table}.{column}"
            passed_on = " WITH GRANT OPTION" if is_grantable else ""
            yield Object(table, f"right {right} of {role} on {on}{passed_on}", "")

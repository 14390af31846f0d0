"""The rights of a PostgreSQL role that works with custmerge: those that the commands need and no others."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from custmerge.errors import N_, BadValue
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables import (
    batch,
    batch_chunk,
    before_image,
    customer,
    domain,
    form,
    guess,
    head,
    history,
    lock,
    order,
    package,
    proof,
    service,
    session,
    staff,
    transfer,
)

# The history can be read and appended to, not changed or deleted.
_READ_AND_ADD = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE"
_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_OF_TABLES = {
    "custmerge_version": "SELECT",
    head.name: "SELECT, UPDATE",
    history.name: _READ_AND_ADD,
    order.name: _READ_AND_ADD,
    # Erased by purge. The entry has its digest, so an audit finds any other change.
    before_image.name: "SELECT, INSERT, UPDATE (salt, image)",
    # Erased by purge, too. The entry has the form's digest.
    form.name: "SELECT, INSERT, UPDATE (content)",
    batch_chunk.name: "SELECT, INSERT, UPDATE (results)",
    **{table.name: _CHANGE for table in (customer, package, staff, service, transfer, batch)},
    **{table.name: _EVERYTHING for table in (domain, session, proof, guess, lock)},
}
_ROLE = text(
    "SELECT rolsuper, EXISTS (SELECT 1 FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace "
    "ON pg_namespace.oid = relnamespace "
    "WHERE relname = 'custmerge_history' AND nspname = pg_catalog.current_schema() "
    "AND pg_catalog.pg_has_role(rolname, relowner, 'member')) AS is_owner "
    "FROM pg_catalog.pg_roles WHERE rolname = :role"
)
# Usage, not membership: a member that has to SET ROLE first isn't the owner yet.
_STRANGER = text(
    "SELECT current_user::text FROM pg_catalog.pg_class WHERE oid = 'custmerge_history'::pg_catalog.regclass "
    "AND NOT pg_catalog.pg_has_role(relowner, 'usage')"
)
# Our own tables alone: the register may belong to a host.
_OF_OTHERS = text(
    "SELECT t.oid::pg_catalog.regclass::text, rolname::text FROM pg_catalog.pg_class t "
    "JOIN pg_catalog.pg_class h ON h.oid = 'custmerge_history'::pg_catalog.regclass "
    "AND h.relnamespace = t.relnamespace JOIN pg_catalog.pg_roles ON pg_roles.oid = h.relowner "
    r"WHERE t.relkind = 'r' AND t.relname LIKE 'custmerge\_%' AND t.relowner <> h.relowner "
    "AND pg_catalog.pg_get_userbyid(t.relowner) = current_user"
)
_MAY = text("SELECT pg_catalog.has_table_privilege(:role, :table, :right) AND :column = ''")
_MAY_COLUMN = text("SELECT pg_catalog.has_column_privilege(:role, :table, :column, :right)")
# A role that may append to the history is one to work with.
_WORKING = text(
    "SELECT rolname::text FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) "
    "JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee "
    "WHERE pg_class.oid = 'custmerge_history'::pg_catalog.regclass AND privilege_type = 'INSERT' "
    "AND NOT rolsuper AND NOT pg_catalog.pg_has_role(grantee, relowner, 'member')"
)
_REGISTER = {table.name for table in (customer, package, domain)}
# These rights change, delete and insert no row.
_HARMLESS = ("SELECT", "REFERENCES", "MAINTAIN")
_NUMBERED = (staff, service, guess, transfer, batch)


def _check(connection: Connection, role: str) -> None:
    """Raise BadValue for a role that doesn't exist, and for one that needs no rights."""
    # PostgreSQL takes "public" for all roles, even in quotes.
    row = connection.execute(_ROLE, {"role": role}).first()
    if role == "public" or row is None:
        raise BadValue(name="--grant", value=role, why=N_("is no role of this server"))
    if row.rolsuper or row.is_owner:
        raise BadValue(
            name="--grant", value=role, why=N_("is a superuser or owns the tables: name a role that doesn't")
        )


def stranger(connection: Connection) -> str | None:
    """Return the connected role if it doesn't own the tables, None if it does; None on SQLite, which has no roles."""
    if not dialect_of(connection).is_server:
        return None
    role = connection.execute(_STRANGER).scalar()
    return None if role is None else str(role)


def give_to_owner(connection: Connection) -> None:
    """Give tables that an upgrade by a superuser has made to the owner of the history."""
    if not dialect_of(connection).is_server:
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table, owner in connection.execute(_OF_OTHERS).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {quote(owner)}")


def given(table: str, right: str, column: str | None) -> bool:
    """Return whether a role may have a right on one of our tables, or on one column of it.

    These are the rights that `grant` gives, rights that change no row, and rights to change rows of the register: the
    host's programs work with that as well.
    """
    if right in _HARMLESS or (table in _REGISTER and right in ("INSERT", "UPDATE", "DELETE")):
        return True
    rights = dict(re.findall(r"(\w+)(?: \(([^)]*)\))?", _OF_TABLES[table]))
    if right not in rights:
        return False
    return not rights[right] or column in rights[right].split(", ")


def lacking(connection: Connection) -> tuple[str, str, str] | None:
    """Return (role, right, table) for the first right that the connected role lacks; None if it lacks none.

    None as well for a role that can't write the history: it is one that only reads.
    """
    role = str(connection.exec_driver_sql("SELECT current_user::text").scalar_one())
    missing = _lacking(connection, role)
    return None if missing is None or missing[1] == history.name else (role, *missing)


def _lacking(connection: Connection, role: str) -> tuple[str, str] | None:
    """Return (right, table) for the first right that a role lacks, rights on the history first."""
    for table, rights in {history.name: "", **_OF_TABLES}.items():
        for right, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", rights):
            for column in columns.split(", "):
                asked = {"role": role, "table": table, "column": column, "right": right}
                if not connection.execute(_MAY_COLUMN if column else _MAY, asked).scalar():
                    return right, table
    return None


def short_of(connection: Connection) -> list[str]:
    """Return the roles that may append to the history and lack a right that this version needs."""
    if not dialect_of(connection).is_server:
        return []
    return [role for role in connection.execute(_WORKING).scalars().all() if _lacking(connection, role) is not None]


def grant(connection: Connection, role: str) -> None:
    """Give `role` the rights that the commands need, and revoke its other rights on our tables.

    Raises BadValue for a role that doesn't exist, a superuser and the owner of the tables.
    """
    _check(connection, role)
    quote = connection.dialect.identifier_preparer.quote_identifier
    database, schema = connection.execute(
        text("SELECT pg_catalog.current_database(), pg_catalog.current_schema()")
    ).one()
    to = quote(role)
    # TEMPORARY: an import keeps lines in temporary tables.
    statements = [
        f"GRANT CONNECT, TEMPORARY ON DATABASE {quote(database)} TO {to}",
        f"GRANT USAGE ON SCHEMA {quote(schema)} TO {to}",
    ]
    for table, rights in _OF_TABLES.items():
        statements.append(f"REVOKE ALL ON TABLE {quote(table)} FROM {to}")
        statements.append(f"GRANT {rights} ON TABLE {quote(table)} TO {to}")
    statements += [f"GRANT USAGE ON SEQUENCE {quote(table.name + '_id_seq')} TO {to}" for table in _NUMBERED]
    for statement in statements:
        connection.exec_driver_sql(statement)

"""What a PostgreSQL role of the application may do: what the commands need and nothing more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import text

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

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The history can be read and appended to; nothing that happened can be changed or deleted.
_READ_AND_ADD = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE"
_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_OF_TABLES = {
    "custmerge_version": "SELECT",
    head.name: "SELECT, UPDATE",
    history.name: _READ_AND_ADD,
    order.name: _READ_AND_ADD,
    # Erased by purge, and known by its digest in the history: what else were written there would be found.
    before_image.name: "SELECT, INSERT, UPDATE (salt, image)",
    # Erased by purge, too. A form is known by its digest in the history.
    form.name: "SELECT, INSERT, UPDATE (content)",
    batch_chunk.name: "SELECT, INSERT, UPDATE (results)",
    **{table.name: _CHANGE for table in (customer, package, staff, service, transfer, batch)},
    **{table.name: _EVERYTHING for table in (domain, session, proof, guess, lock)},
}
_ROLE = text(
    "SELECT rolsuper, EXISTS (SELECT 1 FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace "
    "ON pg_namespace.oid = relnamespace "
    "WHERE relname = 'custmerge_history' AND nspname = pg_catalog.current_schema() "
    "AND pg_catalog.pg_has_role(rolname, relowner, 'member')) "
    "FROM pg_catalog.pg_roles WHERE rolname = :role"
)
# Usage, not membership: who could become the owner by SET ROLE hasn't yet.
_STRANGER = text(
    "SELECT current_user::text FROM pg_catalog.pg_class WHERE oid = 'custmerge_history'::pg_catalog.regclass "
    "AND NOT pg_catalog.pg_has_role(relowner, 'usage')"
)
# Of ours alone: the register may be a host's.
_OF_OTHERS = text(
    "SELECT t.oid::pg_catalog.regclass::text, rolname::text FROM pg_catalog.pg_class t "
    "JOIN pg_catalog.pg_class h ON h.oid = 'custmerge_history'::pg_catalog.regclass "
    "AND h.relnamespace = t.relnamespace JOIN pg_catalog.pg_roles ON pg_roles.oid = h.relowner "
    r"WHERE t.relkind = 'r' AND t.relname LIKE 'custmerge\_%' AND t.relowner <> h.relowner "
    "AND pg_catalog.pg_get_userbyid(t.relowner) = current_user"
)
_MAY = text("SELECT pg_catalog.has_table_privilege(:role, :table, :right) AND :column = ''")
_MAY_COLUMN = text("SELECT pg_catalog.has_column_privilege(:role, :table, :column, :right)")
# Whoever may append to the history is there to work.
_WORKING = text(
    "SELECT rolname::text FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) "
    "JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee "
    "WHERE pg_class.oid = 'custmerge_history'::pg_catalog.regclass AND privilege_type = 'INSERT' "
    "AND NOT rolsuper AND NOT pg_catalog.pg_has_role(grantee, relowner, 'member')"
)
_REGISTER = {table.name for table in (customer, package, domain)}
# What changes and deletes no row, and puts nothing in.
_HARMLESS = ("SELECT", "REFERENCES", "MAINTAIN")
_NUMBERED = (staff, service, guess, transfer, batch)


def _check(connection: Connection, role: str) -> None:
    # PostgreSQL takes "public" for everybody, in quotes too.
    found = connection.execute(_ROLE, {"role": role}).first()
    if role == "public" or found is None:
        raise BadValue(name="--grant", value=role, why=N_("is no role of this server"))
    if found[0] or found[1]:
        raise BadValue(
            name="--grant", value=role, why=N_("is a superuser or owns the tables: name a role that doesn't")
        )


def stranger(connection: Connection) -> str | None:
    """Return the connected role if it doesn't own the tables; None where it does, and for a file of SQLite's.

    A file belongs to everybody who can write it.
    """
    if not dialect_of(connection).is_server:
        return None
    found = connection.execute(_STRANGER).scalar()
    return None if found is None else str(found)


def give_to_owner(connection: Connection) -> None:
    """Let tables that an upgrade has made belong to whom the history does: a superuser may have run it."""
    if not dialect_of(connection).is_server:
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table, owner in connection.execute(_OF_OTHERS).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {quote(owner)}")


def given(table: str, right: str, column: str | None) -> bool:
    """Return whether a role may have a right on one of our tables, or on one column of it, without harm.

    That is what `grant` gives, and what changes no row. The register is the host's as well: rows of it may be changed
    by other programs.
    """
    if right in _HARMLESS or (table in _REGISTER and right in ("INSERT", "UPDATE", "DELETE")):
        return True
    rights = dict(re.findall(r"(\w+)(?: \(([^)]*)\))?", _OF_TABLES[table]))
    if right not in rights:
        return False
    return not rights[right] or column in rights[right].split(", ")


def lacking(connection: Connection) -> tuple[str, str, str] | None:
    """Return (role, right, table) for the first right that the connected role lacks to work with; None if none.

    A role that can't write history isn't there to work: it reads.
    """
    role = str(connection.exec_driver_sql("SELECT current_user::text").scalar_one())
    found = _lacking(connection, role)
    return None if found is None or found[1] == history.name else (role, *found)


def _lacking(connection: Connection, role: str) -> tuple[str, str] | None:
    """Return (right, table) for the first right that a role lacks to work with, those on the history first."""
    for table, rights in {history.name: "", **_OF_TABLES}.items():
        for right, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", rights):
            for column in columns.split(", "):
                asked = {"role": role, "table": table, "column": column, "right": right}
                if not connection.execute(_MAY_COLUMN if column else _MAY, asked).scalar():
                    return right, table
    return None


def short_of(connection: Connection) -> list[str]:
    """Return the roles that work here, for they may append to the history, and lack a right that is needed today."""
    if not dialect_of(connection).is_server:
        return []
    return [role for role in connection.execute(_WORKING).scalars().all() if _lacking(connection, role) is not None]


def grant(connection: Connection, role: str) -> None:
    """Give `role` exactly these rights; what it had on our tables before is taken away first.

    Raises BadValue for a role that isn't there or that no right of a table binds.
    """
    _check(connection, role)
    quote = connection.dialect.identifier_preparer.quote_identifier
    database, schema = connection.execute(
        text("SELECT pg_catalog.current_database(), pg_catalog.current_schema()")
    ).one()
    to = quote(role)
    # Temporary tables hold what an import has to judge at its end.
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

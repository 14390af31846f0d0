"""The rights of a PostgreSQL role that works with custmerge: those that the commands need and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from custmerge.errors import N_, BadValue, NotOwnerOfRights
from custmerge.storage.dialect import dialect_of
from custmerge.storage.host.privileges import may
from custmerge.storage.register.mapping import OWN, RegisterMapping
from custmerge.storage.tables import every as tables

if TYPE_CHECKING:
    from custmerge.rules.attach.rights import TableRights
    from custmerge.rules.host_schema import HostTable

# The history can be read and appended to, not changed or deleted.
_READ_AND_ADD = "SELECT, INSERT"
_CHANGED = (tables.customer, tables.package, tables.staff, tables.service, tables.transfer, tables.batch)
_EMPTIED = (
    *(tables.domain, tables.session, tables.proof, tables.guess, tables.lock),
    *(tables.tombstone, tables.contact, tables.dismissal),
)
_OF_TABLES = {
    "custmerge_version": "SELECT",
    tables.mapping.name: "SELECT",
    tables.head.name: "SELECT, UPDATE",
    tables.history.name: _READ_AND_ADD,
    tables.order.name: _READ_AND_ADD,
    # Erased by purge. The entry has its digest, so an audit finds any other change.
    tables.before_image.name: "SELECT, INSERT, UPDATE (salt, image)",
    # Erased by purge, too. The entry has the form's digest.
    tables.form.name: "SELECT, INSERT, UPDATE (content)",
    tables.batch_chunk.name: "SELECT, INSERT, UPDATE (results)",
    **{table.name: "SELECT, INSERT, UPDATE" for table in _CHANGED},
    **{table.name: "SELECT, INSERT, UPDATE, DELETE" for table in _EMPTIED},
}
_ROLE = text(
    "SELECT rolsuper, EXISTS (SELECT 1 FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace "
    "ON pg_namespace.oid = relnamespace "
    "WHERE relname = 'custmerge_history' AND nspname = pg_catalog.current_schema() "
    "AND pg_catalog.pg_has_role(rolname, relowner, 'member')) AS is_owner "
    "FROM pg_catalog.pg_roles WHERE rolname = :role"
)
# Usage, not membership: a member that has to SET ROLE first isn't the owner yet.
_NON_OWNER = text(
    "SELECT current_user::text FROM pg_catalog.pg_class WHERE oid = 'custmerge_history'::pg_catalog.regclass "
    "AND NOT pg_catalog.pg_has_role(relowner, 'usage')"
)
# Only custmerge's own tables: the register may belong to a host.
_OF_OTHERS = text(
    "SELECT t.oid::pg_catalog.regclass::text, rolname::text FROM pg_catalog.pg_class t "
    "JOIN pg_catalog.pg_class h ON h.oid = 'custmerge_history'::pg_catalog.regclass "
    "AND h.relnamespace = t.relnamespace JOIN pg_catalog.pg_roles ON pg_roles.oid = h.relowner "
    r"WHERE t.relkind = 'r' AND t.relname LIKE 'custmerge\_%' AND t.relowner <> h.relowner "
    "AND pg_catalog.pg_get_userbyid(t.relowner) = current_user"
)
_MAY = text("SELECT pg_catalog.has_table_privilege(:role, :table, :right) AND :column = ''")
_MAY_COLUMN = text("SELECT pg_catalog.has_column_privilege(:role, :table, :column, :right)")
# A role that may append to the history is one that works with custmerge.
_WORKING = text(
    "SELECT rolname::text FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) "
    "JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee "
    "WHERE pg_class.oid = 'custmerge_history'::pg_catalog.regclass AND privilege_type = 'INSERT' "
    "AND NOT rolsuper AND NOT pg_catalog.pg_has_role(grantee, relowner, 'member')"
)
# These rights change, delete and insert no row.
_HARMLESS = ("SELECT", "REFERENCES", "MAINTAIN")
_DROPS = ("INSERT", "DELETE")
"""The further rights on a host's table whose rows are dropped, and given back by an undo."""
_NUMBERED = (tables.staff, tables.service, tables.guess, tables.transfer, tables.batch)


def given(table: str, right: str, column: str | None) -> bool:
    """Return whether a role may have a right on one of custmerge's tables, or on one column of it.

    These are the rights that `grant` gives, rights that change no row, and rights to change rows of the register,
    with which the host's programs work as well.
    """
    if right in _HARMLESS or (table in tables.REGISTER_TABLES and right in ("INSERT", "UPDATE", "DELETE")):
        return True
    columns = dict(_parts(_OF_TABLES[table])).get(right)
    return columns is not None and (columns == [""] or column in columns)


def _parts(rights: str) -> list[tuple[str, list[str]]]:
    """Return each right with its columns; a right on the whole table has an empty text as its only column."""
    return [(right, columns.split(", ")) for right, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", rights)]


class Rights:
    """The rights of the roles of a database, inside one transaction; SQLite has no roles."""

    def __init__(self, connection: Connection, mapping: RegisterMapping = OWN) -> None:
        self._connection = connection
        self._of_tables = {table: rights for table, rights in _OF_TABLES.items() if table not in mapping.replaced}
        self._host = mapping.host
        self._is_server = dialect_of(connection).is_server

    def non_owner(self) -> str | None:
        """Return the connected role if it doesn't own the tables; None if it does, and on SQLite."""
        role = self._connection.execute(_NON_OWNER).scalar() if self._is_server else None
        return None if role is None else str(role)

    def give_to_owner(self) -> None:
        """Change the owner of tables that an upgrade by a superuser has made to the owner of the history."""
        for table, owner in self._connection.execute(_OF_OTHERS).all() if self._is_server else ():
            self._connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {self._quoted(owner)}")

    def lacking(self) -> tuple[str, str, str] | None:
        """Return (role, right, table) for the first right that the connected role lacks; None if it lacks none.

        None also for a role that can't write the history, because such a role only reads.
        """
        role = str(self._connection.exec_driver_sql("SELECT current_user::text").scalar_one())
        missing = self._lacking(role)
        return None if missing is None or missing[1] == tables.history.name else (role, *missing)

    def roles_lacking_rights(self) -> list[str]:
        """Return the roles that may append to the history and lack a right that this version needs."""
        roles = self._connection.execute(_WORKING).scalars().all() if self._is_server else ()
        return [role for role in roles if self._lacking(role) is not None]

    def grant(self, role: str) -> None:
        """Give `role` the rights that the commands need, and revoke its other rights on custmerge's tables.

        Of a host's tables it gets what their mapping needs and loses nothing: its programs may have the same role.
        Raises BadValue for a role that doesn't exist, a superuser and the owner of the tables; NotOwnerOfRights if
        the rights on a host's tables aren't the connected role's to give.
        """
        self._check(role)
        database, schema = self._connection.execute(
            text("SELECT pg_catalog.current_database(), pg_catalog.current_schema()")
        ).one()
        to = self._quoted(role)
        # TEMPORARY: an import keeps lines in temporary tables.
        statements = [
            f"GRANT CONNECT, TEMPORARY ON DATABASE {self._quoted(database)} TO {to}",
            f"GRANT USAGE ON SCHEMA {self._quoted(schema)} TO {to}",
        ]
        for table, rights in self._of_tables.items():
            statements.append(f"REVOKE ALL ON TABLE {self._quoted(table)} FROM {to}")
            statements.append(f"GRANT {rights} ON TABLE {self._quoted(table)} TO {to}")
        sequences = [self._quoted(f"{table.name}_id_seq") for table in _NUMBERED]
        statements += [f"GRANT USAGE ON SEQUENCE {sequence} TO {to}" for sequence in sequences]
        for statement in (*statements, *self._host_grants(to)):
            self._connection.exec_driver_sql(statement)
        # The server only warns of rights that it doesn't give.
        if self._lacking(role) is not None:
            raise NotOwnerOfRights(user=self._connection.exec_driver_sql("SELECT current_user::text").scalar_one())

    def _host_grants(self, to: str) -> Iterator[str]:
        """Yield the statements that give rights on a host's tables."""
        for schema in sorted({table.schema for table, _ in self._host_rights if table.schema is not None}):
            yield f"GRANT USAGE ON SCHEMA {self._quoted(schema)} TO {to}"
        for table, rights in self._host_rights:
            written = ", ".join(map(self._quoted, rights.update))
            words = ["SELECT", *([f"UPDATE ({written})"] if written else []), *(_DROPS if rights.drops else ())]
            yield f"GRANT {', '.join(words)} ON TABLE {self._named(table)} TO {to}"

    @cached_property
    def _host_rights(self) -> list[tuple[HostTable, TableRights]]:
        """The host's tables with the rights that are needed on them."""
        if self._host is None:
            return []
        from custmerge.rules.attach.rights import rights_of

        schema = self._host.schema
        return [(schema.tables[each.table], each) for each in rights_of(self._host.resolved, schema)]

    def _host_needed(self) -> Iterator[tuple[HostTable, str, str]]:
        """Yield (table, right, column) of everything that is needed on a host's tables."""
        for table, needed in self._host_rights:
            words = [("SELECT", ""), *(("UPDATE", column) for column in needed.update)]
            words += [(right, "") for right in _DROPS] if needed.drops else []
            yield from ((table, right, column) for right, column in words)

    def _named(self, table: HostTable) -> str:
        name = self._quoted(table.plain_name)
        return name if table.schema is None else f"{self._quoted(table.schema)}.{name}"

    def _check(self, role: str) -> None:
        """Raise BadValue for a role that doesn't exist or needs no rights."""
        # PostgreSQL takes "public" for all roles, even in quotes.
        row = self._connection.execute(_ROLE, {"role": role}).first()
        if role == "public" or row is None:
            raise BadValue(name="--grant", value=role, why=N_("is no role of this server"))
        if row.rolsuper or row.is_owner:
            why = N_("is a superuser or owns the tables: name a role that doesn't")
            raise BadValue(name="--grant", value=role, why=why)

    def _lacking(self, role: str) -> tuple[str, str] | None:
        """Return (right, table) for the first right that a role lacks, rights on the history first."""
        for table, rights in {tables.history.name: "", **self._of_tables}.items():
            for right, columns in _parts(rights):
                for column in columns:
                    asked = {"role": role, "table": table, "column": column, "right": right}
                    if not self._connection.execute(_MAY_COLUMN if column else _MAY, asked).scalar():
                        return right, table
        return self._lacking_of_host(role)

    def _lacking_of_host(self, role: str) -> tuple[str, str] | None:
        for table, right, column in self._host_needed():
            if not may(self._connection, table, right, column, role):
                return right, table.name
        return None

    def _quoted(self, name: str) -> str:
        # With each percent sign twice, for the driver takes a single one for a parameter.
        return self._connection.dialect.identifier_preparer.quote_identifier(name)

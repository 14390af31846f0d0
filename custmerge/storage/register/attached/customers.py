"""The customers of a host's tables: their own rows, related rows, and which of them were merged away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
)

from custmerge.rules.fields import BANK_FIELDS, FIELDS, Field
from custmerge.rules.host_schema import HostColumn, HostSchema
from custmerge.rules.mapping import HostMapping, Related, Source, Sql
from custmerge.storage.dialect import LowerCase, RowAddress
from custmerge.storage.register.attached.columns import (
    alias,
    host_table,
    is_same,
    key_column,
    of_column,
    qualifiers,
    sql_of,
    text_or_empty,
)
from custmerge.storage.register.mapping import KeyColumn
from custmerge.storage.tables.attached import tombstone

_OWN_ROW = "customer"
"""What a mapping calls the customer's own row."""
_EMPTY: ColumnElement[str] = literal_column("''", Text())
# Any: columns of every type.
_Column = ColumnElement[Any]


class HostCustomers:
    """The customers of a mapping. A row without a number, or that fails the mapping's condition, is none."""

    def __init__(self, mapping: HostMapping, schema: HostSchema) -> None:
        self._mapping = mapping
        self._schema = schema
        self._table = schema.tables[mapping.customer.table]

    def column(self, name: str) -> HostColumn:
        """Return a column of the customers' table; raises LookupError."""
        return of_column(self._schema.tables, self._mapping.customer.table, name)

    @cached_property
    def rows(self) -> Subquery:
        """The own rows. SQL of the mapping that is about them alone is evaluated here, where no other table is."""
        of_customer = self._mapping.customer
        inner = [*self._sql(by_related=False).values(), *([of_customer.where] if of_customer.where else [])]
        outer = list(self._sql(by_related=True).values())
        table: FromClause = host_table(self._table)
        if self._calls_it_customer(inner):
            table = table.alias(_OWN_ROW)
        columns: list[_Column] = [table.c[name] for name in self._needed(everything=bool(outer))]
        columns += [sql_of(sql).label(_label(field)) for field, sql in self._sql(by_related=False).items()]
        columns += [table.c[column].label(_link(name)) for name, column in self._links(None)]
        number = key_column(table.c[of_customer.number], self.column(of_customer.number))
        there = select(*columns).select_from(table).where(number.text != "")
        if of_customer.where is not None:
            # What an order sets in the row of a number that it retires may make the condition false.
            key = text_or_empty(table.c[of_customer.key])
            is_retired = exists().where(tombstone.c.number == number.text, tombstone.c.customer_key == key)
            there = there.where(or_(sql_of(of_customer.where), is_retired))
        return there.subquery(_OWN_ROW if self._calls_it_customer(outer) else alias(self._table.plain_name))

    @cached_property
    def number(self) -> KeyColumn:
        """The number."""
        name = self._mapping.customer.number
        return key_column(self.rows.c[name], self.column(name))

    @property
    def key(self) -> _Column:
        """What packages and domains hold of their customer."""
        return self.rows.c[self._mapping.customer.key]

    @cached_property
    def keys(self) -> tuple[ColumnElement[str], ...]:
        """See `RegisterMapping.keys`."""
        return tuple(text_or_empty(self.rows.c[name]) for name in self._mapping.customer.all_keys)

    @cached_property
    def scope(self) -> tuple[ColumnElement[str], ...]:
        """See `RegisterMapping.scope`."""
        return tuple(text_or_empty(self.rows.c[name]) for name in self._mapping.customer.same)

    @cached_property
    def password(self) -> ColumnElement[str | None]:
        """The hash of the own password; NULL where there is none."""
        name = self._mapping.customer.password
        return cast(null(), Text) if name is None else func.nullif(self.rows.c[name], "")

    @cached_property
    def fields(self) -> tuple[ColumnElement[str], ...]:
        """The eleven fields."""
        return tuple(self._value(field, self._mapping.fields.get(field)) for field in FIELDS)

    @cached_property
    def merged_into(self) -> ColumnElement[str | None]:
        """The number into which one was merged."""
        return self._tombstones.c.custmerge_merged_into

    @cached_property
    def searched(self) -> ColumnElement[str]:
        """What `find` searches; of a number that was merged away only the number."""
        text: _Column = self.number.text
        for field, value in zip(FIELDS, self.fields, strict=True):
            if field not in BANK_FIELDS and field in self._mapping.fields:
                text = text + literal_column("' '", Text()) + value
        return LowerCase(case((self.merged_into.is_(None), text), else_=self.number.text))

    @cached_property
    def with_records(self) -> FromClause:
        """The own rows with their related rows and what says where they went."""
        joined: FromClause = self.rows
        for name, row in self._related.items():
            joined = joined.outerjoin(row, self._is_first(name, row))
        return joined.outerjoin(self._tombstones, self._tombstones.c.custmerge_number == self.number.text)

    @cached_property
    def _tombstones(self) -> Subquery:
        # Under names that no table of a host has, because SQL of the mapping may name columns without their table.
        columns = tombstone.c.number.label("custmerge_number"), tombstone.c.merged_into.label("custmerge_merged_into")
        return select(*columns).subquery("custmerge_tombstones")

    @cached_property
    def _related(self) -> dict[str, Subquery]:
        """The tables of the related rows that fields need, under the names of the rows; each after what it needs."""
        return {name: self._related_table(name) for name in self._order()}

    def _order(self) -> Iterator[str]:
        asked = [source.related for source in self._mapping.fields.values() if not isinstance(source, Sql)]
        for sql in self._sql(by_related=True).values():
            asked += sorted(qualifiers(sql) & self._mapping.related.keys())
        given: set[str] = set()
        for name in asked:
            way = []
            while name is not None and name not in given:
                given.add(name)
                way.append(name)
                name = self._mapping.related[name].from_related  # noqa: PLW2901 (the next step of the way)
            yield from reversed(way)

    def _related_table(self, name: str) -> Subquery:
        """Return the rows that may be the one of `[related.NAME]`, under that name."""
        related = self._mapping.related[name]
        of_table = self._schema.tables[related.table]
        table = host_table(of_table)
        columns: list[_Column] = list(table.c)
        columns += [table.c[column].label(_link(further)) for further, column in self._links(name)]
        if not of_table.row_key:
            columns.append(RowAddress().label("custmerge_row"))
        rows = select(*columns).select_from(table)
        if related.where is not None:
            rows = rows.where(sql_of(related.where))
        return rows.subquery(alias(name))

    def _is_first(self, name: str, row: Subquery) -> ColumnElement[bool]:
        """Return the condition that a row is the one of `[related.NAME]`: the first by its order, then by its key.

        Where there may be several, its key is found by a query of its own for each customer, which both databases do
        by index.
        """
        related = self._mapping.related[name]
        of_table = self._schema.tables[related.table]
        if any(unique.is_plain and unique.columns == (related.on,) for unique in of_table.uniques):
            return self._is_linked(related, row)
        table = host_table(of_table)
        keys: list[_Column] = [table.c[key] for key in of_table.row_key] or [RowAddress()]
        orders: list[_Column] = [] if related.order is None else [literal_column(f"{related.order}\n")]
        first = select(*keys).select_from(table).where(self._is_linked(related, table)).order_by(*orders, *keys)
        if related.where is not None:
            first = first.where(sql_of(related.where))
        names = of_table.row_key or ("custmerge_row",)
        return and_(
            *(
                row.c[key_name] == first.with_only_columns(key).limit(1).scalar_subquery()
                for key_name, key in zip(names, keys, strict=True)
            )
        )

    def _is_linked(self, related: Related, rows: FromClause) -> ColumnElement[bool]:
        """Return the condition that rows of a related table have the key that the customer gives."""
        tables = self._schema.tables
        giver = self._mapping.table_of(related.from_related)
        on = rows.c[related.on]
        return is_same(
            on,
            of_column(tables, related.table, related.on),
            # Without a table's name: the rows' own table may have the name of the one that it comes from.
            literal_column(_link(related.name), on.type),
            of_column(tables, giver, related.from_column),
        )

    def _value(self, field: Field, source: Source | None) -> ColumnElement[str]:
        if source is None:
            return _EMPTY
        if isinstance(source, Sql):
            is_outer = field in self._sql(by_related=True)
            return text_or_empty(sql_of(source.text) if is_outer else self.rows.c[_label(field)])
        row = self.rows if source.related is None else self._related[source.related]
        return text_or_empty(row.c[source.column])

    def _sql(self, *, by_related: bool) -> dict[Field, str]:
        """Return the fields that are SQL expressions and name a related row, or those that name none."""
        return {
            field: source.text
            for field, source in self._mapping.fields.items()
            if isinstance(source, Sql) and bool(qualifiers(source.text) & self._mapping.related.keys()) is by_related
        }

    def _needed(self, *, everything: bool) -> list[str]:
        """Return the columns of the own rows that are read; `everything` for SQL that may name any."""
        if everything:
            return list(self._table.column_names)
        of_customer = self._mapping.customer
        own = [
            source.column
            for source in self._mapping.fields.values()
            if not isinstance(source, Sql) and source.related is None
        ]
        names = [*of_customer.all_keys, of_customer.number, *of_customer.same, *own]
        return list(dict.fromkeys(names + ([of_customer.password] if of_customer.password else [])))

    def _links(self, giver: str | None) -> list[tuple[str, str]]:
        """Return the related rows that are found by a column of `giver`, another related row or None, with it."""
        return [
            (name, related.from_column)
            for name, related in self._mapping.related.items()
            if related.from_related == giver
        ]

    def _calls_it_customer(self, texts: list[str]) -> bool:
        """Return whether SQL of the mapping names the own row as the mapping does, and not by its table."""
        named = {name for text in texts for name in qualifiers(text)}
        return _OWN_ROW in named and self._table.plain_name not in named


def _label(field: Field) -> str:
    return f"custmerge_{field}"


def _link(name: str) -> str:
    return f"custmerge_from_{name}"

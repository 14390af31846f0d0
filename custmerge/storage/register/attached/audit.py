"""Rows of a host's tables that point at numbers which were merged away: the host added them afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, select

from custmerge.rules.fields import Customer
from custmerge.rules.mapping import Itself
from custmerge.rules.references.cells import is_true, text_of
from custmerge.rules.references.table_rules import CustomerReference
from custmerge.storage.dialect import Row, among, dialect_of, streamed
from custmerge.storage.register.attached.reading import HostReader, host_reader
from custmerge.storage.register.attached.references import Followed
from custmerge.storage.register.attached.table_sql import HostTableSql
from custmerge.storage.register.records import Register
from custmerge.storage.tables.attached import tombstone

NUMBERS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class RowsLeft:
    """Rows of one reference that point at a number that was merged away."""

    table: str
    column: str
    number: str
    rows: int


class ReferenceAudit:
    """The audit's queries of a host's references, inside one transaction that writes nothing."""

    def __init__(self, connection: Connection, register: Register, followed: Followed) -> None:
        self._connection = connection
        self._register = register
        self._followed = followed

    def rows_left(self, only: Collection[str] | None) -> Iterator[RowsLeft]:
        """Yield the rows that point at retired numbers, at `only` these unless it is None."""
        tables = self._followed.on_server if dialect_of(self._connection).is_server else self._followed.in_file
        statement = select(tombstone.c.number).order_by(tombstone.c.number)
        if only is not None:
            statement = statement.where(among(tombstone.c.number, only))
        numbers = [row.number for row in streamed(self._connection, statement, NUMBERS_AT_ONCE)]
        rest = iter(numbers)
        while part := list(islice(rest, NUMBERS_AT_ONCE)):
            records = self._register.customers_with_chains(part)
            with host_reader(self._connection) as reader:
                for name in sorted(tables):
                    yield from _of_table(reader, tables[name], part, records)


def _of_table(
    reader: HostReader, table: HostTableSql, numbers: Collection[str], records: Mapping[str, Customer]
) -> Iterator[RowsLeft]:
    for reference in table.rules.references:
        by_text = {
            text: number
            for number in numbers
            if number in records and (text := reference.text(records[number].keys)) is not None
        }
        condition = table.holding(reference.column, by_text.keys())
        if condition is None:
            continue
        is_indexed = table.table.is_indexed(reference.column)
        rows = reader.rows(table, [condition], lock=False, by_index=is_indexed)
        found = Counter(
            number
            for row in rows
            if _holds(table, reference, row)
            and (number := by_text.get(_text(table, row, reference.column) or "")) is not None
            and not _was_left(table, reference, row, records[number], records)
        )
        for number in sorted(found):
            yield RowsLeft(table.rules.table, reference.column, number, found[number])


def _text(table: HostTableSql, row: Row, column: str) -> str | None:
    return text_of(row[table.rules.columns.index(column)])


def _holds(table: HostTableSql, reference: CustomerReference, row: Row) -> bool:
    """Return whether the row's cell is a customer's key at all."""
    if reference.where is None:
        return True
    return is_true(row[len(table.rules.columns) + list(table.rules.computed).index(reference.where)])


def _was_left(
    table: HostTableSql,
    reference: CustomerReference,
    row: Row,
    record: Customer,
    records: Mapping[str, Customer],
) -> bool:
    """Return whether an order has left the row, because it would point from the survivor to the survivor."""
    survivor = records.get(record.merged_into or "")
    if reference.itself is not Itself.LEAVE or survivor is None:
        return False
    return any(
        (text := other.text(survivor.keys)) is not None and _text(table, row, other.column) == text
        for other in table.rules.references
        if other.column != reference.column
    )

"""Related rows: which row of another table is a customer's, where `--take` and `--fill` may write into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from custmerge.rules.fields import Customer
from custmerge.rules.references.cells import Key, text_of
from custmerge.rules.references.table_rules import TableRules
from custmerge.storage.register.attached.table_sql import HostTableSql

if TYPE_CHECKING:
    from custmerge.storage.dialect import Row
    from custmerge.storage.register.attached.reading import HostReader
    from custmerge.storage.register.attached.references import Followed


class RelatedRows:
    """The related rows of customers: of each the first by its order, and then by its key."""

    def __init__(self, followed: Followed, reader: HostReader, living: Sequence[Customer]) -> None:
        self._followed = followed
        self._mapping = followed.mapping
        self._reader = reader
        self._living = living

    def keys(self, name: str) -> dict[str, Key]:
        """Return by number the key of the row of a `[related.NAME]`."""
        return self._first(name, self._followed.by_table[self._mapping.related[name].table].key)

    def _first(self, name: str, columns: tuple[str, ...]) -> dict[str, Row]:
        """Return by number the cells of `columns` in the row of a `[related.NAME]`."""
        related = self._mapping.related[name]
        table = self._sql(related.table)
        froms = self._froms(related.from_related, related.from_column)
        condition = table.holding(related.on, {text for text in froms.values() if text})
        if condition is None:
            return {}
        statement = table.first_of_each(related.on, columns, condition.sql, related.where, related.order)
        first = {text_of(on): tuple(cells) for on, *cells in self._reader.fetched(statement, condition)}
        return {number: first[text] for number, text in froms.items() if text in first}

    def _froms(self, related: str | None, column: str) -> dict[str, str | None]:
        """Return by number the text in a column of the customer's own row, or of another related row."""
        if related is not None:
            return {number: text_of(cell) for number, (cell,) in self._first(related, (column,)).items()}
        customer = self._mapping.customer
        keys = {record.number: record.keys[0] for record in self._living}
        if column == customer.key:
            return dict(keys)
        table = self._sql(customer.table)
        condition = table.holding(customer.key, set(keys.values()))
        if condition is None:
            return {}
        statement = table.first_of_each(customer.key, (column,), condition.sql, None, None)
        cells = {text_of(key): text_of(cell) for key, cell in self._reader.fetched(statement, condition)}
        return {number: cells[key] for number, key in keys.items() if key in cells}

    def _sql(self, name: str) -> HostTableSql:
        table = self._followed.schema.tables[name]
        rules = TableRules(name, table.row_key, table.row_key)
        return HostTableSql(table, rules, is_server=self._reader.is_server)

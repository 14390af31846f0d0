"""Reading of the rows that follow a host's customers: a statement for each table, however many customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.rules.fields import Customer, Field
from custmerge.rules.references.cells import Cell, Key, text_of
from custmerge.rules.references.state import References
from custmerge.rules.references.table_rules import (
    CellAt,
    ChildReference,
    CustomerReference,
    OwnRows,
    PackageRow,
    RowAt,
)
from custmerge.rules.references.wanted import rows_wanted
from custmerge.storage.dialect import Row
from custmerge.storage.register.attached.key_texts import KeyTexts
from custmerge.storage.register.attached.related_rows import RelatedRows
from custmerge.storage.register.attached.table_sql import Condition, HostTableSql

if TYPE_CHECKING:
    from custmerge.rules.references.nothing import RowChanges
    from custmerge.rules.references.table_rules import WrittenCells
    from custmerge.storage.register.attached.reading import HostReader
    from custmerge.storage.register.attached.references import Followed


class ReferenceReading:
    """One reading, in one transaction."""

    def __init__(
        self, followed: Followed, sql: Mapping[str, HostTableSql], reader: HostReader, *, lock: bool
    ) -> None:
        self._followed = followed
        self._mapping = followed.mapping
        self._sql = sql
        self._reader = reader
        self._lock = lock
        self._texts: dict[tuple[int, tuple[str, str], bool], KeyTexts] = {}

    def for_orders(self, living: Sequence[Customer], absorbed: Collection[str], written: WrittenCells) -> References:
        """Return the rows that orders among `living` customers may change, of whom `absorbed` may be absorbed."""
        gone = [customer for customer in living if customer.number in absorbed]
        related = self._related(living)
        own: dict[str, list[Row]] = {}
        for table in self._own_tables():
            also = [*self._own_conditions(table, living, related)]
            own[table] = self._rows_of(table, living, gone, also)
        references = References(self._followed.by_table, self._own_rows(own, living, related), written)
        found: dict[str, list[Row]] = {}
        added = self._add_packed(references, gone)
        for table in self._followed.by_table:
            if table in added:
                continue
            rows = own.pop(table) if table in own else self._rows_of(table, living, gone, ())
            references.add(table, rows)
            if table in self._followed.parents:
                found[table] = rows
        self._add_children(references, found)
        return references

    def for_undos(self, changes: Iterable[RowChanges]) -> References:
        """Return the rows on which undoing orders that made `changes` depends."""
        references = References(self._followed.by_table, customers=self._mapping.customer.table)
        wanted = rows_wanted(self._followed.by_table, changes)
        for table in self._followed.by_table:
            sql = self._sql[table]
            conditions = [
                *sql.equal(sql.rules.key, wanted.keys.get(table, ())),
                *(c for columns, rows in wanted.values.get(table, {}).items() for c in sql.equal(columns, rows)),
            ]
            references.add(table, self._reader.rows(sql, conditions, lock=self._lock))
        return references

    def _own_tables(self) -> list[str]:
        """Return the tables of customers, writable fields and packages, in the order of all tables."""
        mapping = self._mapping
        names = {mapping.customer.table, *(mapping.related[name].table for name in self._written_related())}
        if mapping.package is not None:
            names.add(mapping.package.table)
        elif mapping.domain is not None and mapping.domain.customer is not None:
            names.add(mapping.domain.table)
        return [table for table in self._followed.by_table if table in names]

    def _own_conditions(
        self, table: str, living: Sequence[Customer], related: Mapping[str, Mapping[str, Key]]
    ) -> Iterator[Condition]:
        sql, customer = self._sql[table], self._mapping.customer
        if table == customer.table:
            found = sql.holding(customer.key, {record.keys[0] for record in living})
            yield from () if found is None else (found,)
        for name, keys in related.items():
            if self._mapping.related[name].table == table:
                yield from sql.equal(sql.rules.key, set(keys.values()))

    def _rows_of(
        self, table: str, living: Sequence[Customer], gone: Sequence[Customer], also: Iterable[Condition]
    ) -> list[Row]:
        """Return the rows of a table that hold a customer's key, or that `also` finds."""
        sql = self._sql[table]
        is_plain = table in self._followed.plain
        conditions = [*also]
        is_indexed = True
        for reference in sql.rules.references:
            texts = self._keys_in(reference, gone if is_plain else living, of_gone=is_plain)
            if (condition := sql.holding(reference.column, texts)) is not None:
                conditions.append(condition)
                is_indexed &= sql.table.is_indexed(reference.column)
        return self._reader.rows(sql, conditions, lock=self._lock, by_index=is_indexed)

    def _add_packed(self, references: References, gone: Sequence[Customer]) -> set[str]:
        """Add the rows of tables of which only integers are read; returns these tables."""
        readings = dict[str, tuple[HostTableSql, Condition]]()
        for table in references.plain:
            sql = self._sql[table]
            if sql.is_packed:
                reference = sql.rules.references[0]
                condition = sql.holding(reference.column, self._keys_in(reference, gone, of_gone=True))
                if condition is not None:
                    readings[table] = (sql, condition)
        added = set[str]()
        packed = self._reader.packed(readings.values(), lock=self._lock)
        for table, groups in zip(readings, packed, strict=True):
            if groups is not None:
                added.add(table)
                for cell, keys in groups:
                    references.add_held(table, cell, keys)
        return added

    def _keys_in(self, reference: CustomerReference, customers: Sequence[Customer], *, of_gone: bool) -> KeyTexts:
        """Return what a reference to `customers` holds, which are all, or those who may be absorbed."""
        kind = (reference.key, reference.form, of_gone)
        if (texts := self._texts.get(kind)) is None:
            held = (reference.text(customer.keys) for customer in customers)
            texts = self._texts[kind] = KeyTexts(text for text in held if text is not None)
        return texts

    def _related(self, living: Sequence[Customer]) -> dict[str, dict[str, Key]]:
        """Return for each related table that may be written the key of each customer's row, by number."""
        rows = RelatedRows(self._followed, self._reader, living)
        return {name: rows.keys(name) for name in self._written_related()}

    def _written_related(self) -> list[str]:
        fields = self._mapping.written_fields.values()
        return sorted({source.related for source in fields if source.related is not None})

    def _own_rows(
        self, rows: Mapping[str, list[Row]], living: Sequence[Customer], related: Mapping[str, Mapping[str, Key]]
    ) -> OwnRows:
        customer = self._mapping.customer
        rules = self._followed.by_table[customer.table]
        place, width = rules.columns.index(customer.key), len(rules.key)
        by_key = {text_of(row[place]): row[:width] for row in rows[customer.table]}
        customers = {
            record.number: RowAt(customer.table, by_key[record.keys[0]])
            for record in living
            if record.keys[0] in by_key
        }
        fields: dict[tuple[str, Field], CellAt] = {}
        for field, source in self._mapping.written_fields.items():
            for number, row in customers.items():
                if source.related is None:
                    fields[number, field] = CellAt(row.table, row.key, source.column)
                elif (key := related[source.related].get(number)) is not None:
                    fields[number, field] = CellAt(self._mapping.table_of(source.related), key, source.column)
        return OwnRows(customers, fields, dict(self._packages(rows, living)), customer.retire)

    def _packages(
        self, rows: Mapping[str, list[Row]], living: Sequence[Customer]
    ) -> Iterator[tuple[str, PackageRow]]:
        package, domain = self._mapping.package, self._mapping.domain
        contact: Mapping[Field, str] = {}
        key: tuple[str, ...]
        if package is not None:
            table, key, customer, contact = package.table, (package.key,), package.customer, package.contact
        elif domain is not None and domain.customer is not None:
            table, key, customer = domain.table, self._followed.by_table[domain.table].key, domain.customer
        else:
            return
        rules = self._followed.by_table[table]
        named, place = [rules.columns.index(name) for name in key], rules.columns.index(customer)
        numbers = {record.keys[0] for record in living}
        for row in rows[table]:
            if text_of(row[place]) in numbers:
                text = ",".join(text_of(row[part]) or "" for part in named)
                yield text, PackageRow(table, row[: len(rules.key)], customer, contact)

    def _add_children(self, references: References, found: Mapping[str, list[Row]]) -> None:
        """Add, level by level, the rows that refer to rows which may be dropped."""
        read = {table: {self._key(table, row) for row in rows} for table, rows in found.items()}
        asked = set[tuple[str, tuple[str, ...], tuple[Cell, ...]]]()
        level: Mapping[str, list[Row]] = found
        while level:
            below: dict[str, list[Row]] = {}
            for table, rules in self._followed.by_table.items():
                conditions: list[Condition] = []
                for child in rules.children:
                    cells = {
                        each for each in self._referred(child, level) if (table, child.columns, each) not in asked
                    }
                    asked.update((table, child.columns, each) for each in cells)
                    conditions += self._sql[table].equal(child.columns, cells)
                rows = self._reader.rows(
                    self._sql[table],
                    conditions,
                    lock=self._lock,
                    by_index=all(self._sql[table].table.is_indexed(child.columns[0]) for child in rules.children),
                )
                if rows:
                    references.add(table, rows)
                    known = read.setdefault(table, set())
                    below[table] = [row for row in rows if self._key(table, row) not in known]
                    known.update(self._key(table, row) for row in rows)
            level = {table: rows for table, rows in below.items() if rows}

    def _key(self, table: str, row: Row) -> Key:
        return row[: len(self._followed.by_table[table].key)]

    def _referred(self, child: ChildReference, parents: Mapping[str, list[Row]]) -> Iterator[tuple[Cell, ...]]:
        """Yield the cells to which children of the parents' rows refer."""
        rules = self._followed.by_table[child.parent]
        places = [rules.columns.index(column) for column in child.to]
        for row in parents.get(child.parent, ()):
            cells = tuple(row[place] for place in places)
            if None not in cells:
                yield cells

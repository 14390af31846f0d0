"""The catalogue of a host's database as values: tables, columns, keys, constraints; and its fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import orjson

_WHOLE = re.compile(r"(?:numeric|decimal|dec|number)(?:\(\s*\d+\s*(?:,\s*0\s*)?\))?", re.IGNORECASE)
"""Types of numbers without a part behind the point."""


class Kind(StrEnum):
    """What a column holds, as far as custmerge treats it differently."""

    TEXT = "text"
    INTEGER = "integer"
    UUID = "uuid"
    NUMBER = "number"
    """Decimal or floating point."""
    MOMENT = "moment"
    """A date or time, without or with a zone."""
    BOOLEAN = "boolean"
    JSON = "json"
    BYTES = "bytes"
    OTHER = "other"


KEY_KINDS = (Kind.TEXT, Kind.INTEGER, Kind.UUID, Kind.NUMBER)
"""What keys of customers may be."""


class Fact(StrEnum):
    """What is kept of a host's rows."""

    HASH_KIND = "hash_kind"
    """The kind and cost that most of its customers' hashes have, see `hashes.HashKind.key`."""


class UniqueKind(StrEnum):
    """What refuses a second row."""

    PRIMARY = "primary"
    CONSTRAINT = "constraint"
    INDEX = "index"
    EXCLUSION = "exclusion"


@dataclass(frozen=True, slots=True)
class HostColumn:
    """A column of a host's table."""

    name: str
    type: str
    """As the database prints it: `bigint`, `character varying(36)`, `INTEGER`; may be empty on SQLite."""
    kind: Kind
    is_nullable: bool = True
    is_generated: bool = False
    """Computed by the database from other columns: it can't be written."""
    is_text_by_locale: bool = False
    """Whether its texts are equal in several writings (citext, NOCASE, a collation that isn't deterministic)."""

    @property
    def has_one_writing(self) -> bool:
        """Whether values that the database takes for equal have the same text: 12.0 and 12 don't, nor A and a."""
        return not self.is_text_by_locale and (
            self.kind is not Kind.NUMBER or _WHOLE.fullmatch(self.type) is not None
        )


@dataclass(frozen=True, slots=True)
class Unique:
    """A primary key, unique constraint, unique index or exclusion constraint."""

    name: str
    kind: UniqueKind
    columns: tuple[str, ...]
    """In the order of the index; an empty name in the place of an expression."""
    expressions: tuple[str, ...] = ()
    """SQL, in the order in which they stand for the empty names."""
    where: str | None = None
    """SQL: which rows it is about; None for all."""
    nulls_are_equal: bool = False
    is_deferrable: bool = False
    definition: str = ""
    """As the database prints it."""

    @property
    def is_plain(self) -> bool:
        """Whether it compares columns alone, of all rows."""
        return self.where is None and not self.expressions and self.kind is not UniqueKind.EXCLUSION


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key."""

    name: str
    columns: tuple[str, ...]
    table: str
    """The table that it refers to, as in `HostSchema.tables`."""
    to: tuple[str, ...]
    """The columns there, in the same order."""
    on_delete: str = "NO ACTION"
    is_deferrable: bool = False


@dataclass(frozen=True, slots=True)
class HostTable:
    """A table of a host's database."""

    name: str
    """As a mapping writes it: without its schema where the search path finds it, else `schema.table`."""
    schema: str | None
    """The schema to name in SQL; None where the search path finds the table, and on SQLite."""
    plain_name: str
    """The table's name in SQL, without a schema."""
    columns: tuple[HostColumn, ...]
    uniques: tuple[Unique, ...] = ()
    """The primary key first."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    """The leading plain columns of every index, those of keys and constraints included."""
    is_partitioned: bool = False
    has_heirs: bool = False
    """Whether other tables inherit from it (PostgreSQL's INHERITS): statements about it are about their rows, too."""
    triggers: tuple[str, ...] = ()
    """Definitions of the host's own triggers, sorted."""
    checks: tuple[str, ...] = ()
    """Definitions of check constraints, sorted."""
    home: str = ""
    """The schema that it is in, whether it is named or not."""
    rows: int = 0
    """About how many there are, by the database's own statistics; not part of the fingerprint."""

    def column(self, name: str) -> HostColumn | None:
        """Return the column of this name, None if there is none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of all columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns by which a row is found again: the primary key, else a plain unique without NULL; else none."""
        for unique in self.uniques:
            if unique.kind is UniqueKind.PRIMARY:
                return unique.columns
        for unique in self.uniques:
            if unique.is_plain and not unique.nulls_are_equal and not any(map(self._may_be_null, unique.columns)):
                return unique.columns
        return ()

    def is_indexed(self, column: str) -> bool:
        """Return whether rows are found by an index that begins with `column`."""
        return any(index[:1] == (column,) for index in self.indexes)

    def _may_be_null(self, name: str) -> bool:
        column = self.column(name)
        return column is None or column.is_nullable


@dataclass(frozen=True, slots=True)
class HostSchema:
    """Every table that a host's database has, except custmerge's own."""

    tables: Mapping[str, HostTable]
    """By the name that a mapping writes."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was found in the rows when it was attached, see `Fact`; not part of the fingerprint."""

    def table(self, name: str) -> HostTable | None:
        """Return the table of this name, None if there is none."""
        return self.tables.get(name)

    def foreign_keys_to(self, table: str) -> Iterator[tuple[HostTable, ForeignKey]]:
        """Yield the foreign keys that refer to `table`, with their tables, in the order of the tables' names."""
        for name in sorted(self.tables):
            for foreign_key in self.tables[name].foreign_keys:
                if foreign_key.table == table:
                    yield self.tables[name], foreign_key


_NOT_IN_FINGERPRINT = ("rows", "indexes")
"""How many rows there are, and what only makes queries quicker, changes nothing for an order."""


def fingerprint(schema: HostSchema, tables: Iterable[str]) -> str:
    """Return the SHA-256, in hex, of what the catalogue says about these tables; one that isn't there counts too."""
    digest = hashlib.sha256()
    for name in sorted(set(tables)):
        table = schema.table(name)
        values = {} if table is None else {k: v for k, v in asdict(table).items() if k not in _NOT_IN_FINGERPRINT}
        digest.update(orjson.dumps([name, values], option=orjson.OPT_SORT_KEYS) + b"\n")
    return digest.hexdigest()


def changed_tables(before: HostSchema, after: HostSchema) -> list[str]:
    """Return the names of the tables, sorted, for which the fingerprint isn't the same any more."""
    names = sorted(before.tables.keys() | after.tables.keys())
    return [name for name in names if _fixed(before.table(name)) != _fixed(after.table(name))]


def _fixed(table: HostTable | None) -> HostTable | None:
    """Return a table without what isn't part of the fingerprint."""
    return None if table is None else replace(table, rows=0, indexes=())


def schema_text(schema: HostSchema) -> str:
    """Return a catalogue as JSON: its facts and its tables, in the order of their names."""
    tables = [schema.tables[name] for name in sorted(schema.tables)]
    return orjson.dumps({"facts": dict(schema.facts), "tables": tables}).decode()


def schema_of(text: str) -> HostSchema:
    """Return the catalogue that `schema_text` wrote."""
    stored = orjson.loads(text)
    tables = [_table(values) for values in stored["tables"]]
    return HostSchema({table.name: table for table in tables}, stored["facts"])


# Any: values of JSON.
def _table(values: dict[str, Any]) -> HostTable:
    parts = {
        "columns": tuple(HostColumn(**_tuples(item) | {"kind": Kind(item["kind"])}) for item in values["columns"]),
        "uniques": tuple(Unique(**_tuples(item) | {"kind": UniqueKind(item["kind"])}) for item in values["uniques"]),
        "foreign_keys": tuple(ForeignKey(**_tuples(item)) for item in values["foreign_keys"]),
        "indexes": tuple(tuple(item) for item in values["indexes"]),
    }
    return HostTable(**_tuples(values) | parts)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

"""Which table holds the customers, and which of its columns are keys, number, password and tenant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from custmerge.rules.fields import IDENTITY_FIELDS, Field
from custmerge.rules.guessing.fields import columns_by_field
from custmerge.rules.guessing.names import CustomerNames, Fit, customer_names
from custmerge.rules.guessing.samples import Sample, comparable
from custmerge.rules.guessing.words import (
    ADDRESSES,
    BALANCES,
    BUSINESS,
    CLERKS,
    CREDENTIALS,
    CUSTOMER_WORDS,
    DESCRIPTIONS,
    ID_WORDS,
    LOGS,
    OTHER_PEOPLE,
    PASSWORDS,
    TENANTS,
    head,
    joined,
    word_set,
    words,
)
from custmerge.rules.host_schema import KEY_KINDS, HostColumn, HostSchema, HostTable, Kind
from custmerge.rules.mapping import CustomerMap

_NUMBERS = (
    "number", "no", "nr", "nummer", "code", "ref", "reference", "refno", "externalkey", "externalid", "kennung",
)  # fmt: skip
_KEY_WORDS = frozenset({"id", "uid", "ulid", "uuid", "guid", "oid", "record", "key"})
_NO_KEY_WORDS = frozenset({"token", "api", "secret", "session", "stripe", "google", "facebook", "vat", "tax"})
_OTHER_NUMBERS = word_set("vat tax ust steuer phone fax house haus bank account id postal zip country street")
_MOST_REFERENCES, _MOST_FIELDS = 20, 8
_USERS = frozenset({"user", "benutzer"})
_SMALLEST_SCORE = 6
_COMPARED_TABLES = 12
_LARGE = 50_000
_ENOUGH_ROWS = 10


@dataclass(frozen=True, slots=True)
class CustomerGuess:
    """The table that holds the customers."""

    table: HostTable
    names: CustomerNames
    keys: tuple[str, ...]
    """Single columns by which a row is told, the primary key first: references may hold any of them."""
    password: str | None
    same: tuple[str, ...]
    score: int
    references: int
    """How many columns of other tables refer to it by a constraint or by their names."""
    where: str | None = None
    """SQL: which of its rows are customers; None for all."""

    def column(self, name: str) -> HostColumn:
        """Return a column that the table has."""
        column = self.table.column(name)
        if column is None:
            raise LookupError(name)
        return column


def guess_customers(schema: HostSchema) -> list[CustomerGuess]:
    """Return the tables that may hold the customers, the likeliest first; empty if none looks like it."""
    tables = [table for table in schema.tables.values() if _may_be_customers(table)]
    # Names in all other tables are only compared with those of a few: with each of hundreds it would take minutes.
    likely = sorted(tables, key=lambda table: (-_own_score(schema, table), table.name))[:_COMPARED_TABLES]
    found = [guess for guess in (_guess(schema, table) for table in likely) if guess.score >= _SMALLEST_SCORE]
    return sorted(found, key=lambda guess: (-guess.score, guess.table.name))


def guess_for(schema: HostSchema, name: str) -> CustomerGuess | None:
    """Return what is guessed of a table that somebody says holds the customers; None if no column tells its rows."""
    table = schema.table(name)
    return None if table is None or not _single_keys(table) else _guess(schema, table)


def guess_of(schema: HostSchema, customer: CustomerMap) -> CustomerGuess | None:
    """Return the table that a mapping says, with every key that references may hold; None if it isn't there."""
    table = schema.table(customer.table)
    mapped = (*customer.all_keys, customer.number)
    columns = [] if table is None else [table.column(key) for key in mapped]
    if table is None or any(column is None or not _may_hold_key(column) for column in columns):
        return None
    keys = tuple(dict.fromkeys((*mapped, *_all_keys(schema, table))))
    names = customer_names(schema, table.name, keys)
    return CustomerGuess(table, names, keys, customer.password, customer.same, 0, 0, customer.where)


def with_number(guess: CustomerGuess, number: str | None) -> CustomerGuess:
    """Return a guess with the customer's number among the keys, because references may hold that too.

    Of a large table it has to be indexed: values of every column are looked for in it.
    """
    if number is None or (guess.table.rows > _LARGE and not guess.table.is_indexed(number)):
        return guess
    return replace(guess, keys=tuple(dict.fromkeys((*guess.keys, number))))


def number_columns(guess: CustomerGuess, sample: Sample) -> list[str]:
    """Return the columns that may hold the number that people say, the likeliest first.

    Their values are unique and never empty in the sampled rows; without rows, a constraint has to say so.
    """
    unique = {unique.columns for unique in guess.table.uniques if unique.is_plain}
    found = []
    for column in guess.table.columns:
        rank = _number_rank(guess, column)
        if rank is None or column.name not in sample.columns:
            continue
        values = list(sample.values(column.name))
        is_complete = len(values) == len(sample.rows) == len(set(values))
        if is_complete and (values or ((column.name,) in unique and not column.is_nullable)):
            found.append((rank, column.name))
    return [name for _, name in sorted(found)]


def balance_columns(table: HostTable) -> tuple[str, ...]:
    """Return the columns of a customers' table that look like money of theirs: `account_balance`, `credit`."""
    return tuple(
        column.name
        for column in table.columns
        if column.kind in (Kind.NUMBER, Kind.INTEGER)
        and not frozenset(words(column.name)[-1:]).isdisjoint(BALANCES)
        and frozenset(words(column.name)).isdisjoint(ID_WORDS)
    )


def without_personal(guess: CustomerGuess, sample: Sample) -> CustomerGuess:
    """Return a guess without tenants that nearly every customer has alone: those are numbers of their own."""
    if len(sample.rows) < _ENOUGH_ROWS:
        return guess
    shared = tuple(name for name in guess.same if 2 * len(set(sample.values(name))) <= len(sample.rows))
    return replace(guess, same=shared)


def _may_be_customers(table: HostTable) -> bool:
    return bool(_single_keys(table)) and not frozenset(head(table.name)) & (LOGS | CREDENTIALS | OTHER_PEOPLE)


def _own_score(schema: HostSchema, table: HostTable) -> int:
    """Return what a table's name, columns and foreign keys say."""
    own = columns_by_field(table)
    fields = {*own, *_described_elsewhere(schema, table)}
    score = 2 * _name_points(head(table.name)) + 2 * min(len(fields), _MOST_FIELDS)
    score += min(_constraint_points(schema, table), _MOST_REFERENCES)
    score += 2 * (_password(table) is not None) + 2 * (Field.EMAIL in fields)
    # Staff have no postal address.
    score += 4 * ({Field.STREET, Field.CITY} <= fields)
    score -= 8 * (head(table.name)[-1] in BUSINESS)
    return score - 12 * (not fields & {*IDENTITY_FIELDS, Field.EMAIL})


def _described_elsewhere(schema: HostSchema, table: HostTable) -> set[Field]:
    """Return the fields in tables of persons to which this one refers."""
    described = [t for t in schema.tables.values() if t is not table and head(t.name)[-1] in DESCRIPTIONS]
    named = {(*head(t.name), "id"): t for t in described}
    by_constraint = {foreign_key.table for foreign_key in table.foreign_keys}
    by_name = {named[words(c.name)].name for c in table.columns if words(c.name) in named}
    return {field for t in described if t.name in by_constraint | by_name for field in columns_by_field(t)}


def _guess(schema: HostSchema, table: HostTable) -> CustomerGuess:
    keys = _all_keys(schema, table)
    names = customer_names(schema, table.name, keys)
    by_constraint = {(t.name, fk.columns) for t, fk in schema.foreign_keys_to(table.name)}
    by_name = list(_by_name(schema, table, names, keys))
    left = max(_MOST_REFERENCES - _constraint_points(schema, table), 0)
    score = _own_score(schema, table) + min(sum(by_name) // 2, left)
    score += 8 * _has_addresses(schema, names) - 8 * (not by_constraint and not by_name)
    return CustomerGuess(
        table=table,
        names=names,
        keys=keys,
        password=_password(table),
        same=_tenants(table, keys, columns_by_field(table)),
        score=score,
        references=len(by_constraint) + len(by_name),
    )


def _has_addresses(schema: HostSchema, names: CustomerNames) -> bool:
    """Return whether a table of addresses refers to this one."""
    return any(
        head(table.name)[-1] in ADDRESSES
        and any(names.fit(table.name, column.name) is Fit.EXACT for column in table.columns)
        for table in schema.tables.values()
        if table.name != names.table
    )


def _name_points(plain: tuple[str, ...]) -> int:
    """Return how much a table's name says; a word in front of the last (`sales_partner`) makes it say less."""
    points = CUSTOMER_WORDS.get(plain[-1], 0)
    return points if len(plain) == 1 else points // 2


def _all_keys(schema: HostSchema, table: HostTable) -> tuple[str, ...]:
    """Return the columns by which a row is told, and those to which a foreign key of one column leads."""
    led_to = {fk.to[0] for _, fk in schema.foreign_keys_to(table.name) if len(fk.to) == 1}
    further = (column.name for column in table.columns if column.name in led_to and _may_hold_key(column))
    return tuple(dict.fromkeys((*_single_keys(table), *further)))


def _single_keys(table: HostTable) -> tuple[str, ...]:
    keys: list[str] = []
    for unique in table.uniques:
        column = table.column(unique.columns[0]) if len(unique.columns) == 1 and unique.is_plain else None
        if column is None or column.name in keys or not _may_hold_key(column):
            continue
        if unique is table.uniques[0] or _may_be_key(column.name):
            keys.append(column.name)
    return tuple(keys)


def _may_hold_key(column: HostColumn) -> bool:
    """Return whether a column has a type of keys; on SQLite it may have none."""
    return column.kind in KEY_KINDS or not column.type


def _may_be_key(name: str) -> bool:
    plain = frozenset(words(name))
    return bool(plain & (_KEY_WORDS | frozenset(_NUMBERS))) and not plain & _NO_KEY_WORDS


def _constraint_points(schema: HostSchema, table: HostTable) -> int:
    """Return how much the foreign keys of other tables say."""
    best: dict[str, int] = {}
    for other, foreign_key in schema.foreign_keys_to(table.name):
        for column in foreign_key.columns:
            best[other.name] = max(best.get(other.name, 0), _half_points(other, column))
    return sum(best.values()) // 2


def _half_points(table: HostTable, column: str) -> int:
    """Return how much a column that refers to customers says: an invoice is a customer's, a log entry anybody's."""
    plain, of_table = words(column), head(table.name)
    is_technical = not frozenset(of_table).isdisjoint(LOGS | CREDENTIALS | OTHER_PEOPLE)
    if is_technical or "by" in plain or not frozenset(plain).isdisjoint(CLERKS):
        return 0
    # The users of a program may be its staff.
    return (1 + (of_table[-1] in BUSINESS)) * (1 if frozenset(plain) & _USERS else 2)


def _by_name(schema: HostSchema, table: HostTable, names: CustomerNames, keys: tuple[str, ...]) -> Iterator[int]:
    """Yield for each further table with a column that refers to this one by its name how much that says."""
    key_columns = [column for key in keys if (column := table.column(key)) is not None]
    # `fk_soc` in a table `socpeople` doesn't abbreviate its own name.
    is_abbreviated = not any(names.is_abbreviated(table.name, column.name) for column in table.columns)
    for other in schema.tables.values():
        if other.name == table.name:
            continue
        referring = {column for foreign_key in other.foreign_keys for column in foreign_key.columns}
        points = [
            _half_points(other, column.name)
            for column in other.columns
            if column.name not in referring
            and (
                names.fit(other.name, column.name) is Fit.EXACT
                or (is_abbreviated and names.is_abbreviated(other.name, column.name))
            )
            and any(comparable(column, key) for key in key_columns)
        ]
        if points:
            yield max(points)


def _password(table: HostTable) -> str | None:
    """Return the column with the hash of the customer's password."""
    for column in table.columns:
        plain = words(column.name)
        stem = "".join(word for word in plain if word not in CUSTOMER_WORDS)
        stem = stem.removesuffix("hash") if stem != "passwordhash" else stem
        if column.kind in (Kind.TEXT, Kind.OTHER, Kind.BYTES) and stem in PASSWORDS:
            return column.name
    return None


def _tenants(table: HostTable, keys: tuple[str, ...], fields: Mapping[Field, HostColumn]) -> tuple[str, ...]:
    used = {column.name for column in fields.values()} | set(keys)
    return tuple(column.name for column in table.columns if column.name not in used and _is_tenant(column))


def _is_tenant(column: HostColumn) -> bool:
    plain = words(column.name)
    if not plain or plain[0] not in TENANTS or column.kind not in KEY_KINDS:
        return False
    rest = plain[1:]
    if not rest:
        # `company` alone is a text that somebody wrote.
        return plain[0] in {"currency", "waehrung", "entity", "tenant", "mandant", "realm"} or (
            column.kind is not Kind.TEXT and plain[0] != "organization"
        )
    return all(word in {"id", "code", "record", "fk", "uuid", "ref", "key"} for word in rest)


def _number_rank(guess: CustomerGuess, column: HostColumn) -> tuple[int, int] | None:
    """Return how well a column's name says that it holds the number, less is better; None if it doesn't."""
    if column.kind not in (Kind.TEXT, Kind.INTEGER) or column.name == guess.keys[0]:
        return None
    plain = words(column.name)
    own = joined(guess.names.variants[0][-1])
    lead = tuple(word for word in plain if word in CUSTOMER_WORDS or word == own)
    rest = "".join(word for word in plain if word not in lead)
    for variant in (own, f"{own}n", "kunden", "kd", "k"):
        rest = rest.removeprefix(variant) if not lead and rest.removeprefix(variant) in _NUMBERS else rest
    if rest not in _NUMBERS or (frozenset(plain) & _OTHER_NUMBERS - {"id"} - frozenset(lead)):
        return None
    return (0 if lead or rest != joined(column.name) else 1, _NUMBERS.index(rest))

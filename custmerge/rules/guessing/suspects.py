"""The columns of a table that may hold keys of customers, with the values that have to be compared with the keys."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from custmerge.rules.guessing.customer import CustomerGuess
from custmerge.rules.guessing.names import Fit
from custmerge.rules.guessing.samples import Sample, comparable
from custmerge.rules.guessing.words import CLEARLY_CUSTOMER, GENERIC, ID_WORDS, TYPE_WORDS, joined, word_set, words
from custmerge.rules.host_schema import HostColumn, HostTable, Kind
from custmerge.rules.sql_words import literal, readable

_ABOVE = word_set(
    "parent referred geworben uebergeordnet referrer master merged commercial superior successor head replaced"
)
"""In the customers' own table: another customer."""
_MOST_TYPES = 40
_MOST_PREFIXES = 20
_KEY_IN_TEXT = re.compile(r"(.*?[^0-9A-Za-z])([0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})([\])}>]?)")
_KEY_BEHIND_ANY = re.compile(_KEY_IN_TEXT.pattern.replace(".*?[^0-9A-Za-z]", "[^0-9]{1,40}?", 1))
_SEPARATORS, _WEAK_SEPARATORS = ",:/#|=(", "-_. "
_PAIR = re.compile(r'"([A-Za-z_][\w-]*)"\s*:\s*(?:"([^"]{1,64})"|(-?\d+)|\[([^\[\]{}]{1,500})\])')
_NESTED = re.compile(r'"([A-Za-z_][\w-]*)"\s*:\s*\{[^{}]{0,200}?"(?:id|uuid|key)"\s*:\s*(?:"([^"]{1,64})"|(-?\d+))')
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ITEM = re.compile(r'[^\s,;|"\[\]{}]+')
_LIST = re.compile(r"[\[{(]?\s*\"?[\w-]{1,40}\"?(?:\s*[,;|]\s*\"?[\w-]{1,40}\"?)*\s*,?[\])}]?")


class Held(StrEnum):
    """How a column holds keys."""

    PLAIN = "plain"
    BY_TYPE = "by_type"
    """In the rows whose type column says so."""
    IN_TEXT = "in_text"
    """Inside a text: `client,17`."""
    IN_LIST = "in_list"
    """Several in a list or JSON."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that may hold keys."""

    table: str
    column: HostColumn
    fit: Fit
    held: Held
    keys: tuple[str, ...]
    """The customer's keys that its type can hold, the likeliest first."""
    values: frozenset[str]
    """The distinct values, or what stands in them in the place of a key."""
    rows: int
    """Sampled rows with a value."""
    form: str = "{key}"
    where: str | None = None


def suspects(guess: CustomerGuess, table: HostTable, sample: Sample) -> Iterator[Suspect]:
    """Yield the columns of a table, foreign keys aside, that may hold keys of customers."""
    referring = {columns[0] for fk in table.foreign_keys if len(columns := fk.columns) == 1}
    to_customers = {column for fk in table.foreign_keys if fk.table == guess.table.name for column in fk.columns}
    composite = {column for fk in table.foreign_keys for column in fk.columns} - referring
    # What is unique by itself is a row's own key or number.
    alone = {unique.columns[0] for unique in table.uniques if unique.is_plain and len(unique.columns) == 1}
    for column in table.columns:
        if column.name in referring | to_customers or column.name not in sample.columns:
            continue
        fit = _fit(guess, table, column)
        if fit is Fit.OTHER:
            continue
        if (column.name in composite or column.name in alone) and fit is not Fit.EXACT:
            continue
        yield from _suspects_of(guess, table, column, fit, sample)


def is_customer_type(guess: CustomerGuess, value: str) -> bool:
    r"""Return whether the value of a type column means the customers: `client`, `App\Models\User`, `res.partner`."""
    plain = words(value)
    if plain == words(guess.table.plain_name) or any(plain[-len(own) :] == own for own in guess.names.variants):
        return True
    if len(plain) != 1:
        return False
    is_synonym = plain[0] in CLEARLY_CUSTOMER and plain[0] not in guess.names.last_words
    return is_synonym or guess.names.abbreviates(plain[0])


def sampled_columns(guess: CustomerGuess, table: HostTable) -> tuple[str, ...]:
    """Return the columns of a table whose values may say something about references."""
    kinds = (Kind.TEXT, Kind.INTEGER, Kind.UUID, Kind.JSON, Kind.OTHER)
    return tuple(
        column.name
        for column in table.columns
        if column.kind in kinds
        or (column.kind is Kind.NUMBER and guess.names.fit(table.name, column.name) >= Fit.SYNONYM)
    )


def type_columns(guess: CustomerGuess, table: HostTable) -> tuple[str, ...]:
    """Return the columns that say of which table the keys in another column are."""
    found = (_type_column(table, column, _fit(guess, table, column)) for column in table.columns)
    return tuple(dict.fromkeys(column.name for column in found if column is not None))


def _fit(guess: CustomerGuess, table: HostTable, column: HostColumn) -> Fit:
    fit = guess.names.fit(table.name, column.name)
    if table.name == guess.table.name:
        plain = frozenset(words(column.name))
        if plain & _ABOVE and (plain & ID_WORDS or plain & {"into", "by", "von", "an"} or len(plain) == 1):
            return Fit.EXACT if fit is Fit.EXACT else Fit.SYNONYM
        # A customer's own number, code or type isn't another's.
        is_named = fit is Fit.EXACT and len(words(column.name)) > len(guess.names.variants[-1]) + 1
        return fit if is_named and column.name not in guess.keys else Fit.OTHER
    return fit


def _suspects_of(
    guess: CustomerGuess, table: HostTable, column: HostColumn, fit: Fit, sample: Sample
) -> Iterator[Suspect]:
    keys = _keys_for(guess, column)
    type_column = _type_column(table, column, fit)
    if type_column is not None and type_column.name in sample.columns:
        by_type = list(_by_type(guess, table, column, type_column, fit, keys, sample))
        yield from by_type
        if any(suspect.fit >= Fit.SYNONYM for suspect in by_type):
            return
    values = list(sample.values(column.name))
    texts = column.kind in (Kind.TEXT, Kind.JSON, Kind.OTHER)
    is_told_by_type = type_column is not None and fit <= Fit.ROLE
    if keys and column.kind is not Kind.JSON and not is_told_by_type:
        yield Suspect(table.name, column, fit, Held.PLAIN, keys, frozenset(values), len(values))
    if texts and values:
        yield from _in_text(guess, table, column, fit, values)
        yield from _in_list(guess, table, column, fit, values)


def _keys_for(guess: CustomerGuess, column: HostColumn) -> tuple[str, ...]:
    """Return the keys that a column can hold, first the one that its name ends with."""
    plain = joined(column.name)
    keys = [key for key in guess.keys if comparable(column, guess.column(key))]
    return tuple(sorted(keys, key=lambda key: -len(key) if plain.endswith(joined(key)) else 0))


def _type_column(table: HostTable, column: HostColumn, fit: Fit) -> HostColumn | None:
    """Return the column that says of which table the keys in `column` are."""
    plain = words(column.name)
    stem = tuple(word for word in plain if word not in ID_WORDS) or plain[:1]
    others = [c for c in table.columns if c is not column and c.kind in (Kind.TEXT, Kind.OTHER)]
    if frozenset(plain) & ID_WORDS or fit is Fit.GENERIC:
        for other in others:
            name = words(other.name)
            if "".join(name) in {"".join((*stem, kind)) for kind in TYPE_WORDS} | {"".join((*stem, "table"))}:
                return other
    if fit is Fit.GENERIC or (plain[-1] in GENERIC and column.kind in (Kind.TEXT, Kind.OTHER)):
        names = {joined(other.name): other for other in others}
        # `object_type` belongs to `object_id`, where there is one.
        has_object = any(words(c.name)[0] == "object" and words(c.name)[-1] in ID_WORDS for c in table.columns)
        loose = TYPE_WORDS if has_object else TYPE_WORDS | {"objecttype"}
        return next((names[name] for name in names if name in loose), None)
    return None


def _by_type(
    guess: CustomerGuess,
    table: HostTable,
    column: HostColumn,
    type_column: HostColumn,
    fit: Fit,
    keys: tuple[str, ...],
    sample: Sample,
) -> Iterator[Suspect]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    for kind, value in sample.pairs(type_column.name, column.name):
        if kind and value and value != "0" and (kind in values or len(values) < _MOST_TYPES):
            values[kind].append(value)
    for kind in sorted(values):
        where = f"{readable(type_column.name)} = {literal(kind)}"
        is_named = is_customer_type(guess, kind)
        # `U` for users, where every type is one letter.
        is_initial = len(max(values, key=len)) == 1 and kind.lower() in {own[-1][0] for own in guess.names.variants}
        if keys and (is_named or fit is Fit.GENERIC or is_initial):
            fits = max(fit, Fit.SYNONYM) if is_named else Fit.ROLE if is_initial else Fit.NONE
            found = frozenset(values[kind])
            yield Suspect(table.name, column, fits, Held.BY_TYPE, keys, found, len(values[kind]), where=where)
        if is_named and column.kind in (Kind.TEXT, Kind.OTHER):
            # The type says what it is about, so anything may stand before the key: `c17`.
            for suspect in _in_text(guess, table, column, Fit.GENERIC, values[kind], is_told=True):
                yield replace(suspect, held=Held.BY_TYPE, where=where)


def _in_text(
    guess: CustomerGuess,
    table: HostTable,
    column: HostColumn,
    fit: Fit,
    values: list[str],
    *,
    is_told: bool = False,
) -> Iterator[Suspect]:
    """Yield the forms in which a text column holds keys, if what stands before the key means the customers.

    `is_told`: it does, whatever stands there.
    """
    by_form: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    pattern = _KEY_BEHIND_ANY if is_told else _KEY_IN_TEXT
    for value in values:
        if match := pattern.fullmatch(value):
            lead, key, end = match.groups()
            if (lead, end) in by_form or len(by_form) < _MOST_PREFIXES:
                by_form[lead, end].append(key)
    for (lead, end), found in sorted(by_form.items()):
        separators = _SEPARATORS + (_WEAK_SEPARATORS if fit is not Fit.NONE else "")
        if "{" in lead or not (is_told or (lead[-1] in separators and _means_customers(guess, lead))):
            continue
        kind = Kind.INTEGER if found[0].isdigit() else Kind.UUID
        keys = tuple(key for key in guess.keys if guess.column(key).kind in (kind, Kind.TEXT))
        if keys:
            form = f"{lead}{{key}}{end}"
            yield Suspect(table.name, column, fit, Held.IN_TEXT, keys, frozenset(found), len(found), form=form)


def _means_customers(guess: CustomerGuess, lead: str) -> bool:
    last = re.split(r"[,:/#|=(]+", lead.rstrip(f"{_SEPARATORS}{_WEAK_SEPARATORS}"))[-1]
    return is_customer_type(guess, last)


def _in_list(
    guess: CustomerGuess, table: HostTable, column: HostColumn, fit: Fit, values: list[str]
) -> Iterator[Suspect]:
    """Yield a column whose values are JSON or lists with keys in them."""
    named: list[str] = []
    others: list[str] = []
    rows = 0
    for value in values:
        by_name, alone = _keys_in(guess, table, fit, value)
        named += by_name
        others += alone
        rows += bool(by_name or alone)
    found = frozenset(named) or frozenset(others)
    if found:
        fits = max(fit, Fit.SYNONYM) if named else fit
        yield Suspect(table.name, column, fits, Held.IN_LIST, guess.keys, found, rows)


def _keys_in(guess: CustomerGuess, table: HostTable, fit: Fit, value: str) -> tuple[list[str], list[str]]:
    """Return what stands in JSON under a customer's name, and what else may be keys in it or in a list."""
    stripped = value.lstrip()
    if stripped[:1] in ("{", "[") and ('"' in stripped or ":" in stripped):
        named = []
        pairs = [*_PAIR.findall(stripped), *((*found, "") for found in _NESTED.findall(stripped))]
        for name, text, number, items in pairs:
            if guess.names.fit(table.name, name) >= Fit.SYNONYM:
                named += _ITEM.findall(items) if items else [text or number]
        return named, _UUID.findall(stripped)
    if fit >= Fit.GENERIC and any(mark in stripped for mark in ",;|[{") and _LIST.fullmatch(stripped):
        return [], [item for item in _ITEM.findall(stripped) if item not in ("", "0")]
    return [], []

"""From a column that may hold customers' keys to a finding: a reference, a question, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from custmerge.rules.guessing.customer import CustomerGuess
from custmerge.rules.guessing.names import Fit
from custmerge.rules.guessing.samples import SURE_CHANCE, KeyShare
from custmerge.rules.guessing.suspects import Held, Suspect
from custmerge.rules.guessing.words import (
    ALSO_CUSTOMER,
    GENERIC,
    ID_WORDS,
    NO_KEYS,
    OTHER_PEOPLE,
    ROLES,
    head,
    word_set,
    words,
)
from custmerge.rules.host_schema import HostSchema, Kind

_HALF, _MOST, _NEARLY_ALL, _SOME = 0.5, 0.8, 0.9, 0.1
"""Shares of the distinct values that are keys."""
_MANY = 8
"""From this number of distinct values on, that they fit says something."""
_FEW, _VERY_MANY = 3, 20
_PREFIXED = 2
"""How many words a table's name has: `staff`, `ost_staff`."""
_ONLY_BY_VALUES = word_set("parent source reference record item element ref res resource model")
"""Generic words that mean rows of the table itself or of many others: a dense range of integers proves nothing."""
_COUNTS = word_set(
    "amount qty quantity count total price cent sum position sort sequence year month day age size status state level"
    " priority version rank score point percent zip postcode plz postal phone port byte width height weight rate type"
    " kind step attempt try number hash code checksum menge preis betrag anzahl jahr monat tag"
)


class FindingKind(StrEnum):
    """By what a reference was found."""

    CONSTRAINT = "foreign_key"
    NAME = "name"
    TYPE_COLUMN = "type_column"
    TEXT = "text"
    VALUES = "values"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Finding:
    """A column that holds customers' keys, or may."""

    table: str
    column: str
    by: FindingKind
    is_sure: bool
    """Whether it's proposed as a reference; else it's asked."""
    key: str
    """Which of the customer's keys it holds."""
    is_first_key: bool
    tested: KeyShare
    form: str = "{key}"
    where: str | None = None
    is_doubtful: bool = False
    """Whether the name only says that it is somebody, and the values fit others as well: --check doesn't ask then."""

    @property
    def name(self) -> str:
        """The column as a mapping writes it."""
        return f"{self.table}.{self.column}"


def judged(schema: HostSchema, guess: CustomerGuess, suspect: Suspect, tested: dict[str, KeyShare]) -> Finding | None:
    """Return what a column is, whose values were compared with each of the keys that it can hold; None: nothing."""
    key = _best_key(suspect, tested)
    result = tested[key]
    match suspect.held:
        case Held.IN_LIST:
            is_sure: bool | None = (
                False if result.keys and result.share >= _HALF and _says_more(suspect, result) else None
            )
            by = FindingKind.LIST
        case Held.BY_TYPE:
            is_sure, by = _by_type(suspect, result), FindingKind.TYPE_COLUMN
        case Held.IN_TEXT:
            is_sure, by = _share_says(result, sure=0.3), FindingKind.TEXT
        case _:
            is_sure, by = _plain(schema, guess, suspect, result, key)
    if is_sure is None:
        return None
    return Finding(
        suspect.table,
        suspect.column.name,
        by,
        is_sure,
        key,
        key == guess.keys[0],
        result,
        form=suspect.form,
        where=suspect.where,
        is_doubtful=_is_doubtful(suspect, result),
    )


def by_other_tables(
    guess: CustomerGuess, without_rows: Iterable[Suspect], names: AbstractSet[str]
) -> Iterator[Finding]:
    """Yield the columns without values that are called as references of other tables are."""
    for suspect in without_rows:
        if suspect.column.name in names and suspect.held is Held.PLAIN:
            key = suspect.keys[0]
            yield Finding(
                suspect.table,
                suspect.column.name,
                FindingKind.NAME,
                True,
                key,
                key == guess.keys[0],
                KeyShare(0, 0, 0, 0.0),
            )


def _best_key(suspect: Suspect, tested: dict[str, KeyShare]) -> str:
    """Return the key that the name says if its values fit well, else the one that most values are."""
    first = suspect.keys[0]
    if tested[first].share >= _HALF:
        return first
    return max(suspect.keys, key=lambda key: tested[key].share)


def _by_type(suspect: Suspect, tested: KeyShare) -> bool | None:
    if suspect.fit >= Fit.SYNONYM:
        return _share_says(tested, sure=0.3)
    if tested.share < _MOST or tested.distinct < _FEW:
        return None
    # The type's name doesn't say so, or only by its first letter: values that aren't keys by chance do.
    return False if suspect.fit is Fit.ROLE or tested.chance <= SURE_CHANCE else None


def _is_doubtful(suspect: Suspect, tested: KeyShare) -> bool:
    if suspect.held is not Held.PLAIN or tested.chance <= SURE_CHANCE:
        return False
    if suspect.fit is Fit.ROLE:
        return tested.has_rival
    # A few users may be staff that have no table.
    may_be_staff = suspect.fit is Fit.SYNONYM and not ALSO_CUSTOMER.isdisjoint(words(suspect.column.name))
    return may_be_staff and tested.distinct < _MANY


def _share_says(tested: KeyShare, *, sure: float) -> bool | None:
    if not tested.keys:
        return None
    return tested.share >= sure


def _says_more(suspect: Suspect, tested: KeyShare) -> bool:
    return suspect.fit >= Fit.SYNONYM or tested.keys > 1 or tested.chance <= SURE_CHANCE / 2


def _plain(
    schema: HostSchema, guess: CustomerGuess, suspect: Suspect, tested: KeyShare, key: str
) -> tuple[bool | None, FindingKind]:
    by_values = tested.chance <= SURE_CHANCE
    match suspect.fit:
        case Fit.EXACT:
            return _by_name(guess, suspect, tested, key, sure=_HALF), FindingKind.NAME
        case Fit.SYNONYM:
            if not tested.distinct:
                return None, FindingKind.NAME
            return _by_name(guess, suspect, tested, key, sure=0.6), FindingKind.NAME
        case Fit.ROLE:
            return _by_role(schema, guess, tested, by_values=by_values), FindingKind.NAME
        case Fit.GENERIC:
            return _by_generic_name(suspect, tested, by_values=by_values), FindingKind.VALUES
        case _:
            return _by_values_alone(guess, suspect, tested, key), FindingKind.VALUES


def _by_name(guess: CustomerGuess, suspect: Suspect, tested: KeyShare, key: str, *, sure: float) -> bool | None:
    plain = frozenset(words(suspect.column.name))
    if not tested.distinct:
        # Without rows a text column `customer` may hold names, and `limit_client` a number of them.
        is_bare = len(plain) == 1 and suspect.column.kind is not Kind.TEXT
        return True if suspect.column.kind is guess.column(key).kind and (is_bare or plain & ID_WORDS) else None
    if not plain & ID_WORDS and tested.distinct < _FEW:
        # `notify_client`, `once_per_client`: 0 and 1 aren't keys.
        return None if suspect.values <= {"1"} else False
    if tested.share >= sure:
        return True
    if tested.share >= _SOME or (tested.keys and tested.chance <= SURE_CHANCE / 2):
        return False
    return None


def needs_rivals(suspect: Suspect, tested: KeyShare) -> bool:
    """Return whether it matters if the values fit another table as well."""
    if suspect.held is not Held.PLAIN or tested.chance <= SURE_CHANCE:
        return False
    if suspect.fit is Fit.NONE:
        return _lies_among_keys(tested)
    is_vague = suspect.fit in (Fit.ROLE, Fit.GENERIC)
    return is_vague and tested.share >= _MOST and tested.distinct >= _FEW


def _lies_among_keys(tested: KeyShare) -> bool:
    """Return whether nearly all values are keys, repeat themselves as references do, and lie where only keys are."""
    is_repeated = _VERY_MANY <= tested.distinct < tested.rows
    return is_repeated and tested.share >= _NEARLY_ALL and tested.chance_from_zero <= SURE_CHANCE


def _by_role(schema: HostSchema, guess: CustomerGuess, tested: KeyShare, *, by_values: bool) -> bool | None:
    if tested.share < _MOST or tested.distinct < _FEW:
        return None
    if by_values:
        return True
    # `created_by` may be one of the staff where these have a table of their own.
    people = OTHER_PEOPLE | {"user", "benutzer"}
    others = any(
        len(plain) <= _PREFIXED and plain[-1] in people
        for plain in (head(table) for table in schema.tables if table != guess.table.name)
    )
    return None if others and tested.has_rival else False


def _by_generic_name(suspect: Suspect, tested: KeyShare, *, by_values: bool) -> bool | None:
    plain = frozenset(words(suspect.column.name))
    is_only_fit = by_values or not tested.has_rival
    if tested.share < (_HALF if by_values else _NEARLY_ALL) or tested.distinct < _FEW:
        return None
    if is_only_fit:
        return False
    return False if not plain & _ONLY_BY_VALUES and plain & (GENERIC | ROLES) and tested.distinct >= _MANY else None


def _by_values_alone(guess: CustomerGuess, suspect: Suspect, tested: KeyShare, key: str) -> bool | None:
    plain = words(suspect.column.name)
    by_place = _lies_among_keys(tested) and not tested.has_rival
    if not plain or plain[-1] in NO_KEYS or not (by_place or tested.chance <= SURE_CHANCE):
        return None
    if guess.column(key).kind in (Kind.INTEGER, Kind.NUMBER) or tested.share < _NEARLY_ALL:
        is_count = frozenset(plain) & _COUNTS
        return False if tested.share >= _HALF and tested.distinct >= _MANY and not is_count else None
    return True if tested.distinct >= _FEW else None

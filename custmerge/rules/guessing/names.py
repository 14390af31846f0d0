"""Whether a column's name says that it holds a customer's key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from custmerge.rules.guessing.words import (
    ABBREVIATIONS,
    ALSO_CUSTOMER,
    CLEARLY_CUSTOMER,
    CUSTOMER_WORDS,
    GENERIC,
    ID_WORDS,
    OTHER_PEOPLE,
    OTHER_THINGS,
    ROLES,
    head,
    joined,
    word_set,
    words,
)
from custmerge.rules.host_schema import HostSchema

_LEADS = frozenset({"fk", "id"})
_SHORTEST_ABBREVIATION = 3
_SIDES = word_set("shipping invoice invoicing billing delivery first second primary secondary rechnung liefer parent")
"""What a customer is there for: `partner_shipping_id`."""
_LIMITS = frozenset({"max", "maximum", "min", "minimum", "limit"})
_DIRECTIONS = frozenset({"by", "for", "from", "to", "of", "as", "an", "von", "durch", "fuer", "last", "old", "new"})


class Fit(IntEnum):
    """How well a name fits a reference to customers, the worst first."""

    OTHER = -1
    """It names another table."""
    NONE = 0
    GENERIC = 1
    """`target_id`, `rel_id`: keys of several tables perhaps."""
    ROLE = 2
    """`owner_id`, `created_by`: somebody, perhaps no customer."""
    SYNONYM = 3
    """`customer_id` where the table is called users; `soc` for societe."""
    EXACT = 4
    """`client_id` for client, `parent_client_id`."""


@dataclass(frozen=True, slots=True)
class CustomerNames:
    """What the columns of other tables may call a customer."""

    table: str
    variants: tuple[tuple[str, ...], ...]
    """The words of the table's name; without those in front if nothing else is called so: `account user`, `user`."""
    others: frozenset[str]
    """Joined names that mean another table."""
    last_words: frozenset[str]
    """The last words of the names of other tables."""
    key_names: frozenset[str] = field(default_factory=frozenset)
    """The joined names of the customer's keys: `id`, `recordid`."""

    def fit(self, table: str, column: str) -> Fit:
        """Return how well the name of a column of `table` fits."""
        plain = words(column)
        # `max_user` is how many there may be.
        is_number_of = plain[0] in _LIMITS and not frozenset(plain) & ID_WORDS
        if is_number_of or self._means_other(table, plain):
            return Fit.OTHER
        return Fit.EXACT if self._is_exact(plain) else self._vague_fit(plain)

    def is_abbreviated(self, table: str, column: str) -> bool:
        """Return whether a column's name begins as this table's: `fk_soc` for societe."""
        plain = words(column)
        return self.fit(table, column) is Fit.SYNONYM and self._is_abbreviation(plain)

    def _vague_fit(self, plain: tuple[str, ...]) -> Fit:
        names = frozenset(plain)
        word = _without_ids(plain, self.key_names)[-1]
        has_id = bool(names & ID_WORDS)
        if self._is_synonym(plain, word) or self._is_abbreviation(plain):
            return Fit.SYNONYM
        is_participle = "by" in names and any(word.endswith("ed") for word in plain)
        if word in ROLES | OTHER_PEOPLE or is_participle:
            return Fit.ROLE
        if has_id and (word in GENERIC or word.endswith("able")):
            return Fit.GENERIC
        return Fit.OTHER if has_id and word in OTHER_THINGS else Fit.NONE

    def _is_exact(self, plain: tuple[str, ...]) -> bool:
        for variant in self.variants:
            size = len(variant)
            starts = (start for start in range(len(plain) - size + 1) if plain[start : start + size] == variant)
            if any(self._is_end(plain, start, start + size) for start in starts):
                return True
        # `kundennr`, `clientid`, `idclient`: one word without a separator.
        return self._is_compound(plain[-1])

    def _is_end(self, plain: tuple[str, ...], start: int, end: int) -> bool:
        """Return whether no other thing is named behind the customer's word: `id`, `from`, `2`, `shipping_id`."""
        rest = plain[end:]
        if "".join(rest) in self.key_names:
            return True
        further = tuple(word for word in rest if not (word in ID_WORDS or word in _DIRECTIONS or word.isdigit()))
        if not further or (len(further) < len(rest) and frozenset(further) <= _SIDES):
            return True
        return start > 0 and plain[start - 1] in _LEADS and len(rest) == 1

    def _is_compound(self, word: str) -> bool:
        for variant in self.variants:
            stem = "".join(variant)
            for lead in (stem, f"{stem}s", f"{stem}n", f"{stem}en"):
                if (word.startswith(lead) and word[len(lead) :] in ID_WORDS) or word in {f"id{lead}", f"fk{lead}"}:
                    return True
        return False

    def _is_synonym(self, plain: tuple[str, ...], word: str) -> bool:
        """Return whether the name is another word for a customer, and no other table is called so."""
        if word in CLEARLY_CUSTOMER:
            return word not in self.last_words
        # `user_id` where the customers are called clients.
        return word in ALSO_CUSTOMER and word not in self.last_words and bool(frozenset(plain) & ID_WORDS)

    def _is_abbreviation(self, plain: tuple[str, ...]) -> bool:
        rest = _without_ids(plain, self.key_names)
        return bool(frozenset(plain) & (ID_WORDS | _LEADS) or rest == plain) and self.abbreviates(rest[-1])

    def abbreviates(self, short: str) -> bool:
        """Return whether a word is short for the customers' table, and for no other."""
        if short in self.others:
            return False
        longs = {variant[-1] for variant in self.variants}
        if ABBREVIATIONS.get(short) in longs:
            return True
        return any(_SHORTEST_ABBREVIATION <= len(short) < len(long) and long.startswith(short) for long in longs)

    def _means_other(self, table: str, plain: tuple[str, ...]) -> bool:
        """Return whether the name means another table than the customers': `client_order_id`."""
        rest = _without_ids(plain, self.key_names)
        if "".join(rest) in self.others:
            # `taggables.taggable_id` means what is tagged.
            return not (rest[-1].endswith("able") and rest == words(table.rpartition(".")[2]))
        if frozenset(rest) & OTHER_PEOPLE & self.others:
            return True
        # `oauth_access_token.client_id` means `oauth_client`.
        own = words(table.rpartition(".")[2])
        # `coupon_user.user_id` is one of a user, and means no row of its own table.
        return bool(rest) and own[:1] + rest != own and "".join(own[:1] + rest) in self.others


def customer_names(schema: HostSchema, table: str, keys: tuple[str, ...]) -> CustomerNames:
    """Return the names of a customers' table, told from those of the other tables."""
    own = head(table)
    heads = {head(name) for name in schema.tables if name != table} - {own}
    others = {"".join(plain) for plain in heads}
    others |= {joined(name.rpartition(".")[2]) for name in schema.tables if name != table and head(name) != own}
    variants = [own]
    if len(own) > 1 and own[-1] in CUSTOMER_WORDS and own[-1:] not in heads:
        variants.append(own[-1:])
    last_words = frozenset(plain[-1] for plain in heads)
    key_names = frozenset(joined(key) for key in keys)
    return CustomerNames(table, tuple(variants), frozenset(others), last_words, key_names)


def _without_ids(plain: tuple[str, ...], key_names: frozenset[str]) -> tuple[str, ...]:
    """Return the words without those at both ends that only say that it is a key."""
    rest = plain
    while len(rest) > 1 and (rest[-1] in ID_WORDS or rest[-1] in _DIRECTIONS or "".join(rest[1:]) in key_names):
        rest = rest[:1] if "".join(rest[1:]) in key_names else rest[:-1]
    while len(rest) > 1 and rest[0] in _LEADS:
        rest = rest[1:]
    return rest

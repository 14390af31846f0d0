"""Which pairs are compared: those that share a key, unless too many records share it.

All keys become rows of (key, id), which are joined once: rules joined one by one take far longer, and on Spark
don't come to an end.
"""

from __future__ import annotations

from itertools import combinations

LARGEST_BLOCK = 25
"""In records: a key that more records share distinguishes nothing and would take most of the time."""

_PARTS = {
    "f": "substr(first_name, 1, 3)",
    "l": "substr(last_name, 1, 3)",
    "s": "substr(street, 1, 5)",
    "h": "house",
    "c": "substr(city, 1, 4)",
    "p": "postcode",
}
_FULL_NAME = "first_name || ' ' || last_name"
_SORTED_NAME = "least(first_name, last_name) || ' ' || greatest(first_name, last_name)"
_REACHED_BY = {"phone": "t", "mobile": "t", "email": "e", "iban": "i"}
"""By column, what begins its keys: phone and mobile begin alike, so that they are found crosswise."""

KEYS: tuple[str, ...] = (
    *(f"'{a}{b} ' || {_PARTS[a]} || ' ' || {_PARTS[b]}" for a, b in combinations(_PARTS, 2)),
    *(f"'n{part} ' || {_FULL_NAME} || ' ' || {_PARTS[part]}" for part in "ch"),
    *(f"'x{part} ' || {_SORTED_NAME} || ' ' || {_PARTS[part]}" for part in "cp"),
    *(f"'{kind} ' || {column}" for column, kind in _REACHED_BY.items()),
    *(f"'{kind}f ' || {column} || ' ' || {_PARTS['f']}" for column, kind in _REACHED_BY.items()),
    f"'g ' || company || ' ' || {_PARTS['c']}",
)
"""One expression for each kind of key; NULL where a record lacks a part of it."""


def keys_sql(records: str, hash_function: str) -> str:
    """Return the statement for all keys of a table of records; as numbers they take a third of the memory."""
    return " union all ".join(
        f"select {hash_function}({key}) as key, id from {records} where ({key}) is not null" for key in KEYS
    )


def blocks_sql(keys: str) -> str:
    """Return the statement for the keys that more than one record shares, and not too many."""
    shared = f"select key from {keys} group by key having count(*) between 2 and {LARGEST_BLOCK}"
    return f"select key, id from {keys} where key in ({shared})"


def pairs_sql(blocks: str) -> str:
    """Return the statement for the pairs of the blocks, as Splink takes them."""
    pairs = f"select distinct l.id as join_key_l, r.id as join_key_r from {blocks} l join {blocks} r"
    return f"select *, '0' as match_key from ({pairs} on l.key = r.key and l.id < r.id) pairs"

"""Tables whose rows shouldn't follow a customer, by their names and columns: credentials and logs."""

from __future__ import annotations

from functools import lru_cache

from custmerge.errors import N_
from custmerge.rules.guessing.words import CREDENTIALS, LOGS, head, joined, word_set, words
from custmerge.rules.host_schema import HostTable

_COMPOUND_CREDENTIALS = ("apikey", "twofactor", "passwordreset", "accesskey", "rememberme", "verification")
_SECRETS, _OF_SECRETS = word_set("token selector validator"), word_set("hash hashed digest")
_EXPIRY = word_set("expire expiry expiration")


@lru_cache(maxsize=1_000)
def looks_like_credentials(table: str) -> bool:
    """Return whether a table's name says that its rows open an account or say what one may (rule 3)."""
    plain = joined(table.rpartition(".")[2])
    has_word = not CREDENTIALS.isdisjoint(_table_words(table))
    return has_word or any(compound in plain for compound in _COMPOUND_CREDENTIALS)


def kind_of_table(table: HostTable) -> str | None:
    """Return why the rows of a table should stay where they are: credentials, or a log (rule 3); else None."""
    if looks_like_credentials(table.name):
        return N_("it looks like credentials: a row that moves would open the survivor's account")
    if frozenset(_table_words(table.name)) & LOGS:
        return N_("it looks like a log of what was")
    return None


def has_secrets(table: HostTable) -> bool:
    """Return whether there are a secret and a time when it ends, whatever the table is called."""
    names = [frozenset(words(column.name)) for column in table.columns]
    has_secret = any(name & _SECRETS and name <= _SECRETS | _OF_SECRETS for name in names)
    return has_secret and any(name & _EXPIRY for name in names)


def _table_words(table: str) -> tuple[str, ...]:
    """Return all words of a table's name, also those that say little."""
    return tuple(dict.fromkeys((*words(table.rpartition(".")[2]), *head(table))))

"""Numbers for the completion of a shell, only for staff with an open session."""

from __future__ import annotations

from datetime import datetime

from custmerge.database_url import sqlite_path
from custmerge.rules.history import moment
from custmerge.rules.numbered import Numbered
from custmerge.rules.people import STAFF_ROLES, Role, expires_at, token_sha256
from custmerge.storage import completion


def numbers(database_url: str, token: str, what: Numbered, now: datetime) -> list[int]:
    """Return the newest numbers of a kind, newest first; none for a customer, who mustn't see those of others.

    None from PostgreSQL either, because a person who types may have to wait for a server.
    """
    if not database_url.startswith("sqlite:"):
        return []
    path = sqlite_path(database_url)
    person = completion.person_of(path, token_sha256(token))
    if person is None:
        return []
    role, created, used = person
    if role not in STAFF_ROLES or now >= expires_at(Role(role), moment(created), moment(used)):
        return []
    return completion.newest(path, what)

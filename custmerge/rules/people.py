"""Staff, sessions and proofs as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custmerge.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_at: str
    disabled_at: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """A login; exactly one of `number` and `person` is set."""

    token_sha256: str
    number: str | None
    person: Person | None
    created_at: str
    last_used_at: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A pair that a session has verified, until `valid_until`."""

    survivor: str
    absorbed: str
    domain: str
    valid_until: str

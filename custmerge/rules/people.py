"""Staff, sessions and proofs as values."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.roles import Role
from custmerge.rules.sessions import expires_at, has_opened, proof_holds, service_ends_at
from custmerge.rules.times import moment

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_at: str
    disabled_at: str | None
    password_chosen_by: str | None = None
    """Who chose the present password where it was somebody else."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service token: a script that works here in the name of a person."""

    id: int
    name: str
    role: Role
    created_by: int
    """The id of the person who made it and answers for it."""
    created_by_name: str
    created_at: str
    expires_at: str
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """A login or a service token; exactly one of `number`, `person` and `service` is set."""

    token_sha256: str
    number: str | None
    person: Person | None
    created_at: str
    last_used_at: str
    service: Service | None = None

    def ends_at(self, used: str) -> datetime:
        """Return the moment at which the session ends where it was used at `used` and isn't again."""
        if self.service is not None:
            return service_ends_at(moment(self.service.created_at), moment(self.service.expires_at))
        role = self.person.role if self.person else Role.CUSTOMER
        return expires_at(role, moment(self.created_at), moment(used))

    def is_open(self, now: datetime) -> bool:
        """Return whether the session has begun by `now` and hasn't ended."""
        begin = self.created_at if self.service is None else self.service.created_at
        return has_opened(begin, self.last_used_at, now) and now < self.ends_at(self.last_used_at)


@dataclass(frozen=True, slots=True)
class Proof:
    """A pair that a session has verified, until `valid_until`."""

    survivor: str
    absorbed: str
    domain: str
    verified_sha256: str
    """See `verified_sha256`."""
    valid_until: str

    def holds(self, stored: str | None, now: datetime) -> bool:
        """Return whether the proof is worth something at `now` (rule 3).

        `stored` is the hash of the password that belongs to the domain now, or None where the domain isn't under
        the absorbed number or has no password.
        """
        return (
            proof_holds(self.valid_until, now)
            and stored is not None
            and verified_sha256(stored) == self.verified_sha256
        )


def folded(name: str) -> str:
    """Return the one writing under which a name is taken once: without capitals and composed letters."""
    return unicodedata.normalize("NFKC", name).casefold()


def verified_sha256(stored: str) -> str:
    """Return what a proof keeps of the password hash that it was verified against: its SHA-256, in hex."""
    return hashlib.sha256(stored.encode()).hexdigest()

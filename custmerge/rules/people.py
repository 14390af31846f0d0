"""People: staff, service tokens, sessions, proofs; what each role may do and merge; how long a login lasts.

Source: contract §5 (roles and limits), §3 (proofs), §2 (rules 2, 3 and 10).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from custmerge.errors import N_, MissingInput, OwnNumberOnly, ProofRequired, SelfMerge
from custmerge.rules.fields import Pair, checked_number
from custmerge.rules.history import CLOCK_TOLERANCE, Cell, Fact, Facts, has_begun, moment, row_digest, seq_of, stamp

ABSOLUTE_LIMIT = timedelta(hours=12)
CUSTOMER_IDLE_LIMIT = timedelta(minutes=30)
STAFF_IDLE_LIMIT = timedelta(hours=8)
PROOF_LASTS = timedelta(minutes=30)
SERVICE_DAYS = 90
"""The longest life of a service token."""


class Role(StrEnum):
    """The role of a logged-in person."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"


STAFF_ROLES = (Role.AGENT, Role.SUPERVISOR, Role.AUDITOR)


class Capability(StrEnum):
    """What a role may do; each service demands one."""

    LOOK = "look"
    """Find, show, diff and history of any number without a proof."""
    LOOK_OWN = "look_own"
    """Show and history of the own number."""
    MERGE_ANY = "merge_any"
    """Verify and merge any pair, with the customer's proof."""
    MERGE_OWN = "merge_own"
    """Verify, compare and merge into the own number."""
    REVEAL = "reveal"
    """See bank data unmasked."""
    IMPORT = "import"
    EXPORT = "export"
    EXPORT_HISTORY = "export_history"
    AUDIT = "audit"
    """Run audits."""
    TRANSFER_FILE = "transfer_file"
    """File contract transfers and look at them."""
    TRANSFER_DECIDE = "transfer_decide"
    """Approve and reject contract transfers of others."""
    BULK_APPROVE = "bulk_approve"
    """Approve bulk files that others run."""
    DUPLICATES = "duplicates"
    """Search for duplicates, and list the pairs that aren't."""
    DISMISS = "dismiss"
    """Decide that two numbers are two customers."""
    PURGE = "purge"
    """Erase personal data that is no longer needed."""
    UNDO = "undo"
    """Take any order back, and whole bulk runs."""
    UNDO_OWN = "undo_own"
    """Take back an own order within 15 minutes."""
    STAFF = "staff"
    """Add, list, change, disable and unlock staff; make and revoke service tokens."""


_AGENT = {Capability.LOOK, Capability.MERGE_ANY, Capability.REVEAL, Capability.TRANSFER_FILE, Capability.UNDO_OWN}
_MAY: dict[Role, frozenset[Capability]] = {
    Role.CUSTOMER: frozenset({Capability.LOOK_OWN, Capability.MERGE_OWN}),
    Role.AGENT: frozenset(_AGENT),
    Role.SUPERVISOR: frozenset(
        {
            *_AGENT,
            Capability.IMPORT,
            Capability.EXPORT,
            Capability.EXPORT_HISTORY,
            Capability.TRANSFER_DECIDE,
            Capability.BULK_APPROVE,
            Capability.AUDIT,
            Capability.DUPLICATES,
            Capability.DISMISS,
            Capability.PURGE,
            Capability.UNDO,
            Capability.STAFF,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Capability.LOOK,
            Capability.REVEAL,
            Capability.EXPORT_HISTORY,
            Capability.AUDIT,
            Capability.DUPLICATES,
        }
    ),
}


def may(role: Role, capability: Capability) -> bool:
    """Return whether `role` has `capability`."""
    return capability in _MAY[role]


def roles_that_may(capability: Capability) -> list[Role]:
    """Return the roles that have a capability, the least of them first."""
    return [role for role in Role if may(role, capability)]


def still_may(
    role: str, disabled_at: str | None, capability: Capability, since: int, entries: Iterable[Facts]
) -> bool:
    """Return whether a person has a capability now, and has had it without a break since the entry `since`.

    `entries` are the `user` entries of that person's name, in any order. A role lost and given back is a break.
    """
    if disabled_at is not None or not _may(role, capability):
        return False
    return not any(
        seq_of(facts) > since
        and (
            facts.get("did") == "disable" or (facts.get("did") == "role" and not _may(facts.get("role"), capability))
        )
        for facts in entries
    )


def _may(role: Fact, capability: Capability) -> bool:
    # A row may hold any value.
    return isinstance(role, str) and role in set(Role) and may(Role(role), capability)


def survivor_of(own: str | None, into: str | None, absorbed: str) -> str:
    """Return the number that is kept: `own`, or for staff, who have no number of their own, `into` (rule 2).

    Raises OwnNumberOnly, MissingInput, BadValue, and SelfMerge if both numbers are the same (rule 10).
    """
    checked_number(absorbed)
    if own is not None:
        survivor = own_survivor(own, into)
    elif into is None:
        raise MissingInput(what=N_("Number that is kept"), option="--into NUMBER")
    else:
        survivor = checked_number(into)
    if survivor == absorbed:
        raise SelfMerge(number=survivor)
    return survivor


def own_survivor(own: str, into: str | None) -> str:
    """Return the only number that a customer can keep, their own; raises OwnNumberOnly if `into` is another."""
    if into is not None and into != own:
        raise OwnNumberOnly(number=into)
    return own


def demand_authority(pair: Pair, *, is_proved: bool, is_customer: bool, transfer: int | None = None) -> int | None:
    """Return the id of the contract transfer that replaces the proof, None if the pair is proved (rule 3).

    `transfer` is the id of the approved transfer for the pair, if there is one; it replaces the proof for staff only.
    Raises ProofRequired if there is neither a proof nor such a transfer.
    """
    if is_proved:
        return None
    if is_customer or transfer is None:
        raise ProofRequired(survivor=pair[0], absorbed=pair[1])
    return transfer


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_at: str
    disabled_at: str | None
    password_chosen_by: str | None = None
    """The person who chose the present password, None if they chose it themselves."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service token: lets a script work in the name of a person."""

    id: int
    name: str
    role: Role
    created_by: int
    """The id of the person who made the token and is responsible for it."""
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

    @property
    def has_owner(self) -> bool:
        """Whether the session's number, person or service token exists and is neither disabled nor revoked."""
        if self.person is not None:
            return self.person.disabled_at is None
        if self.service is not None:
            return self.service.revoked_at is None
        return self.number is not None

    def ends_at(self, used: str) -> datetime:
        """Return the moment at which the session ends if its last use is at the moment `used`."""
        if self.service is not None:
            # Whatever end the token's row says.
            longest = moment(self.service.created_at) + timedelta(days=SERVICE_DAYS)
            return min(moment(self.service.expires_at), longest)
        role = self.person.role if self.person else Role.CUSTOMER
        return expires_at(role, moment(self.created_at), moment(used))

    def is_open(self, now: datetime) -> bool:
        """Return whether the session has begun by `now` and hasn't ended."""
        begin = self.created_at if self.service is None else self.service.created_at
        has_opened = has_begun(begin, now) and has_begun(self.last_used_at, now)
        return has_opened and now < self.ends_at(self.last_used_at)


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of a session for a pair, valid until `valid_until`."""

    survivor: str
    absorbed: str
    domain: str
    verified_sha256: str
    """See `verified_sha256`."""
    valid_until: str

    def holds(self, stored: str | None, now: datetime) -> bool:
        """Return whether the proof is valid at `now` (rule 3); a proof that begins in the future isn't.

        `stored` is the hash of the domain's present password, None if the domain isn't under the absorbed number or
        has no password.
        """
        is_timely = stamp(now) < self.valid_until <= stamp(now + PROOF_LASTS + CLOCK_TOLERANCE)
        return is_timely and stored is not None and verified_sha256(stored) == self.verified_sha256


def expires_at(role: Role, created: datetime, last_used: datetime) -> datetime:
    """Return the moment at which a login ends unless it is used again."""
    idle = CUSTOMER_IDLE_LIMIT if role is Role.CUSTOMER else STAFF_IDLE_LIMIT
    return min(created + ABSOLUTE_LIMIT, last_used + idle)


def folded(name: str) -> str:
    """Return the form of a name that no two people can share: NFKC, without capitals."""
    return unicodedata.normalize("NFKC", name).casefold()


def verified_sha256(stored: str) -> str:
    """Return the SHA-256, in hex, of the password hash that a proof was verified against."""
    return hashlib.sha256(stored.encode()).hexdigest()


def token_sha256(token: str) -> str:
    """Return the SHA-256, in hex, of a session's token; the database stores only this."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def person_digest(person: Person) -> str:
    """Return the digest of a member of staff: name, role, password, who chose it, whether they are disabled."""
    cells = (person.password_hash, person.created_at, person.disabled_at, person.password_chosen_by)
    return person_row_digest(person.id, person.name, person.role.value, *cells)


def person_row_digest(*cells: Cell) -> str:
    """Return the digest of the cells of a person's row, in the order of `person_digest`."""
    *first_cells, chosen_by = cells
    # An empty `chosen_by` is left out, so that digests of older versions, which lack this column, stay valid.
    return row_digest("person", *first_cells, *(() if chosen_by is None else (chosen_by,)))


def service_digest(service: Service, key: str | None) -> str:
    """Return the digest of a service token; `key` is its key in the database, None once it has ended."""
    cells = (service.created_by, service.created_at, service.expires_at, service.revoked_at)
    return row_digest("service", service.id, service.name, service.role.value, *cells, key)

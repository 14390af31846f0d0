"""Who may do what: one table of role and capability (contract §5)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a logged-in person is."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"


STAFF_ROLES = (Role.AGENT, Role.SUPERVISOR, Role.AUDITOR)


class Capability(StrEnum):
    """What a service asks for."""

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
    """Let everything be proved."""
    TRANSFER_FILE = "transfer_file"
    """File contract transfers and look at them."""
    TRANSFER_DECIDE = "transfer_decide"
    """Approve and reject contract transfers of others."""
    BULK_APPROVE = "bulk_approve"
    """Approve bulk files that others run."""
    PURGE = "purge"
    """Erase personal data that is no longer needed."""
    UNDO = "undo"
    """Take any order back, and whole bulk runs."""
    UNDO_OWN = "undo_own"
    """Take own orders back for a while."""
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
            Capability.PURGE,
            Capability.UNDO,
            Capability.STAFF,
        }
    ),
    Role.AUDITOR: frozenset({Capability.LOOK, Capability.REVEAL, Capability.EXPORT_HISTORY, Capability.AUDIT}),
}


def may(role: Role, capability: Capability) -> bool:
    """Return whether `role` has `capability`."""
    return capability in _MAY[role]

"""An independent model of a host's customers under merges, edits, transfers, undos, purges and logins: plain Python.

Written from the contract alone. What isn't allowed ends with `Refused` and the name of the error.
"""

import copy
from dataclasses import dataclass, field

IDENTITY, DETAILS = ("last_name",), ("street", "city")
OPEN = ("filed", "approved")
OWN_MINUTES = 15
TRIES, TRIES_MINUTES, LOCKED_MINUTES = 5, 15, 15
IDLE_MINUTES = 30
PROOF_MINUTES = 30


class Refused(Exception):
    """The name of the error that stands for it."""


@dataclass
class Package:
    number: str
    domains: frozenset
    contact: tuple | None = None
    """Street and city."""


@dataclass
class Order:
    survivor: str
    absorbed: str
    choice: str
    by: str
    minute: int
    taken: tuple
    before: dict
    """Both records and the packages that moved, as they were."""
    undone: bool = False
    purged: bool = False

    @property
    def changed(self):
        mine, theirs = self.before["survivor"], self.before["absorbed"]
        return [name for name in self.taken if mine[name] != theirs[name]]


@dataclass
class Proof:
    """What somebody has proved about a number that is to be absorbed."""

    by: str
    survivor: str
    absorbed: str
    domain: str
    password: str
    until: int


@dataclass
class Transfer:
    survivor: str
    absorbed: str
    names: tuple
    status: str = "filed"


@dataclass
class Login:
    number: str
    used: int
    ended: bool = False


@dataclass
class Model:
    customers: dict = field(default_factory=dict)
    packages: dict = field(default_factory=dict)
    merged_into: dict = field(default_factory=dict)
    orders: list = field(default_factory=list)
    transfers: list = field(default_factory=list)
    proofs: list = field(default_factory=list)
    passwords: dict = field(default_factory=dict)
    logins: list = field(default_factory=list)
    wrong: dict = field(default_factory=dict)
    """The minutes of wrong tries at each number, known or not."""
    locked_until: dict = field(default_factory=dict)
    refused_logins: int = 0
    locks: int = 0

    def living(self, *numbers):
        for number in numbers:
            if number not in self.customers:
                raise Refused("UnknownNumber")
            if number in self.merged_into:
                raise Refused("MergedAway")

    # Edits

    def edit_customer(self, number, changes):
        if number in self.merged_into and any(changes.values()):
            raise Refused("BadLines")
        record = self.customers.setdefault(number, dict.fromkeys((*IDENTITY, *DETAILS), ""))
        if any(name in changes and changes[name] != record[name] for name in IDENTITY):
            self.void(number)
        record.update(changes)

    def edit_package(self, key, number, domains, contact):
        if number not in self.customers or number in self.merged_into:
            raise Refused("BadLines")
        if any(domains & other.domains for name, other in self.packages.items() if name != key):
            raise Refused("BadLines")
        self.packages[key] = Package(number, domains, contact if contact and any(contact) else None)

    # Merges

    def merge(self, survivor, absorbed, choice, take, *, fill, by, minute):
        if survivor == absorbed:
            raise Refused("SelfMerge")
        self.living(survivor, absorbed)
        proved = self.is_proved(survivor, absorbed, by, minute)
        transfer = self.approved(survivor, absorbed)
        mine, theirs = self.customers[survivor], self.customers[absorbed]
        is_blocked = any(mine[name] != theirs[name] for name in IDENTITY)
        if not proved and transfer is None:
            raise Refused("ProofRequired")
        if is_blocked and transfer is None:
            raise Refused("TransferWaits" if self.waits(survivor, absorbed) else "TransferNeeded")
        if all(mine[name] == theirs[name] for name in DETAILS):
            choice = "identical"
        elif choice is None:
            raise Refused("DetailsDiffer")
        if transfer is not None and (is_blocked or not proved):
            transfer.status = "used"
        taken = tuple(n for n in DETAILS if n in take or (fill and not mine[n] and theirs[n]))
        moved = {key: copy.copy(one) for key, one in self.packages.items() if one.number == absorbed}
        before = {"survivor": dict(mine), "absorbed": dict(theirs), "packages": moved}
        for key in moved:
            package = self.packages[key]
            package.number = survivor
            package.contact = contact_after(choice, theirs, package.contact)
        mine.update({name: theirs[name] for name in taken})
        self.customers[absorbed] = dict.fromkeys((*IDENTITY, *DETAILS), "")
        self.merged_into[absorbed] = survivor
        self.void(absorbed)
        self.forget_proofs(survivor, absorbed)
        self.end_logins(absorbed)
        self.orders.append(Order(survivor, absorbed, choice, by, minute, taken, before))
        return len(self.orders)

    # Proofs

    def domains_of(self, number):
        return sorted(domain for one in self.packages.values() if one.number == number for domain in one.domains)

    def prove(self, survivor, absorbed, domain, by, minute):
        """Keep what somebody has verified; no package of the model has a password of its own."""
        self.proofs = [one for one in self.proofs if (one.by, one.survivor, one.absorbed) != (by, survivor, absorbed)]
        self.proofs.append(Proof(by, survivor, absorbed, domain, self.passwords[absorbed], minute + PROOF_MINUTES))

    def is_proved(self, survivor, absorbed, by, minute):
        return any(
            minute < one.until
            and one.domain in self.domains_of(absorbed)
            and self.passwords.get(absorbed) == one.password
            for one in self.proofs
            if (one.by, one.survivor, one.absorbed) == (by, survivor, absorbed)
        )

    def forget_proofs(self, *numbers):
        self.proofs = [one for one in self.proofs if one.absorbed not in numbers]

    # Undos

    def undo(self, number, *, by, is_supervisor, minute):
        if not 1 <= number <= len(self.orders):
            raise Refused("UnknownOrder")
        order = self.orders[number - 1]
        if not is_supervisor and order.by != by:
            raise Refused("NotOwnOrder")
        if not is_supervisor and minute >= order.minute + OWN_MINUTES:
            raise Refused("UndoTooLate")
        if order.undone:
            raise Refused("AlreadyUndone")
        if order.purged:
            raise Refused("Purged")
        if self.stands_in_the_way(number, order):
            raise Refused("UndoBlocked")
        self.customers[order.survivor].update({name: order.before["survivor"][name] for name in order.changed})
        self.customers[order.absorbed] = dict(order.before["absorbed"])
        del self.merged_into[order.absorbed]
        for key, package in order.before["packages"].items():
            self.packages[key].number, self.packages[key].contact = order.absorbed, package.contact
        self.forget_proofs(order.survivor, order.absorbed)
        order.undone = True

    def stands_in_the_way(self, number, order):
        if order.survivor in self.merged_into or self.merged_into.get(order.absorbed) != order.survivor:
            return True
        later = [
            one for one in self.orders[number:] if not one.undone and order.survivor in (one.survivor, one.absorbed)
        ]
        now, theirs = self.customers[order.survivor], order.before["absorbed"]
        for name in order.changed:
            # What has gone back to what it was before is as an undo leaves it.
            is_known = now[name] in (theirs[name], order.before["survivor"][name])
            if not is_known or any(name in one.taken for one in later):
                return True
        for key, package in order.before["packages"].items():
            found = self.packages[key]
            left = contact_after(order.choice, theirs, package.contact)
            is_known = found.contact in (left, package.contact)
            if not is_known or (found.number, found.domains) != (order.survivor, package.domains):
                return True
            if any(key in one.before["packages"] and not one.purged for one in later):
                return True
        return False

    def purge(self, before_minute):
        found = [one for one in self.orders if one.minute < before_minute and not one.purged]
        for one in found:
            one.purged = True
        return len(found)

    # Logins

    def set_password(self, number, password):
        if number in self.merged_into and self.passwords.get(number) != password:
            # An undo gives that one back.
            raise Refused("BadLines")
        self.customers.setdefault(number, dict.fromkeys((*IDENTITY, *DETAILS), ""))
        self.passwords[number] = password
        self.end_logins(number)

    def log_in(self, number, password, minute):
        if minute < self.locked_until.get(number, 0):
            raise Refused("LockedOut")
        if self.passwords.get(number) != password:
            self.refused_logins += 1
            self.wrong[number] = [*self.tries(number, minute), minute]
            if len(self.wrong[number]) >= TRIES:
                self.wrong[number] = []
                self.locked_until[number] = minute + LOCKED_MINUTES
                self.locks += 1
            raise Refused("LoginRefused")
        if number in self.merged_into:
            raise Refused("MergedAway")
        self.logins.append(Login(number, minute))
        return number

    def tries(self, number, minute):
        return [at for at in self.wrong.get(number, ()) if at >= minute - TRIES_MINUTES]

    def use(self, login, minute):
        one = self.logins[login]
        if one.ended or minute >= one.used + IDLE_MINUTES:
            one.ended = True
            raise Refused("SessionOver")
        one.used = minute
        return one.number

    def unlock(self, number, minute):
        is_locked = minute < self.locked_until.get(number, 0) or bool(self.tries(number, minute))
        if not is_locked and number not in self.customers:
            raise Refused("UnknownName")
        self.locked_until[number], self.wrong[number] = 0, []
        return is_locked

    def end_logins(self, number):
        for one in self.logins:
            one.ended |= one.number == number

    # Transfers

    def approved(self, survivor, absorbed):
        for one in self.transfers:
            if (one.survivor, one.absorbed) == (survivor, absorbed) and self.status(one) == "approved":
                return one
        return None

    def status(self, transfer):
        if transfer.status in OPEN and {transfer.survivor, transfer.absorbed} & self.merged_into.keys():
            return "void"
        return "void" if transfer.status in OPEN and transfer.names != self.names(transfer) else transfer.status

    def waits(self, survivor, absorbed):
        """Whether a form is filed for exactly this pair, and nobody has decided yet."""
        return any(
            (one.survivor, one.absorbed) == (survivor, absorbed) and self.status(one) == "filed"
            for one in self.transfers
        )

    def names(self, one):
        return tuple(
            tuple(self.customers[number][name] for name in IDENTITY) for number in (one.survivor, one.absorbed)
        )

    def file(self, survivor, absorbed):
        if survivor == absorbed:
            raise Refused("SelfMerge")
        self.living(survivor, absorbed)
        new = Transfer(survivor, absorbed, ())
        if len(set(self.names(new))) == 1:
            raise Refused("NotBlocked")
        for one in self.transfers:
            if (one.survivor, one.absorbed) == (survivor, absorbed) and one.status in OPEN:
                if self.status(one) != "void":
                    raise Refused("TransferFiled" if self.status(one) == "filed" else "TransferOpen")
                one.status = "void"
        new.names = self.names(new)
        self.transfers.append(new)

    def decide(self, number, to):
        if not 1 <= number <= len(self.transfers):
            raise Refused("UnknownTransfer")
        one = self.transfers[number - 1]
        if self.status(one) not in OPEN or self.status(one) == to:
            raise Refused("TransferDecided")
        one.status = to

    def void(self, number):
        for one in self.transfers:
            if one.status in OPEN and number in (one.survivor, one.absorbed):
                one.status = "void"


def contact_after(choice, absorbed, contact):
    if choice == "keep" and contact is None:
        return tuple(absorbed[name] for name in DETAILS)
    return None if choice == "adopt" else contact

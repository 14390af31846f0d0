"""The ledger's part of an audit: chain, orders, before-images, moved packages and bulk files."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.bulk import UNFINISHED, State
from custmerge.rules.history import NO_HASH, Action, Head
from custmerge.rules.ledger_check import (
    BatchTrace,
    Merge,
    Part,
    Placement,
    check_entries,
    compare,
    joined,
    misplaced,
    verify_chain,
)
from custmerge.services.approvals import approved_in, batch_history
from custmerge.services.audit.workers import readable
from custmerge.storage.unit import Unit

_OF_PACKAGES = {CheckName.PACKAGES, CheckName.CONTACTS}
BY_ORDER = {CheckName.ORDERS, CheckName.IMAGES, CheckName.TRANSFERS, CheckName.BATCHES, *_OF_PACKAGES}
PACKAGES_AT_ONCE = 1000
"""One query looks up about this many moved packages."""
ERASED_OTHERWISE = N_("{count} are erased, and the purges that the history has erased {told}: some were emptied.")
_PACKAGE_GONE = N_("moved with order {order} and is gone.")
_PACKAGE_MOVED = N_("went to {survivor} with order {order} and is under {number}: it was moved.")
_DOMAINS = N_("moved with order {order} and has other domains now.")
_CONTACT = N_("has not the contact that order {order} left it ({choice}).")
_REVIVED = N_("was merged away by order {order} and isn't any more: its tombstone was changed.")
_LOST = N_("was merged away by order {order} and is gone.")
_TAIL = N_("is the last entry and {seq} should be: entries at the end are gone.")
_BEYOND = N_("stands behind the end of the chain ({seq}): it was put in, or the end was moved.")
_BEFORE_FIRST = N_("stands before the first entry of the chain: it was put in.")
_HEAD = N_("the end of the chain isn't written down as its last entry has it: it was changed.")
_NO_ENTRY = N_("no history entry tells of it: it was put in.")
_NO_ORDER = N_("belongs to no order: it was put in, or the order was deleted.")
_LAST_ORDER = N_("is the last order and {order} should be: orders at the end are gone.")
_AGAIN = N_("its row {row} was merged though it, or one behind it, had been before: it was set back in between.")
_NO_STATE = N_("is stored as {state}, which is no state of a bulk file: it was changed.")
_BATCH_REVIVED = N_("is stored as {state}, and the history has it undone: it was set back.")
_NOT_UNDONE = N_("is stored as undone, and some of its orders stand: it was changed.")
_RESULTS = N_("says that {done} of its rows are decided, and what became of {rows} is kept: it was changed.")
_MERGED = N_("says that {merged} of its rows were merged, and the history has {merges}: it was changed.")
_SET_BACK = N_("says that {done} of its rows are decided, and the history has row {row} merged: it was set back.")
_BATCH_GONE = N_("is gone, and the history has {merges} of its rows merged: it was deleted.")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range of history entries that is checked in one step."""

    first: int
    last: int
    checks: frozenset[CheckName]
    purged_until: str
    """Before-images of orders older than this moment may have been erased."""
    packages_after: int
    """Packages aren't compared with orders whose entries are before this seq, because an import changed them."""


def examine(unit: Unit, stretch: Stretch) -> Part:
    """Check a stretch of the history with its orders, before-images, packages and tombstones."""
    unit.ledger_reader.expect(stretches=True)
    part = _start(unit, stretch)
    first_order = part.order + 1
    is_read = bool(stretch.checks & BY_ORDER) and _check_all(unit, stretch, part)
    if not is_read:
        part = _check_history(unit, stretch, part.findings)
    if CheckName.TOMBSTONES in stretch.checks:
        with readable(unit, part.findings, CheckName.TOMBSTONES):
            for order, absorbed, is_there in unit.ledger_reader.revived(first_order, part.order):
                message = _REVIVED if is_there else _LOST
                part.findings.add(CheckName.TOMBSTONES, f"customer {absorbed}", message, order=order)
    return part


def _start(unit: Unit, stretch: Stretch) -> Part:
    before = stretch.first - 1
    digest = unit.ledger_reader.hashes([before]).get(before, "") if before else NO_HASH
    return Part(before, digest, unit.ledger_reader.order_before(stretch.first))


def _check_all(unit: Unit, stretch: Stretch, part: Part) -> bool:
    """Compare history, orders, before-images and packages; returns whether all but the packages could be read."""
    packages = _MovedPackages(unit, stretch, part.findings)
    with (
        readable(unit, part.findings, CheckName.ORDERS),
        unit.ledger_reader.ledger(stretch.first, stretch.last) as rows,
    ):
        for merge in compare(verify_chain(rows, part), part, purged_until=stretch.purged_until):
            packages.add(merge)
        part.is_read = True
    packages.check()
    return part.is_read


def _check_history(unit: Unit, stretch: Stretch, findings: Findings) -> Part:
    """Check the history only, which may be readable even if the rest isn't."""
    part = _start(unit, stretch)
    part.findings = findings.without(CheckName.CHAIN).without(CheckName.COLUMNS)
    with (
        readable(unit, part.findings, CheckName.CHAIN if CheckName.CHAIN in stretch.checks else CheckName.COLUMNS),
        unit.ledger_reader.entries(stretch.first, stretch.last) as entries,
    ):
        if CheckName.COLUMNS in stretch.checks:
            check_entries(verify_chain(entries, part), part)
        elif CheckName.CHAIN in stretch.checks:
            deque(verify_chain(entries, part), maxlen=0)
    part.order = unit.ledger_reader.order_before(stretch.last + 1)
    return part


class _MovedPackages:
    """The packages of before-images, compared with the present packages in groups."""

    def __init__(self, unit: Unit, stretch: Stretch, findings: Findings) -> None:
        self._unit = unit
        self._findings = findings
        self._is_wanted = not stretch.checks.isdisjoint(_OF_PACKAGES) and unit.register_reader.is_ours
        self._packages_after = stretch.packages_after
        self._merges: list[Merge] = []
        self._count = 0

    def add(self, merge: Merge) -> None:
        """Check the packages that moved with an order, at once or together with those of later orders."""
        if merge.packages:
            self._merges.append(merge)
            self._count += len(merge.packages)
        if self._count >= PACKAGES_AT_ONCE:
            self.check()

    def check(self) -> None:
        """Check the packages that were added and not checked yet; does nothing after a package couldn't be read."""
        merges, self._merges, self._count = self._merges, [], 0
        if self._is_wanted and merges:
            self._is_wanted = False
            with readable(self._unit, self._findings, CheckName.PACKAGES):
                self._check(merges)
                self._is_wanted = True

    def _check(self, merges: Sequence[Merge]) -> None:
        keys = [key for merge in merges for key, *_ in merge.packages]
        placements = self._unit.register_reader.placements(keys)
        changed = [(merge, *package) for merge in merges for package in misplaced(merge, placements)]
        in_force = self._in_force([merge for merge, *_ in changed]) if changed else ()
        for merge, key, expected, now in changed:
            if merge.order in in_force:
                self._report(merge, f"package {key}", expected, now)

    def _in_force(self, merges: Sequence[Merge]) -> set[int]:
        """Return the orders that still decide where packages are: not undone, survivor in use, no import since."""
        imported = self._unit.ledger_reader.order_before(self._packages_after + 1)
        undone = self._unit.chain.undone({merge.order for merge in merges})
        survivors = self._unit.register.customers({merge.survivor for merge in merges})
        in_use = {number for number, record in survivors.items() if record.merged_into is None}
        return {
            merge.order
            for merge in merges
            if merge.order > imported and merge.order not in undone and merge.survivor in in_use
        }

    def _report(self, merge: Merge, subject: str, expected: Placement, now: Placement | None) -> None:
        order = merge.order
        if now is None:
            self._findings.add(CheckName.PACKAGES, subject, _PACKAGE_GONE, order=order)
            return
        if now.number != expected.number:
            details = {"survivor": expected.number, "number": now.number}
            self._findings.add(CheckName.PACKAGES, subject, _PACKAGE_MOVED, order=order, **details)
        elif now.domains != expected.domains:
            self._findings.add(CheckName.PACKAGES, subject, _DOMAINS, order=order)
        if now.contact != expected.contact:
            self._findings.add(CheckName.CONTACTS, subject, _CONTACT, order=order, choice=merge.choice.value)


def join(parts: list[Part], unit: Unit, head: Head, checks: frozenset[CheckName], *, is_whole: bool) -> Findings:
    """Return the findings of all parts, and those that only show when the parts are put together."""
    findings = Findings()
    for part in parts:
        findings.extend(part.findings)
    if CheckName.CHAIN in checks:
        # These entries aren't part of the chain, but every query of the history finds them.
        for seq in unit.ledger_reader.before_first():
            findings.add(CheckName.CHAIN, f"history {seq}", _BEFORE_FIRST)
        _check_end(unit, findings, head, parts[-1])
    if CheckName.ORDERS in checks and parts[-1].order != head.order:
        findings.add(CheckName.ORDERS, f"order {parts[-1].order}", _LAST_ORDER, order=head.order)
    # Orders are numbered without a gap, so a surplus order was put in, whatever its number is.
    merges = sum(part.merges for part in parts) if is_whole else head.order
    with readable(unit, findings, CheckName.ORDERS):
        _check_strays(unit, findings, checks, merges)
    if is_whole and CheckName.IMAGES in checks:
        with readable(unit, findings, CheckName.IMAGES):
            erased, (_until, by_purges) = sum(part.erased for part in parts), purged(unit, "orders")
            if erased > by_purges:
                findings.add(CheckName.IMAGES, "before-images", ERASED_OTHERWISE, count=erased, told=by_purges)
    if CheckName.BATCHES in checks:
        traces = joined([part.traces for part in parts])
        is_all = is_whole and all(part.is_read for part in parts)
        with readable(unit, findings, CheckName.BATCHES):
            _check_batches(unit, findings, traces, is_whole=is_all)
    return findings


def purged(unit: Unit, what: Literal["orders", "forms"]) -> tuple[str, int]:
    """Return the latest moment before which a purge erased before-images or forms, and how many all purges erased.

    Without a purge the moment is an empty text. Raises ValueError, TypeError or LookupError for an entry that
    custmerge never writes.
    """
    latest, count = "", 0
    # Entries are read one by one; the cursor is closed before an odd entry ends this part of the audit.
    with closing(unit.chain.newest(action=Action.PURGE.value)) as entries:
        for entry in entries:
            facts = json.loads(entry.body)
            if facts.get(what):
                latest, count = max(latest, facts["until"]), count + facts[what]
    return latest, count


def _check_strays(unit: Unit, findings: Findings, checks: frozenset[CheckName], merges: int) -> None:
    orders, images = unit.ledger_reader.counts()
    if CheckName.ORDERS in checks and orders != merges:
        for number in unit.ledger_reader.orders_without_entry():
            findings.add(CheckName.ORDERS, f"order {number}", _NO_ENTRY)
    if CheckName.IMAGES in checks and images > orders:
        for number in unit.ledger_reader.images_without_order():
            findings.add(CheckName.IMAGES, f"before-image {number}", _NO_ORDER)


def _check_end(unit: Unit, findings: Findings, head: Head, last: Part) -> None:
    end = unit.ledger_reader.last_seq()
    if end < head.seq:
        findings.add(CheckName.CHAIN, f"history {end}", _TAIL, seq=head.seq)
    elif end > head.seq:
        findings.add(CheckName.CHAIN, f"history {end}", _BEYOND, seq=head.seq)
    elif (last.seq, last.hash) != (head.seq, head.hash):
        findings.add(CheckName.CHAIN, f"history {head.seq}", _HEAD)


def _check_batches(unit: Unit, findings: Findings, traces: Mapping[int, BatchTrace], *, is_whole: bool) -> None:
    """Compare every bulk file with its entries; `is_whole` says that the whole history was read.

    If only its end was read, the entries of batches whose approval can still be used are read from the rest.
    """
    open_ones = set() if is_whole else {number for number, _person in unit.batches.open_approvals()}
    known, decided = set(), unit.ledger_reader.decided_rows()
    for number, state, done, merged in unit.ledger_reader.batches():
        known.add(number)
        trace = traces.get(number, BatchTrace())
        if number in open_ones:
            merges, last, undone = batch_history(unit, number, merged)
            trace = replace(trace, merges=merges, last=last, undone=undone)
        is_all = is_whole or number in open_ones
        row = state, done, merged, decided.get(number, 0)
        _check_batch(findings, f"batch {number}", row, trace, is_whole=is_all)
        if is_all and state == State.UNDONE and trace.undone < trace.merges:
            orders = unit.chain.orders_of_batch(number)
            if len(unit.chain.undone(orders)) < len(orders):
                findings.add(CheckName.BATCHES, f"batch {number}", _NOT_UNDONE)
    for number in sorted(traces.keys() - known):
        # An approved batch has an approval entry, which `people` checks.
        if not approved_in(unit, number):
            findings.add(CheckName.BATCHES, f"batch {number}", _BATCH_GONE, merges=traces[number].merges)


def _check_batch(
    findings: Findings, subject: str, row: tuple[str, int, int, int], trace: BatchTrace, *, is_whole: bool
) -> None:
    state, done, merged, decided = row
    if trace.again:
        findings.add(CheckName.BATCHES, subject, _AGAIN, row=trace.again)
    # An undo ends a batch before it undoes the first order.
    if state not in set(State):
        findings.add(CheckName.BATCHES, subject, _NO_STATE, state=state)
    elif (trace.undone or trace.is_ended) and state in UNFINISHED:
        findings.add(CheckName.BATCHES, subject, _BATCH_REVIVED, state=state)
    elif merged < trace.merges or (is_whole and merged != trace.merges):
        findings.add(CheckName.BATCHES, subject, _MERGED, merged=merged, merges=trace.merges)
    elif done < trace.last:
        findings.add(CheckName.BATCHES, subject, _SET_BACK, done=done, row=trace.last)
    elif done != decided:
        findings.add(CheckName.BATCHES, subject, _RESULTS, done=done, rows=decided)

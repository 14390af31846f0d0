"""The ledger's part of an audit: the chain, orders and before-images, a stretch of the history at a time."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.audit import CheckName
from custmerge.rules.batch_trace import joined
from custmerge.rules.history import NO_HASH, Action, Head
from custmerge.rules.ledger_check import Findings, Part, compare, follow
from custmerge.services.audit import batches
from custmerge.services.audit.guard import readable
from custmerge.services.audit.purges import EMPTIED, purged

if TYPE_CHECKING:
    from custmerge.storage.unit import Unit

_OF_PACKAGES = {CheckName.PACKAGES, CheckName.CONTACTS}
BY_ORDER = {CheckName.ORDERS, CheckName.IMAGES, CheckName.TRANSFERS, CheckName.BATCHES, *_OF_PACKAGES}
_COLUMN = N_("can be found by something else than what it says: its search columns were changed.")
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries that are looked at in one go."""

    first: int
    last: int
    checks: frozenset[CheckName]
    purged_until: str
    """Before-images of orders older than this moment may have been erased."""
    packages_after: int
    """Orders whose entries stand before this seq say nothing of packages any more: an import changed them."""


def examine(unit: Unit, stretch: Stretch) -> Part:
    """Look at a stretch of the history and what belongs to it."""
    checks = stretch.checks
    unit.ledger_reader.expect(stretches=True)
    part = _begun(unit, stretch)
    first_order = part.order + 1
    is_read = bool(checks & BY_ORDER) and _read_all(unit, stretch, part)
    if not is_read:
        part = _read_history(unit, stretch, part.findings)
    if CheckName.COLUMNS in checks:
        but = Action.MERGE.value if is_read and not part.is_unclear else None
        with readable(unit, part.findings, CheckName.COLUMNS):
            for seq in unit.ledger_reader.changed_columns(stretch.first, stretch.last, but=but):
                part.findings.add(CheckName.COLUMNS, f"history {seq}", _COLUMN)
    if CheckName.TOMBSTONES in checks:
        with readable(unit, part.findings, CheckName.TOMBSTONES):
            _look_for_revived(unit, part, first_order)
    if part.doubtful and checks & _OF_PACKAGES:
        with readable(unit, part.findings, CheckName.PACKAGES):
            _look_for_moved(unit, part, stretch)
    return part


def _begun(unit: Unit, stretch: Stretch) -> Part:
    before = stretch.first - 1
    digest = unit.ledger_reader.hashes([before]).get(before, "") if before else NO_HASH
    return Part(before, digest, unit.ledger_reader.order_before(stretch.first))


def _read_all(unit: Unit, stretch: Stretch, part: Part) -> bool:
    """Hold history, orders, images and packages against each other; returns whether all could be read."""
    with (
        readable(unit, part.findings, CheckName.ORDERS),
        closing(unit.ledger_reader.ledger(stretch.first, stretch.last)) as rows,
    ):
        compare(follow(rows, part), part, purged_until=stretch.purged_until)
        part.is_read = True
    return part.is_read


def _read_history(unit: Unit, stretch: Stretch, found: Findings) -> Part:
    """Look at the history alone, which may be whole where the rest can't be read."""
    part = _begun(unit, stretch)
    part.findings = found.without(CheckName.CHAIN)
    if CheckName.CHAIN in stretch.checks:
        entries = unit.ledger_reader.entries(stretch.first, stretch.last)
        with readable(unit, part.findings, CheckName.CHAIN), closing(entries):
            deque(follow(entries, part), maxlen=0)
    part.order = unit.ledger_reader.order_before(stretch.last + 1)
    return part


def _look_for_revived(unit: Unit, part: Part, first_order: int) -> None:
    for order, absorbed, is_there in unit.ledger_reader.revived(first_order, part.order):
        message = _REVIVED if is_there else _LOST
        part.findings.add(CheckName.TOMBSTONES, f"customer {absorbed}", message, order=order)


def _look_for_moved(unit: Unit, part: Part, stretch: Stretch) -> None:
    known = unit.ledger_reader.order_before(stretch.packages_after + 1)
    orders = [order for order in part.doubtful if order > known]
    for order, package, survivor, number, choice, contact_fits, is_whole in unit.ledger_reader.moved(orders):
        subject = f"package {package}"
        if number is None:
            part.findings.add(CheckName.PACKAGES, subject, _PACKAGE_GONE, order=order)
        elif number != survivor:
            part.findings.add(
                CheckName.PACKAGES, subject, _PACKAGE_MOVED, order=order, survivor=survivor, number=number
            )
        elif not is_whole:
            part.findings.add(CheckName.PACKAGES, subject, _DOMAINS, order=order)
        if number is not None and not contact_fits:
            part.findings.add(CheckName.CONTACTS, subject, _CONTACT, order=order, choice=choice)


def join(parts: list[Part], unit: Unit, head: Head, checks: frozenset[CheckName], *, is_whole: bool) -> Findings:
    """Return the findings of all parts, and those that only show when the parts lie side by side."""
    findings = Findings()
    for part in parts:
        for found in part.findings.kept:
            findings.keep(found)
        for check, count in part.findings.counts.items():
            kept = sum(1 for found in part.findings.kept if found.check is check)
            findings.counts[check] = findings.counts.get(check, 0) + count - kept
    if CheckName.CHAIN in checks:
        # No part of the chain, and yet found by everybody who asks the history.
        for seq in unit.ledger_reader.before_first():
            findings.add(CheckName.CHAIN, f"history {seq}", _BEFORE_FIRST)
        _look_at_end(unit, findings, head, parts[-1])
    if CheckName.ORDERS in checks and parts[-1].order != head.order:
        findings.add(CheckName.ORDERS, f"order {parts[-1].order}", _LAST_ORDER, order=head.order)
    # Orders are numbered without a gap: one too many was put in, wherever its number says that it stands.
    merges = sum(part.merges for part in parts) if is_whole else head.order
    with readable(unit, findings, CheckName.ORDERS):
        _look_for_strays(unit, findings, checks, merges)
    if is_whole and CheckName.IMAGES in checks:
        with readable(unit, findings, CheckName.IMAGES):
            _count_erased(unit, findings, sum(part.erased for part in parts))
    if CheckName.BATCHES in checks:
        traces = joined(part.traces for part in parts)
        is_all = is_whole and all(part.is_read for part in parts)
        with readable(unit, findings, CheckName.BATCHES):
            batches.examine(unit, findings, traces, is_whole=is_all)
    return findings


def _look_for_strays(unit: Unit, findings: Findings, checks: frozenset[CheckName], merges: int) -> None:
    orders, images = unit.ledger_reader.counts()
    if CheckName.ORDERS in checks and orders != merges:
        for number in unit.ledger_reader.orders_without_entry():
            findings.add(CheckName.ORDERS, f"order {number}", _NO_ENTRY)
    if CheckName.IMAGES in checks and images > orders:
        for number in unit.ledger_reader.images_without_order():
            findings.add(CheckName.IMAGES, f"before-image {number}", _NO_ORDER)


def _count_erased(unit: Unit, findings: Findings, erased: int) -> None:
    _until, told = purged(unit, "orders")
    if erased > told:
        findings.add(CheckName.IMAGES, "before-images", EMPTIED, count=erased, told=told)


def _look_at_end(unit: Unit, findings: Findings, head: Head, last: Part) -> None:
    end = unit.ledger_reader.last_seq()
    if end < head.seq:
        findings.add(CheckName.CHAIN, f"history {end}", _TAIL, seq=head.seq)
    elif end > head.seq:
        findings.add(CheckName.CHAIN, f"history {end}", _BEYOND, seq=head.seq)
    elif (last.seq, last.hash) != (head.seq, head.hash):
        findings.add(CheckName.CHAIN, f"history {head.seq}", _HEAD)

"""Checking the ledger entry by entry: the hash chain, and that orders and before-images match their entries.

Bodies and before-images are parsed and compared as values. Only canonical JSON is accepted as a body: another program
could read duplicate keys, escapes or numbers in another writing differently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import orjson

from custmerge.errors import N_
from custmerge.rules.audit import CheckName, Findings
from custmerge.rules.history import FORMAT_VERSION, Action, image_digest
from custmerge.rules.plan import Choice, Moved, contact_after, read_moved

_HASH_LENGTH = 64
_BROKEN = N_("doesn't follow from the entry before it: it, or that one, was changed, removed or put in.")
_GAP = N_("comes behind {before}: entries between them are gone.")
_WRITTEN_OTHERWISE = N_("isn't written as custmerge writes its entries: it was changed.")
_COLUMN = N_("can be found by something else than what it says: its search columns were changed.")
_ORDER_GONE = N_("its history entry {seq} is there and the order isn't: it was deleted.")
_ORDER_CHANGED = N_("doesn't say what its history entry {seq} says: it was changed.")
_ORDER_LEFT_OUT = N_("comes behind order {before}: orders between them are gone.")
_IMAGE_GONE = N_("its before-image is gone though no purge was to erase it.")
_IMAGE_CHANGED = N_("its before-image isn't the one that history entry {seq} was made for: it was changed.")
_ODD_CELL = (LookupError, TypeError, ValueError, AttributeError)
"""Raised for a cell or an entry with a value that custmerge never writes."""


# Any: a cell of SQLite can hold a value of any type.
class EntryRow(NamedTuple):
    """A row of the history: seq, body and hash, and the columns by which entries are found."""

    seq: int
    body: Any
    hash: Any
    action: Any
    at: Any
    survivor: Any
    absorbed: Any
    order: Any


class LedgerRow(NamedTuple):
    """A row of the history, with the before-image and the order if it is a merge's; otherwise these are None."""

    seq: int
    body: Any
    hash: Any
    action: Any
    at: Any
    survivor: Any
    absorbed: Any
    order: Any
    salt: Any
    image: Any
    order_number: Any
    order_survivor: Any
    order_absorbed: Any
    order_choice: Any
    order_taken: Any
    order_at: Any
    order_by: Any


Row = TypeVar("Row", EntryRow, LedgerRow)


@dataclass(slots=True)
class BatchTrace:
    """What entries say about one bulk file. Rows are counted from 1; 0 means none."""

    merges: int = 0
    first: int = 0
    """The row of the first merge."""
    last: int = 0
    """The highest row that was merged."""
    again: int = 0
    """A row that was merged after itself or a later row, which a run never does."""
    undone: int = 0
    """How many orders were undone by an undo of the whole file."""
    is_ended: bool = False
    """Whether an undo has its own entry: the file could still be run, or none of its orders was left to undo."""

    def add_merge(self, row: int) -> None:
        """Count the merge of a row."""
        self.merges += 1
        if row <= self.last:
            self.again = self.again or row
        else:
            self.first, self.last = self.first or row, row

    def add_undo(self, *, of_order: bool) -> None:
        """Count the undo of one order, or record the beginning of an undo of the whole file."""
        if of_order:
            self.undone += 1
        else:
            self.is_ended = True

    def extend(self, later: BatchTrace) -> None:
        """Add the trace of later entries."""
        if later.merges and later.first <= self.last:
            self.again = self.again or later.first
        self.merges += later.merges
        self.first = self.first or later.first
        self.last = max(self.last, later.last)
        self.again = self.again or later.again
        self.undone += later.undone
        self.is_ended = self.is_ended or later.is_ended


class Merge(NamedTuple):
    """A merge, as its history entry and its before-image describe it."""

    order: int
    survivor: str
    choice: Choice
    details: tuple[str, ...]
    """The absorbed record's details before the order."""
    packages: list[Moved]
    """The moved packages as they were before the order."""


class Placement(NamedTuple):
    """A package's number, domains and contact. A tuple, because an audit compares every package."""

    number: str
    domains: list[str]
    """Sorted."""
    contact: tuple[str, ...] | None


@dataclass(slots=True)
class Part:
    """The result of checking a stretch of the history."""

    seq: int
    """The last entry's, or that of the entry before the stretch."""
    hash: str
    order: int
    """The last order's number, or that of the last one before the stretch."""
    merges: int = 0
    findings: Findings = field(default_factory=Findings)
    transfers: dict[int, int] = field(default_factory=dict)
    """Contract transfer → the order that used it."""
    erased: int = 0
    """How many before-images a purge has erased."""
    traces: dict[int, BatchTrace] = field(default_factory=dict)
    """Batch → what the entries say about it."""
    is_read: bool = False
    """Whether everything was read: history, orders, before-images."""


def verify_chain(rows: Iterable[Row], part: Part) -> Iterator[Row]:
    """Check the hash chain of rows, which continue where `part` ends, and report every break in it.

    Yields the rows, so that they are read only once for this and further checks.
    """
    last, previous = part.seq, _digest_of(part.hash)
    sha256 = hashlib.sha256
    stored = part.hash
    for row in rows:
        seq, body, stored = row[0], row[1], row[2]
        try:
            linked = sha256(previous + body.encode())
        except (AttributeError, UnicodeEncodeError):
            # The body isn't even a text.
            linked = sha256()
        if linked.hexdigest() == stored and seq == last + 1:
            previous = linked.digest()
        else:
            _report_break(part.findings, last, seq)
            previous = _digest_of(stored)
        last = seq
        yield row
    part.seq, part.hash = last, stored


def check_entries(rows: Iterable[EntryRow], part: Part) -> None:
    """Report entries that aren't in canonical JSON, or whose search columns differ from their bodies."""
    for row in rows:
        _check_entry(row, read_body(row.body), part.findings)


def compare(rows: Iterable[LedgerRow], part: Part, *, purged_until: str) -> Iterator[Merge]:
    """Report what `check_entries` reports, and orders and before-images that are missing or differ.

    Yields each merge whose before-image has the digest in its entry. Before-images of orders that are older than
    `purged_until` may have been erased.
    """
    for row in rows:
        facts = read_body(row.body)
        _check_entry(row, facts, part.findings)
        is_merge = row.action == Action.MERGE
        if facts is not None and "batch" in facts:
            trace(facts, part.traces, is_merge=is_merge)
        if not is_merge:
            continue
        part.merges += 1
        if facts is not None and "transfer" in facts:
            part.transfers[facts["transfer"]] = facts["order"]
        if row.order_number is None:
            part.order = 0 if facts is None else int(facts["order"] or 0)
            part.findings.add(CheckName.ORDERS, f"order {part.order}", _ORDER_GONE, seq=row.seq)
            continue
        _check_order(row, facts, part)
        if _check_image(row, facts, part, purged_until) and facts is not None and type(facts.get("survivor")) is str:
            try:
                merge = Merge(part.order, facts["survivor"], Choice(facts["choice"]), *read_moved(row.image))
            except _ODD_CELL:
                # Somebody forged entry and before-image with values that no merge writes.
                part.findings.add(CheckName.ORDERS, f"order {part.order}", _ORDER_CHANGED, seq=row.seq)
                continue
            yield merge


def misplaced(merge: Merge, placements: Mapping[str, Placement]) -> Iterator[tuple[str, Placement, Placement | None]]:
    """Yield the packages of a merge that aren't as the order left them: key, expected and present placement.

    `placements` has the present placements of all packages by key. Source: contract §2, rule 8.
    """
    for key, domains, contact in merge.packages:
        expected = merge.survivor, domains, contact_after(merge.choice, merge.details, contact)
        now = placements.get(key)
        if now != expected:
            yield key, Placement(*expected), now


# Any: a body as JSON gives it.
def read_body(body: object) -> dict[str, Any] | None:
    """Return the values of a history entry's body; None if it isn't an object in canonical JSON."""
    if not isinstance(body, str):
        return None
    try:
        facts = orjson.loads(body)
        is_canonical = isinstance(facts, dict) and orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode() == body
    except (ValueError, TypeError):
        return None
    return facts if is_canonical else None


def joined(parts: Iterable[Mapping[int, BatchTrace]]) -> dict[int, BatchTrace]:
    """Return the traces of bulk files over all parts, which are given in their order."""
    whole: dict[int, BatchTrace] = {}
    for part in parts:
        for number, trace in part.items():
            whole.setdefault(number, BatchTrace()).extend(trace)
    return whole


def _check_entry(row: EntryRow | LedgerRow, facts: Mapping[str, Any] | None, findings: Findings) -> None:
    if facts is None:
        # A finding of both checks, because an audit may run only one: the columns can't be compared any more.
        for check in (CheckName.CHAIN, CheckName.COLUMNS):
            findings.add(check, f"history {row.seq}", _WRITTEN_OTHERWISE)
    elif (
        row.action != facts.get("action")
        or row.at != facts.get("at")
        or row.survivor != facts.get("survivor")
        or row.absorbed != facts.get("absorbed")
        or row.order != facts.get("order")
    ):
        findings.add(CheckName.COLUMNS, f"history {row.seq}", _COLUMN)


def trace(facts: Mapping[str, Any], traces: dict[int, BatchTrace], *, is_merge: bool) -> None:
    """Add what an entry that names a bulk file says about it to `traces`."""
    number, row = facts["batch"], facts.get("row")
    # custmerge writes only integers here.
    if type(number) is not int:
        return
    if is_merge:
        if type(row) is int:
            traces.setdefault(number, BatchTrace()).add_merge(row)
    elif facts.get("action") == Action.UNDO:
        traces.setdefault(number, BatchTrace()).add_undo(of_order=facts.get("order") is not None)


def _check_order(row: LedgerRow, facts: Mapping[str, Any] | None, part: Part) -> None:
    number = row.order_number
    if number != part.order + 1:
        part.findings.add(CheckName.ORDERS, f"order {number}", _ORDER_LEFT_OUT, before=part.order)
    part.order = number
    try:
        is_same = facts is not None and _says_the_same(row, facts)
    except _ODD_CELL:
        is_same = False
    if not is_same:
        part.findings.add(CheckName.ORDERS, f"order {number}", _ORDER_CHANGED, seq=row.seq)


def _says_the_same(row: LedgerRow, facts: Mapping[str, Any]) -> bool:
    return bool(
        row.order_number == facts["order"]
        # True and 1.0 are equal to 1, but no order numbers.
        and type(facts["order"]) is int
        and row.order_survivor == facts["survivor"]
        and row.order_absorbed == facts["absorbed"]
        and row.order_choice == facts["choice"]
        and (row.order_taken.split(" ") if row.order_taken != "" else []) == facts["taken"]
        and row.order_at == facts["at"]
        and row.order_by == facts["by"]
        and facts["v"] == FORMAT_VERSION
        and type(facts["v"]) is int
    )


def _check_image(row: LedgerRow, facts: Mapping[str, Any] | None, part: Part, purged_until: str) -> bool:
    """Report a before-image that is gone or changed; returns whether it is there and unchanged."""
    order = f"order {row.order_number}"
    if row.image is None or (row.image == "" and str(row.order_at) >= purged_until):
        part.findings.add(CheckName.IMAGES, order, _IMAGE_GONE)
        return False
    if row.image == "" and row.salt == b"":
        part.erased += 1
        return False
    try:
        digest = image_digest(row.salt, row.image)
        is_right = row.image != "" and facts is not None and bool(facts["image_sha256"] == digest)
    except _ODD_CELL:
        is_right = False
    if not is_right:
        part.findings.add(CheckName.IMAGES, order, _IMAGE_CHANGED, seq=row.seq)
    return is_right


def _report_break(findings: Findings, before: int, seq: int) -> None:
    if seq > before + 1:
        findings.add(CheckName.CHAIN, f"history {seq}", _GAP, before=before)
    else:
        findings.add(CheckName.CHAIN, f"history {seq}", _BROKEN)


def _digest_of(text: str) -> bytes:
    """Return the bytes of a stored hash; empty if it is no hash, so that no entry can follow it."""
    try:
        return bytes.fromhex(text) if len(text) == _HASH_LENGTH else b""
    except (TypeError, ValueError):
        return b""

"""The ledger, entry by entry: whether it hangs together, and each order says what its entry says.

Rows come in the order of the history. Nothing of a body is parsed: the canonical text of a value is looked for in
it, which is exact, because a quotation mark inside a value is always written with a backslash before it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, TypeVar

from custmerge.errors import N_
from custmerge.rules.audit import FINDINGS_AT_MOST, CheckName, Finding, Severity
from custmerge.rules.batch_trace import Trace, trace
from custmerge.rules.history import image_digest
from custmerge.rules.placed import is_plainly_right

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HASH_LENGTH = 64
_USES_TRANSFER = ',"transfer":'
_BROKEN = N_("doesn't follow from the entry before it: it, or that one, was changed, removed or put in.")
_GAP = N_("comes behind {before}: entries between them are gone.")
_ORDER_GONE = N_("its history entry {seq} is there and the order isn't: it was deleted.")
_ORDER_CHANGED = N_("doesn't say what its history entry {seq} says: it was changed.")
_ORDER_LEFT_OUT = N_("comes behind order {before}: orders between them are gone.")
_IMAGE_GONE = N_("its before-image is gone though no purge was to erase it.")
_IMAGE_CHANGED = N_("its before-image isn't the one that history entry {seq} was made for: it was changed.")


LedgerRow = tuple[int, Any, Any, int | None, str, str, str, str, str, str, bool | int | None, Any, Any, str | None]
"""An entry's seq, body and hash, and where it tells of a merge what its order says (order, survivor, absorbed,
choice, taken, at, by), whether it can be found by that (None: it tells of something else), salt and text of its
before-image, and the packages that are under its survivor now, see `placed.is_plainly_right`.

Any: a cell of SQLite's holds whatever somebody puts there.
"""


@dataclass(slots=True)
class Findings:
    """Findings of any check: some are kept, the others counted."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[CheckName, int] = field(default_factory=dict)

    def add(self, check: CheckName, subject: str, message: str, **details: str | int) -> None:
        """Take note of something critical."""
        self.keep(Finding(check, Severity.CRITICAL, subject, message, details))

    def keep(self, found: Finding) -> None:
        """Take note of a finding."""
        count = self.counts[found.check] = self.counts.get(found.check, 0) + 1
        if count <= FINDINGS_AT_MOST:
            self.kept.append(found)

    def without(self, check: CheckName) -> Findings:
        """Return the findings of all other checks."""
        others = {other: count for other, count in self.counts.items() if other is not check}
        return Findings([found for found in self.kept if found.check is not check], others)


@dataclass(slots=True)
class Part:
    """What was seen of a stretch of the history."""

    seq: int
    """The last entry's, or that of the entry before the stretch."""
    hash: str
    order: int
    """The last order's number, or that of the last one before the stretch."""
    merges: int = 0
    findings: Findings = field(default_factory=Findings)
    transfers: dict[int, int] = field(default_factory=dict)
    """Contract transfers that orders have used, with those orders."""
    is_unclear: bool = False
    """Whether the search columns of a merge have yet to be held against its body."""
    erased: int = 0
    """Before-images that a purge has erased."""
    doubtful: list[int] = field(default_factory=list)
    """Orders whose packages aren't plainly as they left them."""
    traces: dict[int, Trace] = field(default_factory=dict)
    """What the entries tell of bulk files."""
    is_read: bool = False
    """Whether everything was looked at: history, orders, before-images, packages."""


EntryRow = TypeVar("EntryRow", bound=tuple[Any, ...])


def follow(rows: Iterable[EntryRow], part: Part) -> Iterator[EntryRow]:
    """Chain SHA-256 over seq, body and hash of rows from where `part` stands, and take note of every break in it.

    Gives the rows on, so that one reading serves for what else is asked of them.
    """
    seq, previous = part.seq, _digest_of(part.hash)
    sha256 = hashlib.sha256
    stored = part.hash
    for row in rows:
        found, body, stored = row[0], row[1], row[2]
        try:
            linked = sha256(previous + body.encode())
        except (AttributeError, UnicodeEncodeError):
            # Not even text any more.
            linked = sha256()
        if linked.hexdigest() == stored and found == seq + 1:
            previous = linked.digest()
            seq = found
        else:
            _note_break(part.findings, seq, found)
            previous, seq = _digest_of(stored), found
        yield row
    part.seq, part.hash = seq, stored


def compare(rows: Iterable[LedgerRow], part: Part, *, purged_until: str) -> None:
    """Hold orders and before-images against their entries, and take note of what differs or is missing.

    Orders whose packages aren't plainly where they put them are left to a closer look. Before-images of orders that
    are older than `purged_until` may have been erased.
    """
    for row in rows:
        _seq, body, _hash, order, survivor, absorbed, choice, taken, at, by, is_found, salt, image, now = row
        trace(body, part.traces, is_merge=is_found is not None)
        if is_found is None:
            continue
        part.merges += 1
        digest = _image_digest(salt, image) if image else image
        if (
            order == part.order + 1
            and digest
            and isinstance(body, str)
            # Nothing had to be escaped in most. Nor can what has a quotation mark in it look like that: each key
            # stands in a body once.
            and body.startswith(f'{{"absorbed":"{absorbed}","action":"merge","at":"{at}",')
            and f',"by":"{by}","by_kind":' in body
            and f',"choice":"{choice}","domains":' in body
            and f',"image_sha256":"{digest}","order":{order},"packages":' in body
            and body.endswith(f',"survivor":"{survivor}","taken":{_listed(taken)},"v":1}}')
        ):
            part.order = order
            part.is_unclear |= not is_found
        elif not _compare_closely(row, digest, part, purged_until):
            continue
        # What an image says counts only where it is the one that was written.
        if not is_plainly_right(choice, image, now):
            part.doubtful.append(part.order)


def _compare_closely(row: LedgerRow, image: str | None, part: Part, purged_until: str) -> bool:
    """Take note of what differs; returns whether there is a before-image and it is the one that was written."""
    seq, body, order = row[0], row[1], row[3]
    if not isinstance(body, str):
        part.is_unclear = True
        return False
    if _USES_TRANSFER in body:
        told = json.loads(body)
        part.transfers[told["transfer"]] = told["order"]
    if order is None:
        part.is_unclear = True
        part.order = int(json.loads(body)["order"] or 0)
        part.findings.add(CheckName.ORDERS, f"order {part.order}", _ORDER_GONE, seq=seq)
        return False
    if order != part.order + 1:
        part.findings.add(CheckName.ORDERS, f"order {order}", _ORDER_LEFT_OUT, before=part.order)
    part.order = order
    is_told = _says_the_same(row)
    part.is_unclear |= not (is_told and row[10])
    if not is_told:
        part.findings.add(CheckName.ORDERS, f"order {order}", _ORDER_CHANGED, seq=seq)
    if not image:
        if image is None or str(row[8]) >= purged_until:
            part.findings.add(CheckName.IMAGES, f"order {order}", _IMAGE_GONE)
        elif row[11] != b"":
            part.findings.add(CheckName.IMAGES, f"order {order}", _IMAGE_CHANGED, seq=seq)
        else:
            part.erased += 1
        return False
    if f'"image_sha256":"{image}",' not in body:
        part.findings.add(CheckName.IMAGES, f"order {order}", _IMAGE_CHANGED, seq=seq)
        return False
    return True


def _says_the_same(row: LedgerRow) -> bool:
    _seq, body, _hash, order, survivor, absorbed, choice, taken, at, by, *_ = row
    return (
        body.startswith(f'{{"absorbed":{_quoted(absorbed)},"action":"merge","at":{_quoted(at)},')
        and f',"by":{_quoted(by)},"by_kind":' in body
        and f',"choice":{_quoted(choice)},' in body
        and f',"order":{order},' in body
        and f',"survivor":{_quoted(survivor)},"taken":{_listed(taken)},' in body
    )


# Any: whatever somebody has put there.
def _image_digest(salt: Any, image: Any) -> str:  # noqa: ANN401
    try:
        return image_digest(salt, image)
    except (TypeError, AttributeError, UnicodeEncodeError):
        return "none"


def _listed(taken: object) -> str:
    """Return an order's fields as canonical JSON has them in its entry."""
    if taken == "":
        return "[]"
    if not isinstance(taken, str):
        return ""
    return f"[{','.join(map(_quoted, taken.split(' ')))}]"


def _quoted(text: object) -> str:
    """Return a text as canonical JSON has it; what isn't text is like none."""
    return encode_basestring(text) if isinstance(text, str) else ""


def _note_break(findings: Findings, before: int, found: int) -> None:
    if found > before + 1:
        findings.add(CheckName.CHAIN, f"history {found}", _GAP, before=before)
    else:
        findings.add(CheckName.CHAIN, f"history {found}", _BROKEN)


def _digest_of(text: str) -> bytes:
    """Return the bytes of a stored hash; nothing follows from one that is none."""
    try:
        return bytes.fromhex(text) if len(text) == _HASH_LENGTH else b""
    except (TypeError, ValueError):
        return b""

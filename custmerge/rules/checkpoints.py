"""Checkpoints: what an audit saw last, a line of JSON each (contract §7)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from custmerge.rules.history import canonical
from custmerge.rules.times import moment

_KEYS = ["seq", "hash", "at"]
_SIGNED_KEYS = [*_KEYS, "signature"]
_HASH = re.compile(r"[0-9a-f]{64}")
LARGEST_SEQ = 2**53 - 1
"""Canonical JSON has one way to write an integer up to here. Source: RFC 8785 §3.2.2.3."""
_BEGINNING = '{"seq": '
# A line as `line` writes it, and one of the same shape: what is missing from a torn line is taken from it.
_WRITTEN = re.compile(
    r'\{"seq": (0|[1-9][0-9]*), "hash": "[0-9a-f]{64}", '
    r'"at": "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"'
    r'(, "signature": "[A-Za-z0-9+/]{86}==")?\}'
)
_REST = f', "hash": "{"0" * 64}", "at": "0000-00-00T00:00:00Z"'
_ENDS = ("}", f', "signature": "{"A" * 86}=="' + "}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the history as an audit found it."""

    seq: int
    """The last entry's, 0 for an empty history."""
    hash: str
    """64 lower-case hex digits."""
    at: str
    """When it was audited, see `times.stamp`."""
    signature: str | None
    """Ed25519 over `signed_text`, in base64; None where nobody signed."""


def signed_text(checkpoint: Checkpoint) -> str:
    """Return what a signature is over: canonical JSON of the first three keys. Source: RFC 8785."""
    return canonical({"seq": checkpoint.seq, "hash": checkpoint.hash, "at": checkpoint.at})


def line(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as its line, without the line's end."""
    shape: dict[str, str | int] = {"seq": checkpoint.seq, "hash": checkpoint.hash, "at": checkpoint.at}
    if checkpoint.signature is not None:
        shape["signature"] = checkpoint.signature
    return json.dumps(shape)


def parsed(text: str) -> Checkpoint:
    """Return the checkpoint that a line holds; raises ValueError where it holds none, or one that can't be.

    Whether its signature is right, or is one at all, is for `storage.signing` to say.
    """
    try:
        shape = json.loads(text)
    except RecursionError:
        raise ValueError("no checkpoint") from None
    if not isinstance(shape, dict) or list(shape) not in (_KEYS, _SIGNED_KEYS):
        raise ValueError("no checkpoint")
    seq, digest, at, signature = shape["seq"], shape["hash"], shape["at"], shape.get("signature")
    if type(seq) is not int or not 0 <= seq <= LARGEST_SEQ:
        raise ValueError("no seq")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise ValueError("no hash")
    if not isinstance(at, str) or not at.isascii():
        raise ValueError("no moment")
    moment(at)
    if "signature" in shape and not isinstance(signature, str):
        raise ValueError("no signature")
    return Checkpoint(seq, digest, at, signature)


def is_torn(text: str) -> bool:
    """Return whether `text` is a true prefix of a line that `line` writes: what a crash may leave of one."""
    digits = re.match("[0-9]*", text.removeprefix(_BEGINNING))
    # Where the number is torn off too, any digit does.
    seq = digits[0] if text.startswith(_BEGINNING) and digits and digits[0] else "0"
    wholes = (_BEGINNING + seq + _REST + end for end in _ENDS)
    return any(len(text) < len(whole) and _WRITTEN.fullmatch(text + whole[len(text) :]) for whole in wholes)

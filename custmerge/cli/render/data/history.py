"""Entries of the history."""

from __future__ import annotations

import json

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.history import Entry
from custmerge.services.history import Event

ENTRY_COLUMNS = ("seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash", "body")


def event(entry: Event) -> Shape:
    """Return a history entry as it is listed."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "by": entry.by,
        "action": entry.action,
        "order": entry.order,
        "survivor": entry.survivor,
        "absorbed": entry.absorbed,
        "choice": entry.choice,
        "hash": entry.hash,
    }


def entry(found: Entry) -> Shape:
    """Return a history entry as anyone can verify it (contract §7)."""
    return {"body": json.loads(found.body), "hash": found.hash}


def entry_row(found: Entry) -> Shape:
    """Return a history entry as one flat row; `body` is the canonical text that was hashed."""
    body = json.loads(found.body)
    return {**{key: body.get(key) for key in ENTRY_COLUMNS[:-2]}, "hash": found.hash, "body": found.body}

"""Entries of the history."""

from __future__ import annotations

import json

from custmerge.cli.render.data.writing import Shape
from custmerge.rules.history import Entry
from custmerge.services.history import Event

EVENT_COLUMNS = ("seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash")
ENTRY_COLUMNS = (*EVENT_COLUMNS, "body")


def event_shape(event: Event) -> Shape:
    """Return an entry as `history` lists it."""
    return {
        "seq": event.seq,
        "at": event.at,
        "by": event.by,
        "action": event.action,
        "order": event.order,
        "survivor": event.survivor,
        "absorbed": event.absorbed,
        "choice": event.choice,
        "hash": event.hash,
    }


def entry_shape(entry: Entry) -> Shape:
    """Return a history entry as anyone can verify it (contract §7)."""
    return {"body": json.loads(entry.body), "hash": entry.hash}


def entry_row(entry: Entry) -> Shape:
    """Return a history entry as one flat row; `body` is the canonical text that was hashed."""
    body = json.loads(entry.body)
    return {**{key: body.get(key) for key in EVENT_COLUMNS[:-1]}, "hash": entry.hash, "body": entry.body}

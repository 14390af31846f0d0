"""A trained model in a file: Splink's own JSON, so that Splink reads it, too."""

from __future__ import annotations

import json

from custmerge import files
from custmerge.errors import N_, BadFile
from custmerge.storage.matching.settings import Settings, restored

LARGEST = 1 << 20
"""In bytes."""


def read_model(path: str) -> Settings:
    """Return a saved model; raises BadFile unless it is one that this version understands."""
    try:
        with files.regular(path) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise files.unreadable(path, error) from None
    try:
        return restored(json.loads(content))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        why = N_("is no model that this version has saved: train a new one with --save-model")
        raise BadFile(file=path, why=why) from None


def write_model(path: str, settings: Settings) -> None:
    """Write a model into a new file; raises BadFile."""
    files.write_new(path, lambda: json.dumps(settings, indent=2, sort_keys=True).encode())

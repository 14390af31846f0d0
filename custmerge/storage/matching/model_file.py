"""A trained model in a file: Splink's own JSON, so that Splink reads it, too."""

from __future__ import annotations

import json

from custmerge import files
from custmerge.errors import N_, BadFile
from custmerge.storage.matching.settings import Settings, fits

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
        settings = json.loads(content)
    except ValueError:
        settings = None
    # Its conditions are SQL: none is executed that this program doesn't write itself.
    if not isinstance(settings, dict) or not fits(settings):
        raise BadFile(file=path, why=N_("is no model that this version has saved: train a new one by --save-model"))
    return settings


def write_model(path: str, settings: Settings) -> None:
    """Write a model into a new file; raises BadFile."""
    files.write_new(path, lambda: json.dumps(settings, indent=2, sort_keys=True).encode())

"""Searches by the model of duplicates, in workspaces of their own."""

from contextlib import contextmanager

from custmerge.rules.fields import FIELDS
from custmerge.storage.matching import duckdb, scoring
from custmerge.storage.matching.reading import write_records
from custmerge.storage.matching.training import trained
from custmerge.storage.matching.workspace import workspace

LOWEST_WEIGHT = -12


def customer(**values):
    """Return the values of a customer; what isn't given is empty."""
    return tuple(values.get(field.value, "") for field in FIELDS)


@contextmanager
def space_of(rows):
    """Give a workspace with the records of (number, values)."""
    with workspace(None) as space:
        columns = list(zip(*((number, *values) for number, values in rows), strict=True))
        list(write_records(space, [columns] if columns else []))
        yield space


def searched(space):
    """Train a model on the records of a workspace, score their pairs, and return the model."""
    model = trained(space)
    duckdb.find_pairs(space)
    duckdb.score(space, model, LOWEST_WEIGHT)
    scoring.add_kinds(space, model)
    return model

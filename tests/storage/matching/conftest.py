"""Searches of small populations."""

import logging
from contextlib import contextmanager

import pytest
from support.population import population

from custmerge.storage.matching import duckdb, scoring
from custmerge.storage.matching.reading import write_records
from custmerge.storage.matching.training import trained
from custmerge.storage.matching.workspace import workspace

ROWS, SEED = 3_000, 4


@contextmanager
def space_of(rows):
    """Give a workspace with the records of (number, values)."""
    with workspace(None) as space:
        columns = list(zip(*((number, *values) for number, values in rows), strict=True))
        list(write_records(space, [columns] if columns else []))
        yield space


@pytest.fixture(scope="session")
def records():
    return list(population(ROWS, seed=SEED))


@pytest.fixture(scope="session")
def searched(records):
    """A workspace with the scores of a population, its model, and the prior that fits."""
    logging.getLogger("splink").addHandler(logging.NullHandler())
    with space_of((record.number, record.values) for record in records) as space:
        model = trained(space)
        duckdb.find_pairs(space)
        duckdb.score(space, model, -12)
        scoring.add_kinds(space, model)
        yield space, model, scoring.fitting_prior(space, model)

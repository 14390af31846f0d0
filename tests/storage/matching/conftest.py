"""One search of a small population, for all tests of the model."""

import logging

import pytest
from support import matching_scenes
from support.population import population

from custmerge.storage.matching.scoring import fitting_prior

ROWS, SEED = 3_000, 4


@pytest.fixture(scope="session")
def records():
    return list(population(ROWS, seed=SEED))


@pytest.fixture(scope="session")
def searched(records):
    """A workspace with the scores of a population, its model, and the prior that fits."""
    logging.getLogger("splink").addHandler(logging.NullHandler())
    with matching_scenes.space_of((record.number, record.values) for record in records) as space:
        model = matching_scenes.searched(space)
        yield space, model, fitting_prior(space, model)

"""What the model learns without labels, and what its comparisons make of two records."""

import pytest
from support.matching_scenes import searched, space_of
from support.population import population

from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.rules.fields import FIELDS
from custmerge.storage.matching import scoring

NAMES_AND_ADDRESS = ("company", "first_name", "last_name", "street", "postcode", "city")


def customer(**values):
    return tuple(values.get(field.value, "") for field in FIELDS)


ANNA = {
    "first_name": "Anna",
    "last_name": "Hinterbrinkmeyer",
    "street": "Lange Str. 3",
    "postcode": "76133",
    "city": "Karlsruhe",
}


def agreement_of(one, other, others=()):
    """Return how two customers agree in a register that has others, too."""
    rows = [one, other, *others]
    with space_of((f"{place:03}", values) for place, values in enumerate(rows)) as space:
        model = searched(space)
        found = scoring.matches(space, model, scoring.fitting_prior(space, model), 0, related=True)
        return next(match.agreement for match in found if match.ids == (0, 1))


@pytest.fixture(scope="module")
def by_names_and_address():
    """A search of a population of which nothing is known but names and addresses, and who is who."""
    records = list(population(6_000, seed=8))
    rows = [
        (record.number, customer(**{field: getattr(record, field) for field in NAMES_AND_ADDRESS}))
        for record in records
    ]
    with space_of(rows) as space:
        model = searched(space)
        yield (
            model,
            list(scoring.matches(space, model, scoring.fitting_prior(space, model), 0.5, related=False)),
            records,
        )


def test_who_has_moved_is_found_by_a_rare_name(by_names_and_address):
    _model, matches, records = by_names_and_address
    entity = {record.number: record.entity for record in records}
    moved = [match for match in matches if match.agreement[Compared.PLACE] is Level.DIFFERENT]
    assert len(moved) > 20
    assert sum(entity[match.left] == entity[match.right] for match in moved) > 0.7 * len(moved)


def test_how_many_move_is_learnt_from_rare_names(by_names_and_address):
    model, _matches, _records = by_names_and_address
    (place,) = (each for each in model["comparisons"] if each["output_column_name"] == "place")
    m = {level["label_for_charts"]: level.get("m_probability") for level in place["comparison_levels"]}
    # Of the generator's second numbers 22 % are at another address, half of those in another town.
    assert 0.05 < m["different"] < 0.2


def test_a_house_number_in_another_street_says_nothing_against_a_pair():
    moved = ANNA | {"street": "Am Hang 17"}
    assert agreement_of(customer(**ANNA), customer(**moved))[Compared.HOUSE] is Level.EMPTY
    beside = ANNA | {"street": "Lange Str. 17"}
    assert agreement_of(customer(**ANNA), customer(**beside))[Compared.HOUSE] is Level.DIFFERENT


def test_another_street_in_another_place_says_no_more_than_the_place():
    moved = ANNA | {"street": "Am Hang 17", "postcode": "10115", "city": "Berlin"}
    agreement = agreement_of(customer(**ANNA), customer(**moved))
    assert (agreement[Compared.PLACE], agreement[Compared.STREET]) == (Level.DIFFERENT, Level.EMPTY)


@pytest.mark.parametrize(("namesakes", "level"), [(0, Level.NEAR), (10, Level.SIMILAR)])
def test_of_two_names_that_many_have_none_is_a_slip_of_the_other(namesakes, level):
    others = [
        customer(first_name=first, last_name=f"Other{place}")
        for place in range(namesakes)
        for first in ("Anna", "Anne")
    ]
    anne = ANNA | {"first_name": "Anne"}
    assert agreement_of(customer(**ANNA), customer(**anne), others)[Compared.FIRST_NAME] is level


def test_a_value_is_as_frequent_as_it_is_among_the_others():
    others = [customer(first_name=f"Name{place}", city="Ulm") for place in range(98)]
    with space_of(
        (f"{place:03}", each) for place, each in enumerate([customer(**ANNA), customer(**ANNA), *others])
    ) as space:
        searched(space)
        rows = dict(space.rows("select first_name, tf_first_name from frequency_of_first_name"))
    assert rows == {"anna": pytest.approx(1 / 99)}

"""What the model learns without labels, and what its comparisons make of two records."""

import pytest
from support.matching_scenes import customer, searched, space_of
from support.population import population
from support.population.mixture import Mixture

from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.storage.matching import scoring
from custmerge.storage.matching.training import trained

NAMES_AND_ADDRESS = ("company", "first_name", "last_name", "street", "postcode", "city")


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


def names_and_addresses(records):
    for record in records:
        yield record.number, customer(**{field: getattr(record, field) for field in NAMES_AND_ADDRESS})


def levels_of(model, compared):
    """Return the levels of a comparison of a model, by their names."""
    (comparison,) = (each for each in model["comparisons"] if each["output_column_name"] == compared)
    return {level["label_for_charts"]: level for level in comparison["comparison_levels"]}


@pytest.fixture(scope="module")
def by_names_and_address():
    """A search of a population of which nothing is known but names and addresses, and who is who."""
    records = list(population(6_000, seed=8))
    with space_of(names_and_addresses(records)) as space:
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


# Half of those who move do it within their town. Training begins with .09.
@pytest.mark.parametrize(("moved", "least", "most"), [(0.0, 0.0, 0.05), (0.22, 0.05, 0.2), (0.8, 0.2, 0.5)])
def test_how_many_move_is_learnt_from_rare_names(moved, least, most):
    records = population(6_000, seed=8, mixture=Mixture(moved=moved))
    with space_of(names_and_addresses(records)) as space:
        model = trained(space)
    assert least < levels_of(model, "place")["different"]["m_probability"] < most


def test_names_that_are_swapped_weigh_at_the_last_name_only(by_names_and_address):
    model, _matches, _records = by_names_and_address
    first, last = (levels_of(model, compared)["swapped"] for compared in ("first_name", "last_name"))
    assert first["m_probability"] == first["u_probability"]
    assert last["m_probability"] > 100 * last["u_probability"]


def test_a_house_number_in_another_street_says_nothing_against_a_pair():
    moved = ANNA | {"street": "Am Hang 17"}
    assert agreement_of(customer(**ANNA), customer(**moved))[Compared.HOUSE] is Level.EMPTY
    beside = ANNA | {"street": "Lange Str. 17"}
    assert agreement_of(customer(**ANNA), customer(**beside))[Compared.HOUSE] is Level.DIFFERENT
    unknown = ANNA | {"street": "17"}
    assert agreement_of(customer(**ANNA), customer(**unknown))[Compared.HOUSE] is Level.EMPTY


def test_another_street_in_another_place_says_no_more_than_the_place():
    moved = ANNA | {"street": "Am Hang 17", "postcode": "10115", "city": "Berlin"}
    agreement = agreement_of(customer(**ANNA), customer(**moved))
    assert (agreement[Compared.PLACE], agreement[Compared.STREET]) == (Level.DIFFERENT, Level.EMPTY)


@pytest.mark.parametrize(
    ("other", "namesakes", "level"),
    [
        ("Anne", 0, Level.NEAR),
        ("Anne", 10, Level.SIMILAR),
        ("Annabella", 0, Level.CONTAINED),
        ("Annabella", 10, Level.DIFFERENT),
    ],
)
def test_of_two_names_that_many_have_none_is_a_slip_of_the_other_or_short_for_it(other, namesakes, level):
    others = [
        customer(first_name=first, last_name=f"Other{place}")
        for place in range(namesakes)
        for first in ("Anna", other)
    ]
    namesake = ANNA | {"first_name": other}
    assert agreement_of(customer(**ANNA), customer(**namesake), others)[Compared.FIRST_NAME] is level


@pytest.mark.parametrize(("customers", "enough"), [(100, 5), (8_000, 8)])
def test_many_have_a_name_that_five_customers_have_and_one_of_a_thousand(customers, enough):
    names = ["Anna"] * enough + ["Berta"] * (enough - 1)
    names += [f"Name{place}" for place in range(customers - len(names))]
    with space_of((f"{place:05}", customer(first_name=name)) for place, name in enumerate(names)) as space:
        assert space.rows("select distinct frequent_name from records where frequent_name is not null") == [("anna",)]


def test_a_value_is_as_frequent_as_it_is_among_the_others():
    others = [customer(first_name=f"Name{place}", city="Ulm") for place in range(98)]
    with space_of(
        (f"{place:03}", each) for place, each in enumerate([customer(**ANNA), customer(**ANNA), *others])
    ) as space:
        searched(space)
        rows = dict(space.rows("select first_name, tf_first_name from frequency_of_first_name"))
    assert rows == {"anna": pytest.approx(1 / 99)}

"""What the model finds in a population whose truth is known."""

from itertools import combinations

import pytest
from support import matching_scenes
from support.matching_scenes import customer, space_of
from support.population import population
from support.world import a_customer

from custmerge.rules.duplicates.candidate import Kind
from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.storage.matching import duckdb, scoring
from custmerge.storage.matching.settings import prior_of
from custmerge.storage.matching.training import trained


@pytest.fixture(scope="module")
def true_pairs(records):
    by_entity = {}
    for record in records:
        by_entity.setdefault(record.entity, []).append(record.number)
    return {pair for numbers in by_entity.values() for pair in combinations(numbers, 2)}


def found(searched, threshold=0.5, *, related=False):
    space, model, prior = searched
    return list(scoring.matches(space, model, prior, threshold, related=related))


def test_who_is_one_customer_is_found_and_hardly_anybody_else(searched, true_pairs):
    pairs = {(match.left, match.right) for match in found(searched)}
    assert len(pairs & true_pairs) > 0.85 * len(true_pairs)
    assert len(pairs & true_pairs) > 0.93 * len(pairs)


def test_the_estimated_number_of_duplicates_is_near_the_true_one(searched, true_pairs):
    expected = sum(match.probability for match in found(searched, 0.01))
    assert abs(expected - len(true_pairs)) < 0.15 * len(true_pairs)


def test_pairs_come_once_in_the_order_of_their_numbers_and_probabilities(searched):
    matches = found(searched, 0.1, related=True)
    assert len({(match.left, match.right) for match in matches}) == len(matches)
    assert all(match.left < match.right and match.probability >= 0.1 for match in matches)
    assert [match.probability for match in matches] == sorted((match.probability for match in matches), reverse=True)


def test_related_pairs_come_only_if_they_are_wanted(searched):
    assert {match.kind for match in found(searched)} == {Kind.SAME}
    assert {match.kind for match in found(searched, related=True)} == set(Kind)


def test_a_higher_threshold_leaves_out_less_probable_pairs(searched):
    sure = {(match.left, match.right) for match in found(searched, 0.99)}
    assert sure < {(match.left, match.right) for match in found(searched)}


def test_a_search_is_repeatable(records):
    rows = [(record.number, record.values) for record in records[:800]]
    models = []
    for _time in range(2):
        with space_of(rows) as space:
            models.append(trained(space))
    first, second = (
        [level["m_probability"] for each in model["comparisons"] for level in each["comparison_levels"][1:]]
        for model in models
    )
    assert first == pytest.approx(second, rel=1e-9)


ANNA = {
    "first_name": "Anna",
    "last_name": "Schmidt",
    "street": "Lange Str. 3",
    "postcode": "76133",
    "city": "Karlsruhe",
}


@pytest.mark.parametrize(
    "customers",
    [
        [customer(), customer()],
        [customer(**ANNA), customer(first_name="Peter", last_name="Maier", city="Ulm")],
    ],
)
def test_registers_with_hardly_a_customer_have_no_duplicates(customers):
    with space_of((f"{place:03}", values) for place, values in enumerate(customers)) as space:
        model = matching_scenes.searched(space)
        assert list(scoring.matches(space, model, scoring.fitting_prior(space, model), 0.5, related=True)) == []
        assert 0 < prior_of(model) <= 0.5


def test_a_register_of_two_equal_records_has_a_duplicate():
    reached = {"email": "anna@example.com", "phone": "0721 913740"}
    anna = customer(**ANNA, **reached)
    with space_of([("001", anna), ("002", anna)]) as space:
        model = matching_scenes.searched(space)
        (match,) = scoring.matches(space, model, scoring.fitting_prior(space, model), 0.5, related=False)
    assert match.agreement[Compared.EMAIL] is Level.EQUAL


@pytest.mark.parametrize(("others", "copies"), [(40, 2), (100, 30)])
def test_where_all_pairs_of_a_block_are_one_customer_training_goes_on_without_it(others, copies):
    rows = [(record.number, record.values) for record in population(others, seed=8)]
    rows += [(f"9{place:05}", a_customer("").values) for place in range(copies)]
    with space_of(rows) as space:
        model = trained(space)
    levels = [level for each in model["comparisons"] for level in each["comparison_levels"][1:]]
    assert all(0 < level["m_probability"] < 1 for level in levels)


@pytest.mark.parametrize("more", [{}, {"city": "Ulm"}, {"postcode": "89073"}])
def test_records_that_have_only_what_a_block_holds_can_be_searched(more):
    jo = customer(first_name="Jo", last_name="Doe", **more)
    with space_of([("001", jo), ("002", jo)]) as space:
        model = matching_scenes.searched(space)
        assert list(scoring.matches(space, model, scoring.fitting_prior(space, model), 0.99, related=True)) == []


def test_a_field_that_hardly_any_record_has_is_not_compared(records):
    rows = [(record.number, (*record.values[:8], "", *record.values[9:])) for record in records[:300]]
    with space_of(rows) as space:
        assert Compared.EMAIL not in {each["output_column_name"] for each in trained(space)["comparisons"]}


def test_a_key_that_many_records_share_makes_no_pairs():
    everybody = [customer(last_name=f"Name{place}", email="all@example.com") for place in range(26)]
    with space_of([(f"{place:03}", values) for place, values in enumerate(everybody)]) as space:
        duckdb.find_pairs(space)
        assert space.value("select count(*) from pairs where join_key_l = 0") == 0
    with space_of([(f"{place:03}", values) for place, values in enumerate(everybody[:25])]) as space:
        duckdb.find_pairs(space)
        assert space.value("select count(*) from pairs where join_key_l = 0") == 24

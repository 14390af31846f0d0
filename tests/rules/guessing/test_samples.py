"""What values of a sample say."""

import pytest

from custmerge.rules.guessing.samples import SURE_CHANCE, Sample, chance_of, comparable, key_like
from custmerge.rules.host_schema import HostColumn, Kind


def integers(*numbers):
    return frozenset(map(str, numbers))


def test_integers_among_a_dense_range_of_keys_prove_nothing():
    values = integers(*range(1, 200))
    assert chance_of(values, values, density=1.0) == 0
    assert chance_of(integers(1, 2, 3), integers(1, 2, 3), density=0.95) > SURE_CHANCE


def test_integers_that_are_all_keys_where_few_integers_are_is_no_chance():
    values = integers(*range(100, 3000, 97))
    assert chance_of(values, values, density=0.1) < SURE_CHANCE


def test_misses_make_a_chance_more_likely():
    values = integers(*range(40))
    assert chance_of(values, integers(*range(20)), density=0.5) > chance_of(values, values, density=0.5)


def test_long_texts_are_not_equal_by_chance_and_short_ones_are():
    long = frozenset(f"{n:08x}-0000-4000-8000-000000000000" for n in range(3))
    assert chance_of(long, long, None) <= SURE_CHANCE
    assert chance_of(frozenset({"a", "b"}), frozenset({"a", "b"}), None) == 0


def test_only_canonical_integers_and_uuids_can_be_keys():
    assert key_like(frozenset({"7", "007", "7a", "-1", ""}), Kind.INTEGER) == {"7", "-1"}
    assert key_like(frozenset({"x", "0" * 32}), Kind.UUID) == {"0" * 32}


@pytest.mark.parametrize(
    ("column", "key", "expected"),
    [
        (Kind.INTEGER, Kind.INTEGER, True),
        (Kind.TEXT, Kind.INTEGER, True),
        (Kind.MOMENT, Kind.INTEGER, False),
        (Kind.BOOLEAN, Kind.INTEGER, False),
        (Kind.INTEGER, Kind.UUID, False),
        (Kind.TEXT, Kind.UUID, True),
        (Kind.INTEGER, Kind.TEXT, True),
        (Kind.INTEGER, Kind.MOMENT, False),
    ],
)
def test_types_are_compared_first(column, key, expected):
    assert comparable(HostColumn("a", "x", column), HostColumn("b", "x", key)) is expected


def test_empty_values_are_none():
    sample = Sample("t", ("a", "b"), [("1", "x"), (None, "y"), ("", "z"), ("0", "x")], is_whole=True)
    assert list(sample.values("a")) == ["1"]
    assert next(sample.pairs("b", "a")) == ("x", "1")

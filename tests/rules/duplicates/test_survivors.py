"""Who survives is said by a rule, and ties are decided by the natural order of the numbers."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer

from custmerge.rules.duplicates.survivors import Member, SurvivorRule, by_number, by_survival, natural_order

MEMBERS = [
    Member(a_customer("9", phone=""), 1),
    Member(a_customer("10"), 1),
    Member(a_customer("100", phone="", mobile=" "), 3),
    Member(a_customer("007", phone=""), 0),
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SurvivorRule.OLDEST, ["007", "9", "10", "100"]),
        (SurvivorRule.RECENT, ["100", "10", "9", "007"]),
        (SurvivorRule.PACKAGES, ["100", "9", "10", "007"]),
        (SurvivorRule.FILLED, ["10", "007", "9", "100"]),
    ],
)
def test_the_rule_says_who_survives_whatever_order_they_come_in(rule, expected):
    for shuffled in permutations(MEMBERS):
        assert [member.number for member in by_survival(shuffled, rule)] == expected


def test_numbers_are_sorted_as_people_do():
    numbers = ["B-10", "B-9", "7", "007", "10", "9", "A1b2", "A1b10", "-", "", "0", "²"]
    expected = ["", "0", "007", "7", "9", "10", "-", "A1b2", "A1b10", "B-9", "B-10", "²"]
    assert sorted(numbers, key=natural_order) == expected


@given(st.lists(st.text("0019A-²", min_size=1, max_size=4), unique=True), st.booleans())
def test_numbers_alone_are_sorted_alike(numbers, is_reversed):
    assert by_number(numbers, reverse=is_reversed) == sorted(numbers, key=natural_order, reverse=is_reversed)

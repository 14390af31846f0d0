"""Where a number that was merged away leads to, and whether two numbers can be merged."""

import pytest
from support.world import a_customer

from custmerge.errors import MergedAway, ProofRequired, UnknownNumber
from custmerge.rules.fields import Customer, chain, living, living_pair

LINKS = {"1": "2", "2": "3", "7": "8", "8": "9", "9": "7", "5": "5", "6": "lost"}
RECORDS = {"3": a_customer(number="3")} | {
    number: Customer(number, merged_into=into) for number, into in LINKS.items()
}


@pytest.mark.parametrize(
    ("number", "passed"),
    [
        ("3", ["3"]),
        ("2", ["2", "3"]),
        ("1", ["1", "2", "3"]),
        ("unknown", ["unknown"]),
        ("7", ["7", "8", "9"]),
        ("5", ["5"]),
        ("6", ["6", "lost"]),
    ],
)
def test_a_chain_is_followed_to_its_end_and_a_circle_once(number, passed):
    assert chain(number, RECORDS) == passed


def test_a_number_in_use_is_living():
    assert living("3", RECORDS) is RECORDS["3"]


def test_a_tombstone_is_refused_with_the_end_of_its_chain():
    with pytest.raises(MergedAway) as refused:
        living("1", RECORDS)
    assert refused.value.details == {"number": "1", "merged_into": "3"}


def test_an_unknown_number_is_refused():
    with pytest.raises(UnknownNumber):
        living("4", RECORDS)


@pytest.mark.parametrize("absorbed", ["unknown", "1"])
def test_a_customer_is_not_told_what_became_of_the_other_number(absorbed):
    with pytest.raises(ProofRequired):
        living_pair(("3", absorbed), RECORDS, is_customer=True)
    with pytest.raises((UnknownNumber, MergedAway)):
        living_pair(("3", absorbed), RECORDS, is_customer=False)


def test_a_customer_is_told_what_became_of_the_own_number():
    with pytest.raises(MergedAway):
        living_pair(("1", "3"), RECORDS, is_customer=True)

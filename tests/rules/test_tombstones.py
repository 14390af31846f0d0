"""Where a number that was merged away leads to, and whether two numbers can be merged."""

import pytest
from support.world import a_customer

from custmerge.errors import MergedAway, ProofRequired, UnknownNumber
from custmerge.rules.fields import Customer
from custmerge.rules.tombstones import chain, end_of_chain, living, living_pair

LINKS = {"1": "2", "2": "3", "7": "8", "8": "9", "9": "7", "5": "5"}


@pytest.mark.parametrize(
    ("number", "passed"),
    [
        ("3", ["3"]),
        ("2", ["2", "3"]),
        ("1", ["1", "2", "3"]),
        ("unknown", ["unknown"]),
        ("7", ["7", "8", "9"]),
        ("5", ["5"]),
    ],
)
def test_a_chain_is_followed_to_its_end_and_a_circle_once(number, passed):
    assert list(chain(number, LINKS.get)) == passed
    assert end_of_chain(number, LINKS.get) == passed[-1]


def test_a_number_in_use_is_living():
    customer = a_customer(number="3")
    assert living("3", customer, LINKS.get) is customer


def test_a_tombstone_is_refused_with_the_end_of_its_chain():
    with pytest.raises(MergedAway) as refused:
        living("1", Customer("1", merged_into="2"), LINKS.get)
    assert refused.value.details == {"number": "1", "merged_into": "3"}


def test_an_unknown_number_is_refused():
    with pytest.raises(UnknownNumber):
        living("4", None, LINKS.get)


@pytest.mark.parametrize("absorbed", [None, Customer("1", merged_into="2")])
def test_a_customer_is_not_told_what_became_of_the_other_number(absorbed):
    records = {"3": a_customer(number="3")} | ({} if absorbed is None else {"1": absorbed})
    with pytest.raises(ProofRequired):
        living_pair(("3", "1"), records, LINKS.get, is_customer=True)
    with pytest.raises((UnknownNumber, MergedAway)):
        living_pair(("3", "1"), records, LINKS.get, is_customer=False)


def test_a_customer_is_told_what_became_of_the_own_number():
    records = {"1": Customer("1", merged_into="2"), "3": a_customer(number="3")}
    with pytest.raises(MergedAway):
        living_pair(("1", "3"), records, LINKS.get, is_customer=True)

"""Which pairs may be one customer."""

import pytest

from custmerge.rules.duplicates.candidate import Kind
from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.rules.duplicates.name_rule import kind_of

NAMES = {"first_name": "equal", "last_name": "equal"}
ADDRESS = {"street": "equal", "house": "equal", "place": "equal"}


def kind(**levels):
    return kind_of({Compared(of): Level(level) for of, level in levels.items()})


@pytest.mark.parametrize("first", ["equal", "near", "initial", "contained"])
@pytest.mark.parametrize("last", ["equal", "near", "contained"])
def test_compatible_names_may_be_one_customer(first, last):
    assert kind(first_name=first, last_name=last) is Kind.SAME


def test_swapped_names_may_be_one_customer():
    assert kind(first_name="swapped", last_name="swapped") is Kind.SAME


def test_spouses_are_related_whatever_they_share():
    assert kind(first_name="different", last_name="equal", phone="equal", email="equal", iban="equal", **ADDRESS) is (
        Kind.RELATED
    )


def test_flatmates_of_one_first_name_are_related():
    assert kind(first_name="equal", last_name="different", **ADDRESS) is Kind.RELATED


@pytest.mark.parametrize("way", ["phone", "email", "iban"])
def test_another_last_name_may_be_that_of_a_marriage(way):
    assert kind(first_name="equal", last_name="different", **{way: "equal"}) is Kind.SAME
    assert kind(first_name="similar", last_name="different", **{way: "equal"}) is Kind.RELATED


def test_an_agency_that_stands_as_the_contact_of_its_client_is_related():
    assert kind(**NAMES, company="different", phone="equal", email="equal") is Kind.RELATED
    assert kind(**NAMES, company="one_empty", phone="equal", email="equal") is Kind.SAME


def test_father_and_son_are_related_if_one_is_a_junior():
    assert kind(first_name="equal", last_name="other_generation", phone="equal", **ADDRESS) is Kind.RELATED


@pytest.mark.parametrize("first", ["similar", "other_sex"])
def test_names_that_are_only_alike_need_more_than_an_address(first):
    assert kind(first_name=first, last_name="equal", phone="equal", **ADDRESS) is Kind.RELATED
    assert kind(first_name=first, last_name="equal", email="equal") is Kind.SAME


def test_whoever_has_no_first_name_may_be_anybody_of_the_household():
    assert kind(last_name="equal", phone="equal", **ADDRESS) is Kind.RELATED
    assert kind(last_name="equal", phone="equal", email="equal") is Kind.SAME


def test_whoever_has_no_last_name_may_be_the_one_of_that_first_name_at_the_address():
    assert kind(first_name="equal", **ADDRESS) is Kind.SAME
    assert kind(first_name="equal", email="equal") is Kind.SAME
    assert kind(first_name="equal", **ADDRESS | {"house": "different"}) is Kind.RELATED
    assert kind(first_name="near", **ADDRESS) is Kind.RELATED


def test_branches_of_a_firm_are_related():
    assert kind(company="equal", email="equal", iban="equal", place="different") is Kind.RELATED
    assert kind(company="equal", email="equal", **ADDRESS) is Kind.SAME
    assert kind(company="near", phone="equal") is Kind.SAME


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        *(({"place": place}, Kind.SAME) for place in ("equal", "city_similar", "both_similar", "postcode")),
        *(({"place": place}, Kind.RELATED) for place in ("city", "postcode_near", "similar", "different", "empty")),
        ({"street": "near"}, Kind.SAME),
        *(({"street": street}, Kind.RELATED) for street in ("similar", "different", "empty")),
        *(({"house": house}, Kind.RELATED) for house in ("near", "different", "empty")),
    ],
)
def test_an_address_is_one_where_it_may_be_written_so(levels, expected):
    assert kind(company="equal", **ADDRESS | levels) is expected


def test_records_without_names_and_companies_are_related():
    assert kind(phone="equal", email="equal", iban="equal", **ADDRESS) is Kind.RELATED

"""What agrees in two records of one name is said in words, and so is what doesn't."""

import pytest
from support.world import a_customer

from custmerge.rules.compare import Status, compare
from custmerge.rules.duplicates.agreement import agreement, identity_of

NOTHING = dict.fromkeys(("street", "postcode", "city", "phone", "mobile", "email", "account_number", "bank_code"), "")


def why(one, other):
    return agreement(compare(a_customer("1", **one), a_customer("2", **other)))


def test_everything_that_is_equal_is_named_in_the_order_of_the_fields():
    assert why({}, {}) == (
        "company and name equal",
        "street equal",
        "postcode and city equal",
        "phone equal",
        "mobile equal",
        "e-mail equal",
        "account equal",
    )


def test_what_differs_comes_behind_it():
    found = why({}, {"phone": "0731 1", "email": "kai@sonnentau.example", "city": "Ulm"})
    assert found[1:] == (
        *("street equal", "postcode equal", "mobile equal", "account equal"),
        *("other city", "other phone", "other e-mail"),
    )


def test_an_identity_with_nothing_equal_beside_it_is_pointed_out():
    other = {"email": "kai@sonnentau.example"}
    assert why({**NOTHING, "email": "k@sonnentau.example"}, {**NOTHING, **other})[0] == "only company and name equal"
    assert why({}, other)[0] == "company and name equal"


def test_another_writing_is_equal():
    assert why({**NOTHING, "phone": "0721 91374-0"}, {**NOTHING, "phone": "+49 721 913740"})[1:] == ("phone equal",)


def test_what_one_leaves_empty_says_nothing():
    assert why({}, NOTHING) == ("company and name equal",)
    assert why(NOTHING, NOTHING) == ("company and name equal",)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"company": ""}, "name equal"),
        ({"company": " ", "first_name": ""}, "name equal"),
        ({"first_name": "", "last_name": ""}, "company equal"),
    ],
)
def test_of_the_names_those_are_said_that_there_are(names, words):
    assert why({**NOTHING, **names}, {**NOTHING, **names}) == (words,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Vogelsang", Status.SAME), ("VOGELSANG", Status.EQUIVALENT), ("Vogel", Status.BLOCKED)],
)
def test_the_identity_of_a_pair_is_that_of_its_fields_together(name, expected):
    assert identity_of(compare(a_customer("1"), a_customer("2", last_name=name))) is expected

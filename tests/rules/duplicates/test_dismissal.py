"""A dismissal holds until an identity field of one of its records changes."""

from dataclasses import replace

import pytest
from support.world import a_customer

from custmerge.errors import BadValue
from custmerge.rules.duplicates.dismissal import Dismissal, checked_reason, identity_digest

SALT = bytes(16)
ONE, OTHER = a_customer("1"), a_customer("2", first_name="Kai")
DISMISSAL = Dismissal("1", "2", "twins", "anna", "2026-11-28T01:59:03Z", SALT, identity_digest(SALT, ONE, OTHER))


def test_it_holds_in_either_direction():
    assert DISMISSAL.holds(ONE, OTHER)
    assert DISMISSAL.holds(OTHER, ONE)


@pytest.mark.parametrize("field", ["company", "first_name", "last_name"])
def test_it_ends_with_another_name(field):
    assert not DISMISSAL.holds(a_customer("1", **{field: "Other"}), OTHER)
    assert not DISMISSAL.holds(ONE, a_customer("2", **{"first_name": "Kai", field: "Other"}))


def test_it_does_not_hold_once_its_salt_is_no_bytes():
    assert not replace(DISMISSAL, salt="0" * 32).holds(ONE, OTHER)


def test_another_writing_and_other_details_change_nothing():
    assert DISMISSAL.holds(a_customer("1", last_name=" VOGELSANG ", city="Ulm", phone=""), OTHER)


def test_the_names_of_the_two_cant_change_places():
    assert not DISMISSAL.holds(a_customer("1", first_name="Kai"), a_customer("2"))


@pytest.mark.parametrize(
    "change",
    [
        {"number": "0"},
        {"other": "3"},
        {"reason": "brothers"},
        {"reason": None},
        {"by": "ben"},
        {"at": "2026-11-28T01:59:04Z"},
        {"salt": b"x" * 16},
        {"salt": "0" * 32},
        {"identity_sha256": "ab" * 32},
    ],
)
def test_every_cell_is_in_the_digest(change):
    assert replace(DISMISSAL, **change).digest != DISMISSAL.digest


@pytest.mark.parametrize("reason", ["", " \t", "x" * 1_001])
def test_a_reason_is_neither_empty_nor_longer_than_1000_characters(reason):
    with pytest.raises(BadValue):
        checked_reason(reason)


def test_a_reason_is_kept_without_blanks_around_it():
    assert checked_reason(" father and son\n") == "father and son"

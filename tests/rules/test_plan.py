"""Contract §2, rules 5 to 8: what an order does, as a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer, details

from custmerge.errors import DetailsDiffer, IdentityBlocked
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Field, Package
from custmerge.rules.plan import Choice, Wishes, contact_after, plan_merge

PACKAGES = (
    Package("P2", "20002", domains=("b.example", "a.example")),
    Package("P1", "20002", domains=("c.example",)),
)
OWN_CONTACT = tuple(details(city="Ulm").values())


def plan(wishes=Wishes(), **changes):  # noqa: B008 (frozen)
    return plan_merge(a_customer(), a_customer("20002", **changes), PACKAGES, wishes)


def test_an_identity_field_that_differs_blocks_whatever_was_chosen():
    for choice in (None, Choice.ADOPT, Choice.KEEP):
        with pytest.raises(IdentityBlocked) as error:
            plan(Wishes(choice), last_name="Roth", city="Ulm")
        assert error.value.details["blocked_by"] == (Field.LAST_NAME,)


def test_details_that_differ_need_a_choice():
    with pytest.raises(DetailsDiffer) as error:
        plan(city="Ulm")
    assert error.value.details["fields"] == (Field.CITY,)


@pytest.mark.parametrize("choice", [Choice.ADOPT, Choice.KEEP])
def test_the_choice_is_the_persons_where_details_differ(choice):
    assert plan(Wishes(choice), city="Ulm").choice is choice


@pytest.mark.parametrize("choice", [None, Choice.ADOPT, Choice.KEEP])
def test_the_choice_is_identical_where_nothing_differs(choice):
    assert plan(Wishes(choice), street="Marktstraße 12").choice is Choice.IDENTICAL


def test_all_packages_move_with_all_their_domains():
    moved = plan()
    assert moved.packages == PACKAGES
    assert moved.domains == ("a.example", "b.example", "c.example")


def test_take_writes_the_absorbed_value_into_the_survivor():
    moved = plan(Wishes(Choice.KEEP, take=(Field.MOBILE, Field.CITY)), mobile="0171 1", city="Ulm", street="Weg 1")
    assert moved.changes == {Field.CITY: "Ulm", Field.MOBILE: "0171 1"}
    assert list(moved.changes) == [Field.CITY, Field.MOBILE]


def test_fill_takes_what_the_survivor_has_empty_and_nothing_else():
    survivor = a_customer(mobile="", phone=" ", email="")
    moved = plan_merge(survivor, a_customer("20002", email="", city="Ulm"), (), Wishes(Choice.ADOPT, fill=True))
    assert list(moved.changes) == [Field.PHONE, Field.MOBILE]


def test_half_of_a_bank_account_is_noticed():
    assert plan(
        Wishes(Choice.ADOPT, take=(Field.BANK_CODE,)), bank_code="50010517", account_number="1"
    ).splits_account
    assert not plan(Wishes(Choice.ADOPT, take=(Field.BANK_CODE,)), bank_code="50010517").splits_account


@pytest.mark.parametrize("contact", [None, OWN_CONTACT])
def test_adopt_drops_contacts(contact):
    assert contact_after(Choice.ADOPT, a_customer("20002").details, contact) is None


def test_keep_gives_a_contact_to_packages_without_one_and_leaves_the_others():
    assert contact_after(Choice.KEEP, a_customer("20002", city="Bonn").details, None) == tuple(
        details(city="Bonn").values()
    )
    assert contact_after(Choice.KEEP, a_customer("20002", city="Bonn").details, OWN_CONTACT) == OWN_CONTACT


@pytest.mark.parametrize("contact", [None, OWN_CONTACT])
def test_identical_leaves_contacts_as_they_are(contact):
    assert contact_after(Choice.IDENTICAL, a_customer("20002").details, contact) == contact


@given(st.lists(st.sampled_from(DETAIL_FIELDS)), st.booleans(), st.dictionaries(st.sampled_from(FIELDS), st.text()))
def test_an_order_changes_details_of_the_survivor_only_to_values_of_the_absorbed(take, fill, values):
    absorbed = a_customer("20002", **{f: v for f, v in values.items() if f in DETAIL_FIELDS})
    moved = plan_merge(a_customer(mobile=""), absorbed, (), Wishes(Choice.KEEP, tuple(take), fill))
    assert set(take) <= set(moved.changes) <= {*take, Field.MOBILE}
    assert all(value == absorbed[field] for field, value in moved.changes.items())

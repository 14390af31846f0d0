"""Contract §3, `undo`: what goes back and what stands in the way, as values."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer, details

from custmerge.errors import ImageChanged, Purged, UndoBlocked
from custmerge.rules.fields import DETAIL_FIELDS, EMPTY_VALUES, FIELDS, Customer, Field, Package
from custmerge.rules.history import Actor, image_digest
from custmerge.rules.plan import Choice, Wishes, before_image, contact_after, plan_merge, read_image
from custmerge.rules.undo import (
    LaterOrder,
    MergeEntry,
    PresentState,
    blocking_orders,
    demand_image,
    plan_undo,
    read_merge_entry,
)

SALT = b"s" * 16
OWN_CONTACT = tuple(details(city="Bonn").values())
PACKAGES = (
    Package("P1", "20002", "Shop", ("a.example", "b.example")),
    Package("P2", "20002", domains=("c.example",), contact=OWN_CONTACT),
)


def told_of(plan, order=1):
    return MergeEntry(
        order, plan.survivor.number, plan.absorbed.number, plan.choice, tuple(plan.changes), "2026-01-01T00:00:00Z",
        Actor("ben", "staff"), image_digest(SALT, before_image(plan)), None,
    )  # fmt: skip


def after(plan, later=(), **changes):
    """How things stand after an order."""
    moved = [
        Package(
            p.package,
            plan.survivor.number,
            p.name,
            p.domains,
            contact_after(plan.choice, plan.absorbed.details, p.contact),
        )
        for p in plan.packages
    ]
    return PresentState(
        **{
            "survivor": plan.survivor.with_values(plan.changes),
            "absorbed": Customer(plan.absorbed.number, EMPTY_VALUES, plan.survivor.number),
            "packages": {p.package: p for p in moved},
            "later": later,
            **changes,
        }
    )


def a_merge(wishes=Wishes(Choice.KEEP, take=(Field.CITY,)), packages=PACKAGES):  # noqa: B008 (frozen)
    return plan_merge(a_customer(), a_customer("20002", city="Ulm"), packages, wishes)


def undone(plan, present):
    return plan_undo(told_of(plan), read_image(before_image(plan)), present)


def in_the_way(plan, present):
    with pytest.raises(UndoBlocked) as error:
        undone(plan, present)
    return [(one["row"], one["order"]) for one in error.value.details["obstacles"]]


texts = st.text(max_size=6)
records = st.tuples(*[texts] * len(FIELDS))
contacts = st.none() | st.tuples(*[texts] * len(DETAIL_FIELDS))
packages = st.lists(
    st.builds(
        lambda key, name, domains, contact: Package(key, "B", name, tuple(sorted(domains)), contact),
        texts,
        texts,
        st.sets(texts, max_size=3),
        contacts,
    ),
    max_size=4,
    unique_by=lambda package: package.package,
)


@given(
    records,
    records,
    packages,
    st.sampled_from([Choice.ADOPT, Choice.KEEP]),
    st.sets(st.sampled_from(DETAIL_FIELDS)),
    st.booleans(),
)
def test_an_order_and_its_undo_leave_everything_as_it_was(mine, theirs, found, choice, take, fill):
    survivor, absorbed = Customer("A", mine), Customer("B", (*mine[:3], *theirs[3:]))
    plan = plan_merge(survivor, absorbed, found, Wishes(choice, tuple(take), fill))
    back = undone(plan, after(plan))
    assert (back.survivor, back.absorbed, back.packages) == (survivor, absorbed, tuple(found))
    assert set(back.fields) <= set(plan.changes)


@given(
    records,
    records,
    packages,
    st.sampled_from([Choice.ADOPT, Choice.KEEP]),
    st.sets(st.sampled_from(DETAIL_FIELDS)),
    st.sets(st.sampled_from(DETAIL_FIELDS)),
    st.sets(st.integers(0, 3)),
)
def test_what_has_gone_back_by_itself_is_in_nobodys_way(mine, theirs, found, choice, take, back_again, contacts_back):
    survivor, absorbed = Customer("A", mine), Customer("B", (*mine[:3], *theirs[3:]))
    plan = plan_merge(survivor, absorbed, found, Wishes(choice, tuple(take)))
    present = after(plan)
    record = present.survivor.with_values({name: survivor[name] for name in back_again})
    placed = {
        key: replace(one, contact=found[place].contact) if place in contacts_back else one
        for place, (key, one) in enumerate(present.packages.items())
    }
    undo = undone(plan, replace(present, survivor=record, packages=placed))
    assert (undo.survivor, undo.absorbed, undo.packages) == (survivor, absorbed, tuple(found))
    assert not back_again & set(undo.fields)


@given(records, records, st.sampled_from(DETAIL_FIELDS), texts)
def test_a_taken_field_is_in_the_way_when_it_is_neither_what_was_taken_nor_what_was_before(mine, theirs, name, text):
    plan = plan_merge(
        Customer("A", mine), Customer("B", (*mine[:3], *theirs[3:])), [], Wishes(Choice.KEEP, take=(name,))
    )
    present = after(plan)
    edited = replace(present, survivor=present.survivor.with_values({name: text}))
    before, taken = plan.survivor[name], plan.absorbed[name]
    if before == taken:
        assert undone(plan, edited).survivor[name] == text
    elif text in (before, taken):
        assert undone(plan, edited).survivor == plan.survivor
    else:
        assert in_the_way(plan, edited) == [("customer A", None)]


def test_a_field_that_a_later_order_has_brought_back_is_in_the_way_for_that_order():
    # That one's undo gives back what this order took.
    plan = a_merge()
    present = after(plan, survivor=a_customer(), later=(LaterOrder(2, "10001", "30003", (Field.CITY,)),))
    assert in_the_way(plan, present) == [("customer 10001", 2)]


@given(records, packages)
def test_an_image_is_read_as_it_was_written(values, found):
    plan = plan_merge(Customer("A", values), Customer("B", values), found, Wishes())
    image = read_image(before_image(plan))
    assert (image.survivor, image.absorbed) == (plan.survivor, plan.absorbed)
    assert [(p.package, p.domains, p.contact) for p in image.packages] == [
        (p.package, p.domains, p.contact) for p in found
    ]


def test_what_is_told_of_an_order_is_read_from_its_entry():
    body = {
        "order": 7, "survivor": "1", "absorbed": "2", "choice": "keep", "taken": ["city"],
        "at": "2026-01-01T00:00:00Z",
        "by": "bot", "by_kind": "service", "image_sha256": "00", "batch": 3, "row": 1,
    }  # fmt: skip
    told = read_merge_entry(json.loads(json.dumps(body)))
    assert (told.order, told.taken, told.by, told.batch) == (7, (Field.CITY,), Actor("bot", "service"), 3)


def test_only_the_image_of_the_entry_is_believed():
    plan = a_merge()
    told, text = told_of(plan), before_image(plan)
    demand_image(told, SALT, text)
    with pytest.raises(Purged):
        demand_image(told, b"", "")
    for salt, image in ((SALT, text.replace("Ulm", "Rom")), (b"", text), (SALT, "")):
        with pytest.raises(ImageChanged):
            demand_image(told, salt, image)


def test_fields_that_were_not_taken_and_other_packages_are_no_concern():
    plan = a_merge()
    present = after(plan)
    edited = present.survivor.with_values({Field.STREET: "Neu 1"})
    more = {**present.packages, "N1": Package("N1", "10001")}
    back = undone(plan, after(plan, survivor=edited, packages=more))
    assert (back.survivor[Field.STREET], back.survivor[Field.CITY]) == ("Neu 1", "Karlsruhe")
    assert [package.package for package in back.packages] == ["P1", "P2"]


def test_a_field_that_was_taken_without_changing_it_is_no_concern():
    plan = a_merge(Wishes(Choice.KEEP, take=(Field.STREET,)))
    edited = a_customer(street="Neu 1")
    assert undone(plan, after(plan, survivor=edited)).survivor == edited


def test_contacts_that_change_are_told():
    assert undone(a_merge(), after(a_merge())).contacts == {"P1"}
    adopted = a_merge(Wishes(Choice.ADOPT))
    assert undone(adopted, after(adopted)).contacts == {"P2"}


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"survivor": None}, "customer 10001"),
        ({"survivor": a_customer(city="Bonn")}, "customer 10001"),
        ({"absorbed": None}, "customer 20002"),
        ({"absorbed": Customer("20002", EMPTY_VALUES, "30003")}, "customer 20002"),
        ({"absorbed": Customer("20002")}, "customer 20002"),
        ({"absorbed": a_customer("20002", merged_into="10001")}, "customer 20002"),
    ],
)
def test_a_record_that_changed_is_in_the_way(changes, row):
    plan = a_merge()
    assert in_the_way(plan, after(plan, **changes)) == [(row, None)]


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({"number": "30003"}, ["package P2"]),
        ({"contact": None}, ["package P2"]),
        ({"domains": ()}, ["domain c.example"]),
        ({"domains": ("c.example", "d.example")}, ["domain d.example"]),
        ({"domains": ("d.example",), "number": "30003"}, ["package P2", "domain c.example", "domain d.example"]),
    ],
)
def test_a_package_that_changed_is_in_the_way(change, rows):
    plan = a_merge()
    present = after(plan)
    found = {**present.packages, "P2": replace(present.packages["P2"], **change)}
    assert in_the_way(plan, after(plan, packages=found)) == [(row, None) for row in rows]


def test_a_package_that_is_gone_is_in_the_way_with_its_domains():
    plan = a_merge()
    left = {"P1": after(plan).packages["P1"]}
    assert in_the_way(plan, after(plan, packages=left)) == [("package P2", None), ("domain c.example", None)]


def test_later_orders_are_in_the_way_only_where_they_changed_the_same():
    plan = a_merge()
    told, image = told_of(plan, order=5), read_image(before_image(plan))
    same = [
        LaterOrder(6, "30003", "10001"),
        LaterOrder(7, "10001", "40004", (Field.CITY,)),
        LaterOrder(8, "10001", "40004", (), frozenset({"P2"})),
    ]
    other = [
        LaterOrder(4, "30003", "10001"),
        LaterOrder(9, "10001", "40004", (Field.STREET,), frozenset({"P9"})),
        LaterOrder(10, "50005", "40004", (Field.CITY,)),
    ]
    assert blocking_orders(told, image, [*same, *other]) == same


def test_the_order_that_took_the_survivor_over_is_named_for_all_that_went_with_it():
    plan = a_merge()
    gone = Customer("10001", EMPTY_VALUES, "30003")
    moved = {key: Package(key, "30003", p.name, p.domains) for key, p in after(plan).packages.items()}
    present = after(plan, survivor=gone, packages=moved, later=(LaterOrder(2, "30003", "10001"),))
    assert in_the_way(plan, present) == [("customer 10001", 2), ("package P1", 2), ("package P2", 2)]


def test_the_orders_to_undo_first_come_newest_first():
    plan = a_merge(Wishes(Choice.KEEP, take=(Field.CITY,)))
    later = (LaterOrder(2, "10001", "30003", (Field.CITY,)), LaterOrder(3, "10001", "40004", (), frozenset({"P1"})))
    with pytest.raises(UndoBlocked) as error:
        undone(plan, after(plan, later=later))
    assert error.value.details["undo_first"] == [3, 2]

"""Packages are compared with the before-image of the order that moved them, whatever stands in the texts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer, details

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.ledger_check import Merge, Placement, misplaced
from custmerge.rules.plan import Choice, Plan, before_image, contact_after, read_moved

# What JSON escapes, what it puts between values, and what an image has around packages.
texts = st.one_of(
    st.text(st.sampled_from('ab"\\{}[],: \nä'), max_size=6),
    st.sampled_from(
        ['a"},{"', '"contact":null', '"packages":[{', '}],"survivor":{', '"package":', "\\", '\\"', "},{"]
    ),
)
contacts = st.none() | st.tuples(*[texts] * len(DETAIL_FIELDS))
records = st.builds(Customer, texts, st.tuples(*[texts] * len(FIELDS)))
packages = st.lists(
    st.builds(
        Package,
        texts,
        st.just("20002"),
        domains=st.lists(texts, max_size=3, unique=True).map(lambda names: tuple(sorted(names))),
        contact=contacts,
    ),
    max_size=3,
    unique_by=lambda package: package.package,
)
plans = st.builds(Plan, records, records, st.sampled_from(Choice), st.just({}), packages.map(tuple))
OWN = Package("P0", "10001", domains=("own.example",))
PLAN = Plan(
    a_customer(),
    a_customer("20002", city="Ulm", street='Weg "3"'),
    Choice.KEEP,
    {},
    (
        Package("P1", "20002", domains=("a.example", "b.example")),
        Package("P2", "20002", domains=("c.example",), contact=tuple(details(city="Bonn").values())),
        Package("P3", "20002"),
    ),
)


def left_by(plan):
    """The packages as the order leaves them."""
    return [
        replace(
            one, number=plan.survivor.number, contact=contact_after(plan.choice, plan.absorbed.details, one.contact)
        )
        for one in plan.packages
    ]


def found(plan, now):
    """The keys of the packages that aren't as the order left them."""
    merge = Merge(1, plan.survivor.number, plan.choice, *read_moved(before_image(plan)))
    placements = {one.package: Placement(one.number, list(one.domains), one.contact) for one in now}
    return [key for key, _expected, _now in misplaced(merge, placements)]


@pytest.mark.parametrize("choice", Choice)
def test_what_an_order_left_is_right(choice):
    plan = replace(PLAN, choice=choice)
    assert found(plan, left_by(plan)) == []


@pytest.mark.parametrize("choice", Choice)
def test_what_the_number_had_before_does_not_matter(choice):
    plan = replace(PLAN, choice=choice)
    assert found(plan, [OWN, *left_by(plan)]) == []


def test_an_order_without_packages_is_right():
    assert found(replace(PLAN, packages=()), []) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda now: now[1:],
        lambda now: [replace(now[0], package="P9"), *now[1:]],
        lambda now: [replace(now[0], number="20002"), *now[1:]],
        lambda now: [replace(now[0], domains=("a.example",)), *now[1:]],
        lambda now: [replace(now[0], domains=("a.example", "b.example", "x.example")), *now[1:]],
        lambda now: [replace(now[0], domains=('a.example","b.example',)), *now[1:]],
        lambda now: [replace(now[0], domains=(b"a.example", "b.example")), *now[1:]],
        lambda now: [replace(now[0], contact=None), *now[1:]],
        lambda now: [replace(now[0], contact=now[1].contact), *now[1:]],
        lambda now: [replace(now[0], contact=(None, *now[0].contact[1:])), *now[1:]],
    ],
)
def test_what_was_changed_is_found(change):
    assert found(PLAN, change(left_by(PLAN))) == ["P1"]


def test_a_package_whose_name_looks_like_two_is_not_made_up_by_two():
    plan = replace(PLAN, choice=Choice.ADOPT, packages=(Package("a},{b", "20002"),))
    parts = [Package("a", "10001"), Package("x},{b", "10001")]
    assert found(plan, left_by(plan)) == []
    assert found(plan, parts) == ["a},{b"]


@given(plans, packages)
def test_exactly_what_is_not_there_as_it_was_left_is_found(plan, others):
    now = {one.package: replace(one, number=plan.survivor.number) for one in others}
    assert found(plan, now.values()) == [one.package for one in left_by(plan) if now.get(one.package) != one]


@given(plans, st.data())
def test_a_single_change_is_always_found(plan, data):
    now = left_by(plan)
    if not now:
        return
    place = data.draw(st.integers(0, len(now) - 1))
    key = now[place].package
    changed = replace(data.draw(packages.filter(bool))[0], package=key, number=plan.survivor.number)
    is_found = found(plan, [*now[:place], changed, *now[place + 1 :]]) == [key]
    assert is_found == (changed != now[place])

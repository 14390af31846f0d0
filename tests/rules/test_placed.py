"""Packages held against before-images as text: what is plainly right is right, whatever stands in the texts."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer, details

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.placed import BETWEEN, is_plainly_right
from custmerge.rules.plan import Choice, Plan, contact_after
from custmerge.rules.state import before_image

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


def as_now(now):
    """The text of packages as the databases give it."""
    return BETWEEN.join(
        json.dumps(
            {
                "contact": None if one.contact is None else dict(zip(DETAIL_FIELDS, one.contact, strict=True)),
                "domains": one.domains,
                "package": one.package,
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )[1:-1]
        for one in now
    )


def left_by(plan):
    """The packages as the order leaves them."""
    return [replace(one, contact=contact_after(plan.choice, plan.absorbed, one.contact)) for one in plan.packages]


def seen(plan, now):
    return is_plainly_right(plan.choice.value, before_image(plan), as_now(now))


@pytest.mark.parametrize("choice", Choice)
def test_what_an_order_left_is_plainly_right(choice):
    plan = replace(PLAN, choice=choice)
    assert seen(plan, left_by(plan))


@pytest.mark.parametrize("choice", Choice)
def test_what_the_number_had_before_does_not_matter(choice):
    plan = replace(PLAN, choice=choice)
    assert seen(plan, [OWN, *left_by(plan)])


def test_an_order_without_packages_is_plainly_right():
    assert is_plainly_right("keep", before_image(replace(PLAN, packages=())), None)


def test_what_nobody_looked_at_is_not_plainly_right():
    assert not is_plainly_right("keep", before_image(PLAN), None)


@pytest.mark.parametrize(
    "change",
    [
        lambda now: now[1:],
        lambda now: [replace(now[0], package="P9"), *now[1:]],
        lambda now: [replace(now[0], domains=("a.example",)), *now[1:]],
        lambda now: [replace(now[0], domains=("a.example", "b.example", "x.example")), *now[1:]],
        lambda now: [replace(now[0], domains=('a.example","b.example',)), *now[1:]],
        lambda now: [replace(now[0], contact=None), *now[1:]],
        lambda now: [replace(now[0], contact=now[1].contact), *now[1:]],
        lambda now: [*now[:2], replace(now[2], domains=("x.example",))],
    ],
)
def test_what_was_changed_is_not(change):
    assert not seen(PLAN, change(left_by(PLAN)))


def test_a_package_whose_name_looks_like_two_is_not_made_up_by_two():
    moved = replace(PLAN, choice=Choice.ADOPT, packages=(Package("a},{b", "20002"),))
    parts = [Package("a", "10001"), Package("x},{b", "10001")]
    assert seen(moved, left_by(moved))
    assert not seen(moved, parts)


@given(plans, packages)
def test_only_what_is_exactly_there_is_plainly_right(plan, others):
    now = {one.package: one for one in others}
    expected = left_by(plan)
    is_there = all(
        one.package in now and (now[one.package].domains, now[one.package].contact) == (one.domains, one.contact)
        for one in expected
    )
    assert is_there or not seen(plan, others)


@given(plans, st.data())
def test_a_single_change_is_never_plainly_right(plan, data):
    now = left_by(plan)
    if not now:
        return
    place = data.draw(st.integers(0, len(now) - 1))
    changed = data.draw(packages.filter(bool))[0]
    if (changed.package, changed.domains, changed.contact) != (
        now[place].package,
        now[place].domains,
        now[place].contact,
    ):
        assert not seen(plan, [*now[:place], changed, *now[place + 1 :]])

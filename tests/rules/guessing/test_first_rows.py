"""Rows of which the first one has a customer's fields: what is proposed so that the survivor's stays the first."""

import pytest

from custmerge.rules.guessing.first_rows import keeping_first, order_of
from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.policies import reference_guess
from custmerge.rules.guessing.samples import KeyShare
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.mapping import Policy, Related


def proposed(*columns, uniques=()):
    """Return the order and what is proposed for an address' reference to its client."""
    kinds = {"id": Kind.INTEGER, "client_id": Kind.INTEGER, "street": Kind.TEXT, **dict(columns)}
    keys = (("id",), *uniques)
    table = HostTable(
        "address",
        None,
        "address",
        tuple(HostColumn(name, kind.value, kind) for name, kind in kinds.items()),
        tuple(Unique(f"u{n}", UniqueKind.PRIMARY if not n else UniqueKind.INDEX, key) for n, key in enumerate(keys)),
    )
    schema, order = HostSchema({"address": table}), order_of(table)
    finding = Finding("address", "client_id", FindingKind.NAME, True, "id", True, KeyShare(3, 3, 3, 0.0))
    related = Related("address", "address", "client_id", "id", order=order)
    return order, keeping_first(schema, reference_guess(schema, finding, None), [related])


@pytest.mark.parametrize(
    ("column", "order", "value"),
    [
        (("is_default", Kind.BOOLEAN), "is_default DESC, id", False),
        (("isPrimary", Kind.INTEGER), '"isPrimary" DESC, id', 0),
        (("position", Kind.INTEGER), "position, id", 30_000),
    ],
)
def test_a_column_that_tells_the_main_row_orders_them_and_is_set_in_rows_that_move(column, order, value):
    ordered, guess = proposed(column)
    assert ordered == order
    assert (guess.policy, guess.set, guess.is_question) == (Policy.MOVE, ((column[0], value),), False)


@pytest.mark.parametrize(
    ("columns", "uniques"),
    [((), ()), ((("position", Kind.BOOLEAN),), ()), ((("position", Kind.INTEGER),), (("client_id", "position"),))],
)
def test_it_is_a_question_where_no_column_tells_it(columns, uniques):
    order, guess = proposed(*columns, uniques=uniques)
    assert (order, guess.set, guess.is_question) == ("id", (), True)


def test_nobody_is_asked_where_each_customer_has_one_row():
    assert proposed(uniques=(("client_id",),))[1].is_question is False

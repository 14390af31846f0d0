"""What a before-image says of a host's rows: compact, the same each time, and read back as it was."""

import json

import pytest

from custmerge.rules.references.cells import Keys, OrderNumber
from custmerge.rules.references.changes import Changes, RowDropped, RowsChanged
from custmerge.rules.references.image import decoded, encoded


def changed(keys, before=(("client", 2),), after=(("client", 1),), each=()):
    return Changes((RowsChanged("invoice", before, after, Keys(keys), each),))


def read_back(changes, first_order=1):
    return decoded(json.loads(json.dumps(encoded(changes, first_order), sort_keys=True)))


def test_keys_of_one_integer_are_ranges():
    keys = [(5,), (1,), (2,), (3,), (-4,), (-3,), (9,)]
    assert encoded(changed(keys), 1)["changed"][0]["keys"] == "-4--3,1-3,5,9"
    assert list(read_back(changed(keys)).changed[0].keys) == sorted(keys)


def test_texts_of_integers_are_ranges_too_and_come_back_as_texts():
    assert encoded(changed([("10",), ("9",)]), 1)["changed"][0]["keys"] == {"texts": "9-10"}
    assert list(read_back(changed([("10",), ("9",)])).changed[0].keys) == [("9",), ("10",)]


@pytest.mark.parametrize(
    "keys",
    [
        [("007",), ("7",)],
        [(1, "a"), (1, "b"), (2, None)],
        [("c-1",), ("c-2",)],
        [(2**63,)],
        [(b"\x00\xff",)],
        [(1,), ("1",)],
        [("+1",), ("1_0",), ("١",)],
        [],
    ],
)
def test_other_keys_are_lists(keys):
    assert list(read_back(changed(keys)).changed[0].keys) == list(Keys(keys))
    assert set(Keys(keys)) == set(keys)


def test_the_order_of_keys_makes_no_difference():
    assert encoded(changed([(2,), (1,)]), 1) == encoded(changed([(1,), (2,)]), 1)


@pytest.mark.parametrize(
    "cell", [None, "", "x", 0, -7, 2**62, 1.5, 0.1, float("inf"), b"", b"\x00\xff", "{}", "ß\x00"]
)
def test_every_cell_comes_back_as_it_was(cell):
    changes = Changes(
        changed([(1,)], (("client", cell),), (("at", "now"), ("client", 1)), (("at", (cell,)),)).changed,
        (RowDropped("entry", (1, cell), (("id", 1), ("note", cell)), (2, cell)), RowDropped("x", (1,), (), None)),
    )
    back = read_back(changes)
    assert back == changes
    assert type(back.dropped[0].key[1]) is type(cell)


def test_the_orders_number_is_filled_in():
    changes = changed([(1,)], (("by", OrderNumber(0)),), (("by", OrderNumber(2)),))
    (rows,) = read_back(changes, first_order=40).changed
    assert (rows.before, rows.after) == ((("by", 40),), (("by", 42),))


def test_something_else_is_refused():
    for image in ({}, {"changed": [{}], "dropped": []}, {"changed": [], "dropped": [{"table": "x", "key": [[]]}]}):
        with pytest.raises((ValueError, LookupError, TypeError)):
            decoded(image)


def test_a_hundred_thousand_rows_of_one_customer_are_a_short_text():
    text = json.dumps(encoded(changed((place,) for place in range(100_000)), 1))
    assert len(text) < 200

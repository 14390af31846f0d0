"""A tombstone says which number it went into; that one may have gone on."""

from custmerge.rules.fields import Customer
from custmerge.rules.tombstones import end_of, way_of


def register(**went_into):
    return {number: Customer(number, merged_into=into) for number, into in went_into.items()}


def test_a_number_in_use_leads_nowhere():
    assert list(way_of("a", register(a=None))) == []
    assert end_of("a", register(a=None)) == "a"


def test_a_tombstone_leads_to_the_end_of_its_way():
    records = register(a="b", b="c", c=None)
    assert list(way_of("a", records)) == ["b", "c"]
    assert end_of("a", records) == "c"


def test_a_way_ends_where_nothing_more_is_known():
    assert end_of("a", register(a="b")) == "b"


def test_a_circle_ends():
    assert list(way_of("a", register(a="b", b="a"))) == ["b"]
    assert end_of("a", register(a="a")) == "a"

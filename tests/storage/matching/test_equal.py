"""Records that are equal in everything that the model compares."""

import pytest
from support.matching_scenes import customer, searched, space_of

from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.storage.matching.equal import equal_records

JO = {"first_name": "Jo", "last_name": "Müller"}
EQUAL = {"street": "Marktstr. 12", "postcode": "76131", "city": "Ulm"}
WRITTEN_OTHERWISE = {"last_name": "MUELLER", "street": "Marktstraße 12"}


def equal_ones(*customers):
    with space_of((f"{place:03}", customer(**values)) for place, values in enumerate(customers)) as space:
        searched(space)
        return list(equal_records(space))


def test_they_come_with_what_is_equal_in_whatever_writing():
    (found,) = equal_ones({"company": "A", "phone": "0721 1"}, JO | EQUAL, JO | EQUAL | WRITTEN_OTHERWISE)
    assert found.numbers == ["001", "002"]
    assert found.is_scored
    assert {of: level for of, level in found.agreement.items() if level is not Level.EMPTY} == dict.fromkeys(
        (Compared.FIRST_NAME, Compared.LAST_NAME, Compared.STREET, Compared.HOUSE, Compared.PLACE), Level.EQUAL
    )


def test_each_is_there_once_also_where_the_model_compares_none_of_them():
    several = [JO | EQUAL] * 26 + [JO | EQUAL | {"email": "jo@example.com"}] * 2
    copies, two = equal_ones(*several)
    assert (len(copies.numbers), copies.is_scored) == (26, False)
    assert (two.numbers, two.is_scored) == (["026", "027"], True)


@pytest.mark.parametrize("reached", [{"mobile": "0171 5550142"}, {"email": "jo@example.com"}, {"street": "Weg 1"}])
def test_a_name_and_one_way_to_reach_them_are_enough(reached):
    assert len(equal_ones(JO | reached, JO | reached)) == 1


@pytest.mark.parametrize(("part", "level"), [("postcode", Level.POSTCODE), ("city", Level.CITY)])
def test_half_a_place_is_said_as_such(part, level):
    half = JO | {"street": "Weg 1", part: EQUAL[part]}
    (found,) = equal_ones(half, half)
    assert found.agreement[Compared.PLACE] is level


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JO, JO),
        (JO | {"postcode": "76131", "city": "Ulm"}, JO | {"postcode": "76131", "city": "Ulm"}),
        (EQUAL | {"phone": "0721 913740"}, EQUAL | {"phone": "0721 913740"}),
        (EQUAL | {"last_name": "Müller"}, EQUAL | {"last_name": "Müller"}),
        (JO | EQUAL, JO | EQUAL | {"email": "jo@example.com"}),
        (JO | EQUAL, JO | EQUAL | {"street": "Marktstr. 13"}),
        (JO | EQUAL, JO | EQUAL | {"last_name": "Müller jun."}),
    ],
)
def test_a_name_alone_half_a_name_and_any_difference_arent_enough(one, other):
    assert equal_ones(one, other) == []

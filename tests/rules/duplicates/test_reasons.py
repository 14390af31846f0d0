"""Why two records may be one customer, in words."""

import pytest

from custmerge.rules.duplicates.levels import Compared, Level
from custmerge.rules.duplicates.reasons import reasons
from custmerge.storage.matching.comparisons import COMPARISONS

ADDRESS = {Compared.STREET: Level.EQUAL, Compared.HOUSE: Level.EQUAL, Compared.PLACE: Level.EQUAL}
NAMES = {Compared.FIRST_NAME: Level.EQUAL, Compared.LAST_NAME: Level.EQUAL}


def test_what_agrees_comes_before_what_does_not():
    agreement = {
        Compared.FIRST_NAME: Level.DIFFERENT,
        Compared.LAST_NAME: Level.EQUAL,
        Compared.STREET: Level.SIMILAR,
        Compared.HOUSE: Level.EMPTY,
        Compared.EMAIL: Level.EQUAL,
    }
    assert reasons(agreement) == ("last name equal", "street similar", "e-mail equal", "other first name")


def test_an_equal_address_is_one_reason():
    assert reasons(ADDRESS) == ("address equal",)


def test_two_of_one_name_at_one_address_are_pointed_out():
    reached = {Compared.PHONE: Level.DIFFERENT, Compared.EMAIL: Level.DIFFERENT}
    assert reasons({**NAMES, **ADDRESS, **reached}) == ("same name, other phone and e-mail", "address equal")
    assert reasons({**NAMES, **ADDRESS, Compared.PHONE: Level.DIFFERENT})[0] == "first name equal"


@pytest.mark.parametrize(
    ("of", "level"), [(comparison.of, level.level) for comparison in COMPARISONS for level in comparison.levels]
)
def test_every_level_of_the_model_has_words(of, level):
    if (of, level) == (Compared.FIRST_NAME, Level.SWAPPED):
        # Said with the last name.
        assert reasons({of: level, Compared.LAST_NAME: level}) == ("first and last name swapped",)
    else:
        assert len(reasons({of: level})) == 1

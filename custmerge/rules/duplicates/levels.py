"""How two records agree: what the model compares, and the levels of each comparison."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Compared(StrEnum):
    """What the model compares."""

    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    STREET = "street"
    HOUSE = "house"
    PLACE = "place"
    PHONE = "phone"
    EMAIL = "email"
    IBAN = "iban"
    COMPANY = "company"


class Level(StrEnum):
    """How far two values agree; each comparison has some of these levels."""

    EQUAL = "equal"
    NEAR = "near"
    """A slip of the pen."""
    INITIAL = "initial"
    """One is a single letter, with which the other begins."""
    OTHER_SEX = "other_sex"
    """One is the other's form for the other sex: Paul and Paula, Andrea and Andreas."""
    OTHER_GENERATION = "other_generation"
    """Only one is a junior, or a senior: names may be equal apart from that."""
    CONTAINED = "contained"
    """One begins or ends with the other."""
    SWAPPED = "swapped"
    """First and last name stand in each other's place, one of them perhaps with a slip of the pen."""
    SIMILAR = "similar"
    CITY_SIMILAR = "city_similar"
    """The postcode is equal."""
    BOTH_SIMILAR = "both_similar"
    """The postcode has one digit that differs, and the city is similar."""
    POSTCODE = "postcode"
    """Only the postcode is equal."""
    CITY = "city"
    """Only the city is equal."""
    POSTCODE_NEAR = "postcode_near"
    LOCAL_PART = "local_part"
    """What stands before the @ is equal."""
    ONE_EMPTY = "one_empty"
    DIFFERENT = "different"
    EMPTY = "empty"
    """One of the two isn't there, or they differ only because something else does: that says nothing."""


Agreement = Mapping[Compared, Level]
"""How two records agree; what isn't compared, because hardly any record has it, isn't there."""

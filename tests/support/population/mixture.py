"""How many there are of each kind, and how often one writes what how.

Estimates, made before any result was looked at: nobody publishes how a host's customers are made up. One row of seven
is a further number of a customer who has one already, and every third of the others has somebody beside them who
looks like them and is somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What the customers of one group are to each other; customers of different kinds are in different groups."""

    SINGLE = "single"
    """A person, alone in the group."""
    SELF_EMPLOYED = "self_employed"
    """A person with a company, or a company with one contact, alone in the group."""
    SPOUSES = "spouses"
    SIBLINGS = "siblings"
    TWINS = "twins"
    FATHER_AND_SON = "father_and_son"
    """Two people of one name."""
    FLATMATES = "flatmates"
    BRANCHES = "branches"
    """Branches of a company with contacts of their own. A company with one contact at two addresses has moved."""
    AGENCY = "agency"
    """An agency and its clients: first the agency."""


MUST_NOT_BE_MERGED = frozenset(Kind) - {Kind.SINGLE, Kind.SELF_EMPLOYED}
"""The kinds whose groups have several customers."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares from 0 to 1 of everything that is left to chance."""

    kinds: Mapping[Kind, float] = field(
        default_factory=lambda: {
            # Of 1,000 groups; of the rows they are 50, 19, 15, 3, 0.6, 0.6, 3.4, 4 and 4 per cent.
            Kind.SINGLE: 614,
            Kind.SELF_EMPLOYED: 235,
            Kind.SPOUSES: 90,
            Kind.SIBLINGS: 16,
            Kind.TWINS: 4,
            Kind.FATHER_AND_SON: 4,
            Kind.FLATMATES: 14,
            Kind.BRANCHES: 15,
            Kind.AGENCY: 8,
        }
    )

    # How many numbers a customer has: the others have one.
    two_numbers: float = 0.10
    three_numbers: float = 0.02
    four_numbers: float = 0.005

    # What is another number: of each.
    same_day: float = 0.10
    """Written as before, letter by letter: somebody pressed the button twice."""
    moved: float = 0.22
    moved_within_town: float = 0.55
    new_email: float = 0.28
    new_mobile: float = 0.15
    new_landline: float = 0.10
    """Without moving; who moves to another town has a new one always."""
    new_account: float = 0.22
    married_woman: float = 0.04
    married_man: float = 0.01
    company_added: float = 0.05
    company_dropped: float = 0.04

    # What a customer has at all.
    no_landline: float = 0.30
    no_mobile: float = 0.25
    no_email: float = 0.03
    no_account: float = 0.12
    double_first_name: float = 0.05
    second_first_name: float = 0.03
    title: float = 0.02

    # How a row is written: of each row that has the like.
    umlauts_as_two_letters: float = 0.12
    umlauts_lost: float = 0.03
    small_letters: float = 0.03
    capitals: float = 0.01
    short_name: float = 0.07
    other_spelling: float = 0.03
    half_of_double_name: float = 0.25
    initial: float = 0.02
    names_swapped: float = 0.015
    typo_first_name: float = 0.025
    typo_last_name: float = 0.025
    typo_company: float = 0.03
    typo_street: float = 0.04
    typo_city: float = 0.02
    typo_email: float = 0.012
    wrong_digit: float = 0.012
    """Of each: house number, postcode, phone, mobile, account."""
    street_written_otherwise: float = 0.35
    town_written_otherwise: float = 0.15
    legal_form_otherwise: float = 0.25
    account_as_iban: float = 0.70
    no_first_name: float = 0.02
    no_contact_of_company: float = 0.04
    no_company: float = 0.04
    no_street: float = 0.015
    no_postcode: float = 0.01
    landline_left_out: float = 0.12
    mobile_left_out: float = 0.15
    email_left_out: float = 0.03
    account_left_out: float = 0.15
    phones_swapped: float = 0.03
    """The mobile number stands in `phone`, the other in `mobile`."""

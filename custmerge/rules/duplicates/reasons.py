"""Why two records may be one customer, in words: what agrees, and what doesn't."""

from __future__ import annotations

from collections.abc import Mapping

from custmerge.errors import N_
from custmerge.rules.duplicates.levels import Agreement, Compared, Level

_WORDS: Mapping[Compared, Mapping[Level, str]] = {
    Compared.COMPANY: {
        Level.EQUAL: N_("company equal"),
        Level.NEAR: N_("company similar"),
        Level.ONE_EMPTY: N_("only one has a company"),
        Level.DIFFERENT: N_("other company"),
    },
    Compared.FIRST_NAME: {
        Level.EQUAL: N_("first name equal"),
        Level.OTHER_SEX: N_("first name of the other sex"),
        Level.NEAR: N_("first name nearly equal"),
        Level.INITIAL: N_("first name is an initial"),
        Level.CONTAINED: N_("first name is a part of the other"),
        Level.SIMILAR: N_("first name similar"),
        Level.DIFFERENT: N_("other first name"),
    },
    Compared.LAST_NAME: {
        Level.OTHER_GENERATION: N_("junior or senior"),
        Level.EQUAL: N_("last name equal"),
        Level.NEAR: N_("last name nearly equal"),
        Level.SWAPPED: N_("first and last name swapped"),
        Level.CONTAINED: N_("last name is a part of the other"),
        Level.SIMILAR: N_("last name similar"),
        Level.DIFFERENT: N_("other last name"),
    },
    Compared.STREET: {
        Level.EQUAL: N_("street equal"),
        Level.NEAR: N_("street nearly equal"),
        Level.SIMILAR: N_("street similar"),
        Level.DIFFERENT: N_("other street"),
    },
    Compared.HOUSE: {
        Level.EQUAL: N_("house number equal"),
        Level.NEAR: N_("house number nearly equal"),
        Level.DIFFERENT: N_("other house number"),
    },
    Compared.PLACE: {
        Level.EQUAL: N_("postcode and city equal"),
        Level.CITY_SIMILAR: N_("postcode equal, city similar"),
        Level.BOTH_SIMILAR: N_("postcode and city similar"),
        Level.POSTCODE: N_("postcode equal"),
        Level.CITY: N_("city equal"),
        Level.POSTCODE_NEAR: N_("postcode nearly equal"),
        Level.SIMILAR: N_("city similar"),
        Level.DIFFERENT: N_("other city"),
    },
    Compared.PHONE: {
        Level.EQUAL: N_("phone equal"),
        Level.NEAR: N_("phone nearly equal"),
        Level.DIFFERENT: N_("other phone"),
    },
    Compared.EMAIL: {
        Level.EQUAL: N_("e-mail equal"),
        Level.LOCAL_PART: N_("e-mail equal before the @"),
        Level.NEAR: N_("e-mail nearly equal"),
        Level.DIFFERENT: N_("other e-mail"),
    },
    Compared.IBAN: {
        Level.EQUAL: N_("account equal"),
        Level.NEAR: N_("account nearly equal"),
        Level.DIFFERENT: N_("other account"),
    },
}
"""Swapped names have words at the last name only. What says nothing (`Level.EMPTY`) has none."""
_DOUBTS = {Level.DIFFERENT, Level.OTHER_SEX, Level.OTHER_GENERATION, Level.ONE_EMPTY}
_ADDRESS = (Compared.STREET, Compared.HOUSE, Compared.PLACE)
OTHER_PHONE_AND_EMAIL = N_("same name, other phone and e-mail")
"""Father and son, or twins, can't be told apart without a birth date: who decides should look twice."""


def reasons(agreement: Agreement) -> tuple[str, ...]:
    """Return marked texts, such as "last name equal": first what agrees, then what doesn't."""
    is_doubtful = _may_be_two_of_one_name(agreement)
    covered = (Compared.FIRST_NAME, Compared.LAST_NAME, Compared.PHONE, Compared.EMAIL) if is_doubtful else ()
    has_address = all(agreement.get(of) is Level.EQUAL for of in _ADDRESS)
    levels = [
        (agreement[of] in _DOUBTS, words[agreement[of]])
        for of, words in _WORDS.items()
        if agreement.get(of, Level.EMPTY) in words and of not in covered and not (has_address and of in _ADDRESS)
    ]
    if has_address:
        levels.append((False, N_("address equal")))
    # Sorting keeps the order of the fields.
    texts = tuple(text for _is_doubt, text in sorted(levels, key=lambda each: each[0]))
    return (OTHER_PHONE_AND_EMAIL, *texts) if is_doubtful else texts


def _may_be_two_of_one_name(agreement: Agreement) -> bool:
    """Return whether it may be two people of one name at one address."""
    names = (Compared.FIRST_NAME, Compared.LAST_NAME)
    return all(agreement.get(of) is Level.EQUAL for of in (*names, *_ADDRESS)) and all(
        agreement.get(of) is Level.DIFFERENT for of in (Compared.PHONE, Compared.EMAIL)
    )

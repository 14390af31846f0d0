"""Whether two records that are alike are one customer, or only related: a household, a firm, an agency."""

from __future__ import annotations

from custmerge.rules.duplicates.levels import Agreement, Compared, Level
from custmerge.rules.duplicates.candidate import Kind

_COMPATIBLE = {Level.EQUAL, Level.NEAR, Level.INITIAL, Level.CONTAINED, Level.SWAPPED}
_SURE = {Level.EQUAL, Level.NEAR}
_PLACE_AGREES = {Level.EQUAL, Level.CITY_SIMILAR, Level.BOTH_SIMILAR, Level.POSTCODE}
_REACHED_BY = (Compared.PHONE, Compared.EMAIL, Compared.IBAN)


def kind_of(agreement: Agreement) -> Kind:
    """Return SAME if names and company allow that the two are one customer."""
    return Kind.SAME if _is_same(agreement) else Kind.RELATED


def _is_same(agreement: Agreement) -> bool:
    def level(of: Compared) -> Level:
        return agreement.get(of, Level.EMPTY)

    first, last, company = level(Compared.FIRST_NAME), level(Compared.LAST_NAME), level(Compared.COMPANY)
    equal = {way for way in _REACHED_BY if level(way) is Level.EQUAL}
    if company is Level.DIFFERENT or last is Level.OTHER_GENERATION:
        # An agency stands as the contact of its clients.
        return False
    if first in _COMPATIBLE and last in _COMPATIBLE:
        return True
    if Level.EMPTY in (first, last):
        if company in _SURE:
            # A firm's branches share its name, an e-mail address and an account, but neither address nor telephone.
            lives_there = level(Compared.STREET) in _SURE and level(Compared.HOUSE) is Level.EQUAL
            has_address = lives_there and level(Compared.PLACE) in _PLACE_AGREES
            others = {first, last} - {Level.EMPTY}
            return others <= _COMPATIBLE and (has_address or Compared.PHONE in equal)
        # Any two of a household have one last name.
        return first is Level.EMPTY and last in _COMPATIBLE and len(equal) > 1
    if first in _SURE:
        # Another last name may be that of a marriage.
        return bool(equal)
    if first in {Level.SIMILAR, Level.OTHER_SEX}:
        return last in _SURE and bool(equal & {Compared.EMAIL, Compared.IBAN})
    return False

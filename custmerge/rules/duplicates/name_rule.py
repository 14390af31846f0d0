"""Whether two records that are alike are one customer, or only related: a household, a firm, an agency."""

from __future__ import annotations

from custmerge.rules.duplicates.candidate import Kind
from custmerge.rules.duplicates.levels import Agreement, Compared, Level

_COMPATIBLE = {Level.EQUAL, Level.NEAR, Level.INITIAL, Level.CONTAINED, Level.SWAPPED}
_SURE = {Level.EQUAL, Level.NEAR}
_SIMILAR = {Level.SIMILAR, Level.OTHER_SEX}
_PLACE_AGREES = {Level.EQUAL, Level.CITY_SIMILAR, Level.BOTH_SIMILAR, Level.POSTCODE}
_REACHED_BY = (Compared.PHONE, Compared.EMAIL, Compared.IBAN)


def kind_of(agreement: Agreement) -> Kind:
    """Return SAME if names and company allow that the two are one customer."""
    return Kind.SAME if _Names(agreement).are_of_one_customer() else Kind.RELATED


class _Names:
    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._first, self._last = self._level(Compared.FIRST_NAME), self._level(Compared.LAST_NAME)
        self._company = self._level(Compared.COMPANY)
        self._equal = {way for way in _REACHED_BY if self._level(way) is Level.EQUAL}

    def are_of_one_customer(self) -> bool:
        # An agency stands as the contact of its clients.
        if self._company is Level.DIFFERENT or self._last is Level.OTHER_GENERATION:
            return False
        if Level.EMPTY in (self._first, self._last):
            return self._is_one_firm() if self._company in _SURE else self._is_one_without_a_name()
        if self._first in _COMPATIBLE:
            return self._last in _COMPATIBLE or (self._first in _SURE and self._has_married())
        return self._first in _SIMILAR and self._last in _SURE and bool(self._equal & {Compared.EMAIL, Compared.IBAN})

    def _is_one_firm(self) -> bool:
        """Branches share the firm's name, an e-mail address and an account, but neither address nor telephone."""
        names = {self._first, self._last} - {Level.EMPTY}
        return names <= _COMPATIBLE and (self._has_address() or Compared.PHONE in self._equal)

    def _is_one_without_a_name(self) -> bool:
        """Any two of a household have one last name and one address, but hardly ever one first name."""
        if self._first is Level.EMPTY:
            return self._last in _COMPATIBLE and len(self._equal) > 1
        return self._first is Level.EQUAL and (self._has_address() or bool(self._equal))

    def _has_address(self) -> bool:
        has_house = self._level(Compared.STREET) in _SURE and self._level(Compared.HOUSE) is Level.EQUAL
        return has_house and self._level(Compared.PLACE) in _PLACE_AGREES

    def _has_married(self) -> bool:
        """Another last name needs something else than an address: flatmates may have one first name."""
        return bool(self._equal)

    def _level(self, of: Compared) -> Level:
        return self._agreement.get(of, Level.EMPTY)

"""What two writings of one thing have in common: a key for each kind of field.

Two texts are equivalent when their keys are equal, so being equivalent is symmetric and transitive by
construction. No text whatever makes a key raise. Parsers are imported by the function that needs them:
most texts that are compared are equal and never get here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from custmerge.rules.fields import BANK_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

Key = tuple[str, ...]

_STREET_END = re.compile(r"(?:str\.|strasse|straße)(?![^\W\d_])")
_PLAIN_PHONE = re.compile(r"\+?[0-9][0-9 /().-]*[0-9]")
_NO_DIGIT = re.compile(r"[^0-9]")
_IBAN_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}")
_BIC_SHAPE = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_HEAD_OFFICE_BIC = 8
_BLZ_LENGTH = 8
_KONTO_LENGTH = 10


def white_space(text: str) -> str:
    """Return `text` in Unicode NFC, trimmed, inner runs of white space collapsed to one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def lower(text: str) -> str:
    """Return `white_space(text)` lower-cased with `str.lower()`.

    NFC is applied once more at the end: a capital may have no composed form where its small letter has
    one, and without it a key would not be its own key.
    """
    if text.isascii():
        # Nothing to compose, and an import has no time to find that out twice.
        return " ".join(text.split()).lower()
    return unicodedata.normalize("NFC", white_space(text).lower())


def search_text(number: str, values: Sequence[str]) -> str:
    """Return what `find` looks through: number and fields of a record but for bank data, in lower case.

    Whoever sees an account masked could else ask for it digit by digit.
    """
    return lower(" ".join((number, *values[: -len(BANK_FIELDS)])))


def street(text: str) -> str:
    """Return `lower(text)` with `Str.`, `Strasse` and `Straße` at the end of a word written as one."""
    return _STREET_END.sub("straße", lower(text))


def phone(text: str) -> Key:
    """Return the E.164 number that `text` gives with the default region DE, with its extension.

    What can't be parsed as a telephone number is its own key as a text. Source: ITU-T E.164.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException:
        return ("text", white_space(text))
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ("phone", e164, number.extension or "")


def surely_other_phone(mine: str, theirs: str) -> bool:
    """Return whether two texts can't be one telephone number, without parsing them.

    Two numbers of digits and separators alone whose last four digits differ aren't one: what E.164 changes
    stands at the start. True means that the keys differ, False means nothing.
    """
    if not (_PLAIN_PHONE.fullmatch(mine) and _PLAIN_PHONE.fullmatch(theirs)):
        return False
    ends = [_NO_DIGIT.sub("", text)[-4:] for text in (mine, theirs)]
    return ends[0] != ends[1] and len(ends[0]) == len(ends[1]) == len("1234")


def email(text: str) -> Key:
    """Return the local part as it is and the domain in ASCII, lower case.

    Source: RFC 5321 §2.4 (the local part is the receiving host's affair), RFC 5891 and UTS 46 for the domain.
    """
    address = text.strip()
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return ("text", white_space(text))
    return ("email", local, domain_in_ascii(domain))


def domain_in_ascii(domain: str) -> str:
    """Return a domain in the form in which DNS holds it: lower case, IDNA A-labels.

    A text that is no domain comes back in lower case, NFC. Source: RFC 5891, UTS 46.
    """
    plain = unicodedata.normalize("NFC", domain.lower())
    if plain.isascii():
        return plain
    import idna

    try:
        return idna.encode(plain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return plain


def account_number(text: str) -> str:
    """Return a Konto or an IBAN without spaces, in capitals; leading zeros of a Konto don't count."""
    compact = _compact(text)
    return (compact.lstrip("0") or "0") if _is_number(compact) else compact


def bank_code(text: str) -> str:
    """Return a Bankleitzahl or a BIC without spaces, in capitals; a BIC of a head office ends in XXX.

    Source: ISO 9362, eight characters name the head office that eleven with XXX name.
    """
    compact = _compact(text)
    return compact + "XXX" if _BIC_SHAPE.fullmatch(compact) and len(compact) == _HEAD_OFFICE_BIC else compact


def bank(account_text: str, code_text: str) -> Key:
    """Return the one account that a Konto and a Bankleitzahl, or an IBAN with or without its BIC, name.

    Where the two contradict each other (an IBAN beside the BIC of another bank), what contradicts stays part
    of the key. Source: ISO 13616 (IBAN), ISO 9362 (BIC).
    """
    account, code = account_number(account_text), bank_code(code_text)
    if _IBAN_SHAPE.fullmatch(account):
        return _iban(account, code)
    if _is_number(account, _KONTO_LENGTH) and _is_number(code) and len(code) == _BLZ_LENGTH:
        return ("DE", code, account.zfill(_KONTO_LENGTH), "")
    return ("text", account, code)


def _iban(iban: str, code: str) -> Key:
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    try:
        parsed = IBAN(iban)
    except SchwiftyException:
        return ("text", iban, code)
    contradiction = "" if code in ("", parsed.bank_code, *_bics(parsed.country_code, parsed.bank_code)) else code
    if parsed.country_code == "DE":
        return ("DE", parsed.bank_code, parsed.account_code, contradiction)
    return ("IBAN", iban, contradiction)


def _bics(country: str, code: str) -> tuple[str, ...]:
    from schwifty import BIC
    from schwifty.exceptions import SchwiftyException

    try:
        return tuple(bank_code(str(bic)) for bic in BIC.candidates_from_bank_code(country, code))
    except SchwiftyException:
        return ()


def _compact(text: str) -> str:
    # NFC once more, as in `lower`.
    return unicodedata.normalize("NFC", "".join(white_space(text).split()).upper())


def _is_number(text: str, longest: int = 64) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= longest

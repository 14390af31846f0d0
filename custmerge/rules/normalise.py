"""Keys for comparing values: one function for each kind of field.

Two texts are equivalent when their keys are equal, so being equivalent is symmetric and transitive by
construction. The functions raise for no text. Each function imports the parser that it needs, because most texts
that are compared are equal and never get here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from string import ascii_lowercase, ascii_uppercase

from custmerge.rules.characters import composed, has_hidden, has_too_many_marks, is_invisible
from custmerge.rules.fields import BANK_FIELDS

Key = tuple[str, ...]

_STREET_END = re.compile(r"(?:str\.|strasse|straße)(?![^\W\d_])")

# A telephone number and the extension after it, as they are parsed: ASCII, small letters, without white space.
_NUMBER = re.compile(r"[-0-9+/().\[\]]+")
_EXTENSION = re.compile(
    r"[-/.,;(\[]*(?:#|x|e?xtn?|extensi[oó]n|anexo|int|доб|durchwahl|dw|app|apparat|nst|nebenstelle)[-.:=]*"
    r"([0-9]{1,20})[)\]#]*\Z"
)
_GERMAN_NUMBER = re.compile(r"\(?(?:\+ ?49|00 ?49|0(?=[ /().-]*[1-9]))[0-9 /().-]*[0-9]")
LONGEST_PHONE = 250
"""In characters. A longer text is no number, and parsing it could take unlimited time."""
_SURELY_NATIONAL = len("00490") + len("1234")
"""In a number with so many digits, the last four come after every prefix."""
_NO_DIGIT = re.compile(r"[^0-9]")
_UNSEEN_ASCII = dict.fromkeys((*range(0x21), 0x7F))
_FULLWIDTH = range(0xFF01, 0xFF5F)
"""The full-width forms of ASCII's characters."""
_MINUS = "\u2212\u30fc"
"""Used as hyphens in numbers, though Unicode doesn't count them as dashes."""

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_ACE = "xn--"
LONGEST_LABEL = 255
"""DNS allows 63. A label longer than this isn't parsed, because that could take unlimited time."""

_IBAN_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}")
_IBAN_WRITTEN = re.compile(r"(?:IBAN[:.]?)?[-\u2010-\u2015\u2212A-Z0-9]+")
_HYPHENS = re.compile(r"[-\u2010-\u2015\u2212]")
_BIC_WRITTEN = re.compile(r"([A-Z0-9]{4}) ?([A-Z]{2}) ?([A-Z0-9]{2}) ?([A-Z0-9]{3})?")
_IBAN_COUNTRIES = frozenset(
    re.findall(
        "..",
        "ADAEALATAZBABEBGBHBIBRBYCHCRCYCZDEDJDKDOEEEGESFIFKFOFRGBGEGIGLGRGTHNHRHUIEILIQISITJOKWKZLBLCLILT"
        "LULVLYMCMDMEMKMNMRMTMUNINLNOOMPKPLPSPTQARORSRUSASCSDSESISKSMSOSTSVTLTNTRUAVAVGXKYE",
    )
)
"""Source: SWIFT, IBAN Registry. Few words of 8 or 11 letters have a country as their 5th and 6th letter."""
_INSTITUTION_AND_COUNTRY = 6
_BIC_LENGTH = 11
_OF_MANY_BANKS = frozenset(
    {
        *("GENODE", "WELADE", "NOLADE", "BYLADE", "SOLADE", "HELADE", "MALADE", "BRLADE", "SALADE"),
        *("RZOOAT", "RLNWAT", "RZSTAT", "RZTIAT", "RZKTAT", "RVSAAT", "RVVGAT", "RLBBAT", "VBOEAT"),
        *("RAIFCH", "RBABCH", "ICRAIT", "CCRTIT", "RZSBIT", "AGRIFR", "CEPAFR", "CCBPFR", "CMCIFR"),
        *("BCOEES", "CCRIES", "CECAES", "POLUPL", "GBWCPL", "SKOKPL", "LCKULT", "JCKULT", "CBSBLT"),
    }
)
"""Beginnings that the BICs of many cooperative banks, or of the savings banks of a region, have in common."""
_BLZ_LENGTH = 8
_KONTO_LENGTH = 10


def white_space(text: str) -> str:
    """Return `text` in Unicode NFC, trimmed, inner runs of white space collapsed to one space."""
    return " ".join(composed(text).split())


def lower(text: str) -> str:
    """Return `white_space(text)` lower-cased with `str.lower()`.

    NFC is applied once more at the end, so that the key of a key is the key itself: a small letter may have a
    composed form while its capital has none.
    """
    if text.isascii():
        # ASCII needs no composing; skipping it keeps imports quick.
        return " ".join(text.split()).lower()
    return composed(white_space(text).lower())


def search_text(number: str, values: Sequence[str]) -> str:
    """Return the text that `find` searches: number and fields of a record without bank data, in lower case.

    With bank data, a reader who sees accounts masked could search for them digit by digit.
    """
    return lower(" ".join((number, *values[: -len(BANK_FIELDS)])))


def street(text: str) -> str:
    """Return `lower(text)` with `Str.`, `Strasse` and `Straße` at the end of a word written as one."""
    return _STREET_END.sub("straße", lower(text))


def phone(text: str) -> Key:
    """Return `text` as an E.164 number (default region DE) and its extension; a text that is no number as a text.

    White space and invisible characters don't count. A text with letters other than an extension's word is no
    number, nor is one that can't be parsed. Source: ITU-T E.164.
    """
    if len(text) > LONGEST_PHONE:
        return ("text", white_space(text))
    written = _as_dialled(text)
    extension = _EXTENSION.search(written)
    number = written[: extension.start()] if extension else written
    if not _NUMBER.fullmatch(number):
        return ("text", white_space(text))

    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, "DE")
    except phonenumbers.NumberParseException:
        return ("text", written)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return ("phone", e164, extension[1] if extension else "")


def _as_dialled(text: str) -> str:
    """Return `text` without invisible characters, in small letters, with ASCII digits, signs and hyphens."""
    if text.isascii():
        return text.translate(_UNSEEN_ASCII).lower()
    return "".join(_on_a_keyboard(c) for c in composed(text) if not is_invisible(c)).lower()


def _on_a_keyboard(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if ord(character) in _FULLWIDTH:
        return chr(ord(character) - _FULLWIDTH.start + ord("!"))
    return "-" if character in _MINUS or unicodedata.category(character) == "Pd" else character


def surely_different_phones(left: str, right: str) -> bool:
    """Return whether two texts surely have different keys as telephone numbers, without parsing them.

    An empty text differs from one with a digit. Two German numbers of digits and separators differ if their last four
    digits do, because E.164 changes only the start of a number. If False is returned, the keys may be equal or not.
    """
    if "" in (left, right):
        return bool(_NO_DIGIT.sub("", left + right))
    if not (_GERMAN_NUMBER.fullmatch(left) and _GERMAN_NUMBER.fullmatch(right)):
        return False
    digits = [_NO_DIGIT.sub("", text) for text in (left, right)]
    return digits[0][-4:] != digits[1][-4:] and min(map(len, digits)) >= _SURELY_NATIONAL


def email(text: str) -> Key:
    """Return the local part of an address unchanged and its domain in ASCII, lower case.

    Source: RFC 5321 §2.4 (the local part is the receiving host's affair), RFC 5891 and UTS 46 for the domain.
    """
    address = text.strip()
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return ("text", white_space(text))
    return ("email", local, domain_in_ascii(domain))


def domain_name(domain: str) -> str:
    """Return a domain as it is stored and shown: mapped by UTS 46 (small letters, NFC, dots), no dot at the end.

    U-labels and A-labels stay what they are. Source: UTS 46 §4, RFC 5895.
    """
    if domain.isascii():
        return domain.lower().rstrip(".")
    # A character that is mapped to a dot (U+2024) ends a label as well.
    return ".".join(map(_mapped, _DOTS.split(domain))).rstrip(".")


def domain_in_ascii(domain: str) -> str:
    """Return a domain as DNS holds it: `domain_name` with each label that isn't ASCII as an A-label.

    All writings of a domain give the same text, also if IDNA 2008 refuses a label (`_`, emoji, hyphens).
    Source: RFC 5891, UTS 46, RFC 3492.
    """
    name = domain_name(domain)
    if name.isascii() and _ACE not in name:
        return name
    return ".".join(map(_label_in_ascii, name.split(".")))


def domain_in_unicode(domain: str) -> str:
    """Return `domain_name` with each A-label as the U-label that it stands for."""
    name = domain_name(domain)
    return ".".join(_of_a_label(label) if label.startswith(_ACE) else label for label in name.split("."))


def has_joiners_in_place(domain: str) -> bool:
    """Return whether the only hidden characters of a domain (see `domain_name`) are joiners that a script needs.

    Source: RFC 5892, appendix A.1 and A.2.
    """
    import idna

    for label in domain.split("."):
        if not has_hidden(label):
            continue
        if has_hidden(label.replace("\u200c", "").replace("\u200d", "")):
            return False
        try:
            idna.check_label(label)
        except idna.IDNAError:
            return False
    return True


def _label_in_ascii(label: str) -> str:
    if len(label) > LONGEST_LABEL:
        return label
    u_label = _of_a_label(label) if label.startswith(_ACE) else label
    return u_label if u_label.isascii() else _ACE + u_label.encode("punycode").decode("ascii")


def _of_a_label(label: str) -> str:
    """Return the U-label that an A-label stands for, or the A-label itself if it stands for none."""
    try:
        mapped = _mapped(label.removeprefix(_ACE).encode("ascii").decode("punycode"))
    except (UnicodeError, ValueError, OverflowError):
        return label
    return label if mapped.isascii() or "." in mapped else mapped


def _mapped(text: str) -> str:
    """Return a label as UTS 46 maps it; a character that it refuses stays as it is."""
    if text.isascii():
        return text.lower()
    if len(text) > LONGEST_LABEL or has_too_many_marks(text):
        return text
    import idna

    def remap(part: str) -> str:
        try:
            return idna.uts46_remap(part, std3_rules=False)
        except idna.IDNAError:
            return part if len(part) == 1 else "".join(map(remap, part))

    # Composed before and after: how UTS 46 maps a mark may depend on the character before it.
    return unicodedata.normalize("NFC", remap(unicodedata.normalize("NFC", text)))


_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)


def account_number(text: str) -> str:
    """Return a Konto or an IBAN without spaces, in capitals.

    Leading zeros of a Konto don't count, nor do hyphens in an IBAN and the word IBAN in front of it.
    """
    compact = _compact(text)
    if _is_number(compact):
        return compact.lstrip("0") or "0"
    if _IBAN_WRITTEN.fullmatch(compact):
        iban = _HYPHENS.sub("", compact.removeprefix("IBAN").lstrip(":."))
        return iban if _IBAN_SHAPE.fullmatch(iban) else compact
    return compact


def bank_code(text: str) -> str:
    """Return a Bankleitzahl without spaces, or the institution and country of a BIC, in capitals.

    If many banks share these, the whole BIC is returned: the same Konto at another of them is another account.
    Source: contract §2; ISO 9362, four characters name the institution and two its country, and a BIC of eight is
    the one with XXX at its end.
    """
    bic = _bic(text)
    if bic is None:
        compact = _compact(text)
        # The sign distinguishes a text that isn't a BIC as it is written, but would be one in capitals.
        return f"={compact}" if _BIC_WRITTEN.fullmatch(compact) else compact
    return bic if bic[:_INSTITUTION_AND_COUNTRY] in _OF_MANY_BANKS else _institution(bic)


def _bic(text: str) -> str | None:
    """Return a BIC in its eleven capitals; None for a text that may be none: names of banks can be as long.

    A BIC is written in capitals only or in small letters only, as one word or in its four parts.
    """
    written = text.strip()
    if not (written.isascii() and (written.isupper() or written.islower())):
        return None
    match = _BIC_WRITTEN.fullmatch(written.upper())
    if match is None or match[2] not in _IBAN_COUNTRIES:
        return None
    return "".join(part or "" for part in match.groups()).ljust(_BIC_LENGTH, "X")


def _institution(bic: str) -> str:
    """Return institution and country of a BIC."""
    # NUL, which no field can hold, distinguishes it from a text that is no BIC.
    return bic[:_INSTITUTION_AND_COUNTRY] + "\0"


def surely_different_accounts(left: str, right: str) -> bool:
    """Return whether two texts are two numbers of accounts, so that `bank` needn't be asked: it takes much longer.

    If False is returned, their keys may be equal or not.
    """
    both = left + right
    # An account's number is the same with zeros before it; of an IBAN no text of digits is a writing.
    return bool(left and right) and both.isascii() and both.isdigit() and left.lstrip("0") != right.lstrip("0")


def bank(account_text: str, code_text: str) -> Key:
    """Return the account that a Konto and a Bankleitzahl, or an IBAN with or without its BIC, name.

    If the two contradict each other (an IBAN and the BIC of another bank), the contradicting code is part of
    the key. Source: ISO 13616 (IBAN), ISO 9362 (BIC).
    """
    account, code = account_number(account_text), bank_code(code_text)
    if _IBAN_SHAPE.fullmatch(account):
        # The IBAN names the account, also if many banks share the beginning of its BIC.
        bic = _bic(code_text)
        return _iban(account, code if bic is None else _institution(bic))
    if _is_number(account, _KONTO_LENGTH) and _is_number(code) and len(code) == _BLZ_LENGTH:
        return ("DE", code, account.zfill(_KONTO_LENGTH), "")
    return ("text", account, code)


def _iban(iban: str, code: str) -> Key:
    from schwifty import BIC, IBAN
    from schwifty.exceptions import SchwiftyException

    try:
        parsed = IBAN(iban)
    except SchwiftyException:
        return ("text", iban, code)
    bics: list[BIC] = []
    with suppress(SchwiftyException):
        bics = BIC.candidates_from_bank_code(parsed.country_code, parsed.bank_code)
    contradiction = "" if code in ("", parsed.bank_code, *(_institution(str(bic)) for bic in bics)) else code
    if parsed.country_code == "DE":
        return ("DE", parsed.bank_code, parsed.account_code, contradiction)
    return ("IBAN", iban, contradiction)


def _compact(text: str) -> str:
    if text.isascii():
        return "".join(text.split()).upper()
    # Only the Latin letters of IBANs and BICs become capitals: `str.upper()` would make `Weiß` and `Weiss` equal.
    # NFC is applied once more, as in `lower`.
    return composed("".join(white_space(text).split()).translate(_CAPITALS))


def _is_number(text: str, longest: int = 64) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= longest

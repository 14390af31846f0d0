"""The texts that the model compares: what is written differently by habit is the same text here.

Letters and digits of every script become a-z and 0-9: both engines count the bytes of such a text and its characters
alike, so that they measure the same distance between two of them.

A million customers are ten million values. The functions for fields therefore take many values as the lines of one
text, and return as many lines: one pass over a long text takes a tenth of the time of many short ones. Tables take a
part of what expressions take, and an expression is quick if it begins with one character or set of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import ascii_lowercase, digits

from custmerge.rules.fields import Field

MODEL_COLUMNS = (
    *("first_name", "last_name", "generation", "street", "house", "postcode", "city", "place"),
    *("phone", "mobile", "email", "email_local", "iban", "company"),
)
"""What the model knows of a customer. `generation` is `j` or `s` if the last name ends with junior or senior, `house`
is the last number of the street with its letter, `place` is postcode and city if both are there, `email_local` is
what stands before the @ unless it is made of the name."""

_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "ł": "l", "đ": "d"}
"""Letters that Unicode doesn't decompose into a Latin one, or that German writes as two."""
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def _all_but(kept: str) -> Mapping[int, None]:
    """Return the table for `str.translate` that leaves of ASCII's characters `kept` and ends of lines."""
    return dict.fromkeys(code for code in range(128) if chr(code) not in kept and chr(code) != "\n")


_NOT_PLAIN, _NOT_DIGIT = _all_but(ascii_lowercase + digits), _all_but(digits)
_NOT_OF_ADDRESS = _all_but(ascii_lowercase + digits + "@.+_-")
_TITLES = re.compile(
    r"\n *(?:(?:herrn?|frau|prof(?:essor)?|dr)\b\.?[ ,]*"
    r"|(?:med|dent|vet|jur|phil|rer|nat|pol|oec|ing|dipl|mag|h\. ?c)\.[ -]*)+"
)
_GENERATION = re.compile(r"[ ,]+\(?(?:j(?:un(?:ior)?|r)|s(?:en(?:ior)?|r))\.?\)? *$", re.MULTILINE)
_HOUSE_NUMBER = re.compile(
    r"([0-9][0-9]*)(?: ?[a-z]? ?[-/+] ?([0-9]+))? ?([a-z](?![a-z]))?(?=[^0-9\n]*$)", re.MULTILINE
)
"""The last number of a street, with its letter; of `3-5` only the 5, and the 3 isn't part of the name."""
_HOUSE = "\xa7"
"""Stands for the house number in a street. `small` leaves no such character."""
_COUNTRY_CODE = re.compile(r"^(?:0049|49|0)0*", re.MULTILINE)
_FEWEST_DIGITS = 5
"""A telephone number with fewer is an extension or a placeholder."""
_FEWEST_LETTERS = 3
"""A shorter name is in an e-mail address by chance."""
_BLZ_LENGTH, _KONTO_LENGTH = 8, 10
_MODULUS, _GERMANY = 97, "131400"
"""Of an IBAN's check digits; D, E and 00 as digits. Source: ISO 13616, ISO/IEC 7064 MOD 97-10."""


def model_columns(values: Sequence[Sequence[str]]) -> Mapping[str, list[str | None]]:
    """Return the columns of `MODEL_COLUMNS`, from as many values of each field in the order of `FIELDS`.

    An empty text is None, which says nothing for or against.
    """
    text = {field: _lines(column) for field, column in zip(Field, values, strict=True)}
    first, last = (_without_titles(small(text[field])) for field in (Field.FIRST_NAME, Field.LAST_NAME))
    without_generation = _GENERATION.sub("", last)
    names = plain(first).split("\n"), plain(without_generation).split("\n")
    streets, houses = streets_and_houses(small(text[Field.STREET]))
    postcodes, cities = (plain(small(text[field])).split("\n") for field in (Field.POSTCODE, Field.CITY))
    emails = email_addresses(text[Field.EMAIL])
    columns: dict[str, list[str]] = {
        "first_name": names[0],
        "last_name": names[1],
        "generation": [
            "" if name == whole else whole.removeprefix(name).lstrip(" ,(")[0]
            for whole, name in zip(last.split("\n"), without_generation.split("\n"), strict=True)
        ],
        "street": streets,
        "house": houses,
        "postcode": postcodes,
        "city": cities,
        "place": [
            f"{postcode} {city}" if postcode and city else ""
            for postcode, city in zip(postcodes, cities, strict=True)
        ],
        "phone": national_digits(text[Field.PHONE]),
        "mobile": national_digits(text[Field.MOBILE]),
        "email": emails,
        "email_local": list(map(_own_local_part, emails, *names)),
        "iban": list(map(account_key, accounts(values[-2]), values[-1])),
        "company": plain(small(text[Field.COMPANY])).split("\n"),
    }
    return {name: [value or None for value in columns[name]] for name in MODEL_COLUMNS}


def small(lines: str) -> str:
    """Return lines in ASCII and small letters: umlauts as two letters, no accents.

    A letter of another script becomes its code: two such names are still equal, near or different.
    """
    if lines.isascii():
        return lines.lower()
    return _BEYOND_ASCII.sub(_letter, unicodedata.normalize("NFC", lines).lower())


def plain(lines: str) -> str:
    """Return the letters and digits of lines as `small` gives them."""
    return lines.translate(_NOT_PLAIN)


def streets_and_houses(lines: str) -> tuple[list[str], list[str]]:
    """Return the names of streets that `small` gives, and their last numbers with letters, without zeros in front."""
    # In turns the text before a number, and the three parts of the expression.
    parts = _HOUSE_NUMBER.split(lines.replace("strasse", "str"))
    numbers = zip(parts[1::4], parts[2::4], parts[3::4], strict=True)
    houses = (((last or first) + (letter or "")).lstrip("0") for first, last, letter in numbers)
    # A line has one house number at most.
    with_places = _HOUSE.join(parts[::4]).split("\n")
    return plain("".join(parts[::4])).split("\n"), [next(houses) if _HOUSE in line else "" for line in with_places]


def national_digits(phones: str) -> list[str]:
    """Return the digits of telephone numbers without `0049`, `49` or `0` in front of them."""
    if not phones.isascii():
        phones = unicodedata.normalize("NFKC", phones).encode("ascii", "ignore").decode("ascii")
    numbers = _COUNTRY_CODE.sub("", phones.translate(_NOT_DIGIT)).split("\n")
    return [number if len(number) >= _FEWEST_DIGITS else "" for number in numbers]


def email_addresses(texts: str) -> list[str]:
    """Return e-mail addresses in small letters; a text without an @ is none."""
    return [address if "@" in address else "" for address in small(texts).translate(_NOT_OF_ADDRESS).split("\n")]


def _own_local_part(address: str, first: str, last: str) -> str:
    """Return what stands before the @, unless it is made of the name.

    Two people of one name have such addresses that are alike: a name that is equal isn't equal twice.
    """
    local = address.partition("@")[0]
    letters = local.replace(".", "").replace("-", "").replace("_", "")
    is_of_name = any(len(name) >= _FEWEST_LETTERS and name in letters for name in (first, last))
    return "" if is_of_name else local


def accounts(values: Sequence[str]) -> list[str]:
    """Return IBANs and Konten in capitals and without blanks and signs."""
    return plain(small(_lines(values))).upper().split("\n")


def account_key(account: str, bank: str) -> str:
    """Return an account of `accounts` as it is, a German Konto and Bankleitzahl as the IBAN that they give."""
    if not account.isdigit() or len(account) > _KONTO_LENGTH:
        return account
    code = "".join(filter(str.isdigit, bank)) if bank.isascii() else ""
    if len(code) != _BLZ_LENGTH:
        return account.lstrip("0")
    basic = f"{code}{account:0>10}"
    return f"DE{_MODULUS + 1 - int(basic + _GERMANY) % _MODULUS:02}{basic}"


@lru_cache(1 << 12)
def _in_ascii(character: str) -> str:
    if character in _HYPHENS:
        return "-"
    return "".join(
        part if part.isascii() else f"{ord(part):x}" if part.isalnum() else ""
        for part in unicodedata.normalize("NFKD", character)
    )


def _letter(character: re.Match[str]) -> str:
    return _LETTERS.get(character[0]) or _in_ascii(character[0])


def _lines(values: Sequence[str]) -> str:
    lines = "\n".join(values)
    return lines if lines.count("\n") == len(values) - 1 else "\n".join(value.replace("\n", " ") for value in values)


def _without_titles(lines: str) -> str:
    return _TITLES.sub("\n", f"\n{lines}")[1:]

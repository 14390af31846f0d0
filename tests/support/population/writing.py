"""How a customer is written down: by different people, at different keyboards, in a hurry."""

import random
import re

from support.population import companies, first_names
from support.population.customers import Customer
from support.population.mixture import Mixture
from support.population.typing_errors import mistyped, wrong_digit

Values = tuple[str, ...]
"""The eleven fields in their order."""

_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LOST = str.maketrans("äöüßÄÖÜéşçğıćšńśłİŞÇ", "aousAOUescgicsnslISC")
_STREET = re.compile(r"[sS]traße\b")
_BICS = {
    "1001": "PBNKDEFF",
    "1005": "BELADEBE",
    "1203": "BYLADEM1001",
    "2005": "HASPDEHH",
    "3704": "COBADEFF370",
    "3705": "COLSDE33",
    "4306": "GENODEM1GLS",
    "5001": "INGDDEFFXXX",
    "5005": "HELADEF1822",
    "6005": "SOLADEST",
    "6605": "KARSDE66",
    "7015": "SSKMDEMM",
}
"""By the first digits of a Bankleitzahl; of the other banks nobody writes it."""


def written(chance: random.Random, mixture: Mixture, customer: Customer) -> Values:
    """Return the eleven fields as somebody wrote them."""
    has_company = bool(customer.company)
    company = "" if has_company and chance.random() < mixture.no_company else _company(chance, mixture, customer)
    if company and chance.random() < mixture.no_contact_of_company:
        first = last = ""
    else:
        first, last = _names(chance, mixture, customer)
    street = "" if chance.random() < mixture.no_street else _street(chance, mixture, customer)
    city = _city(chance, mixture, customer)
    text = _at_a_keyboard(chance, mixture, (company, first, last, street, city))
    company, first, last, street, city = text
    return (
        company,
        first,
        last,
        street,
        _postcode(chance, mixture, customer),
        city,
        *_reached(chance, mixture, customer),
    )


def _at_a_keyboard(chance: random.Random, mixture: Mixture, text: Values) -> Values:
    """Return texts without umlauts, in small letters or in capitals, if somebody writes so: then all of them."""
    if not "".join(text).isascii():
        draw = chance.random()
        if draw < mixture.umlauts_as_two_letters:
            text = tuple(part.translate(_TWO_LETTERS) for part in text)
        elif draw > 1 - mixture.umlauts_lost:
            text = tuple(part.translate(_LOST) for part in text)
    draw = chance.random()
    if draw < mixture.small_letters:
        return tuple(map(str.lower, text))
    return tuple(map(str.upper, text)) if draw > 1 - mixture.capitals else text


def _names(chance: random.Random, mixture: Mixture, customer: Customer) -> tuple[str, str]:
    first, last = customer.first_name, customer.last_name
    if chance.random() < mixture.no_first_name:
        first = ""
    elif ("-" in first or " " in first) and chance.random() < mixture.half_of_double_name:
        first = re.split(r"[- ]", first)[0]
    else:
        first = _called(chance, mixture, first)
    if first and chance.random() < mixture.typo_first_name:
        first = mistyped(chance, first)
    if chance.random() < mixture.typo_last_name:
        last = mistyped(chance, last)
    if first and chance.random() < mixture.initial:
        first = first[0] + chance.choice([".", ".", ""])
    if customer.title and chance.random() < 0.6:
        first = f"{customer.title} {first}".strip()
    if first and chance.random() < mixture.names_swapped:
        return last, first
    return first, last


def _called(chance: random.Random, mixture: Mixture, first: str) -> str:
    draw = chance.random()
    if draw < mixture.short_name and first in first_names.SHORT:
        return chance.choice(first_names.SHORT[first])
    if draw > 1 - mixture.other_spelling and first in first_names.SPELLINGS:
        return chance.choice(first_names.SPELLINGS[first])
    return first


def _company(chance: random.Random, mixture: Mixture, customer: Customer) -> str:
    if not customer.company:
        return ""
    name, form = customer.company, customer.form
    if chance.random() < mixture.typo_company:
        name = mistyped(chance, name)
    if form in companies.FORM_WRITTEN and chance.random() < mixture.legal_form_otherwise:
        form = chance.choice(companies.FORM_WRITTEN[form])
    if "&" in name and chance.random() < 0.15:
        name = name.replace("&", "und")
    return f"{name} {form}" if form else name


def _street(chance: random.Random, mixture: Mixture, customer: Customer) -> str:
    name, number = customer.street, customer.house_number
    if chance.random() < mixture.typo_street:
        name = mistyped(chance, name)
    if chance.random() < mixture.wrong_digit:
        number = wrong_digit(chance, number)
    if chance.random() < mixture.street_written_otherwise:
        to = chance.choice(["str.", "str.", "str.", "strasse", "str", "Straße"])
        name = _STREET.sub(lambda match: to if match[0][0] == "s" else to.capitalize(), name)
        number = chance.choice([number, number.upper(), " ".join(re.findall(r"\d+|\D+", number))])
    return f"{name} {number}"


def _city(chance: random.Random, mixture: Mixture, customer: Customer) -> str:
    name = customer.town.name
    if chance.random() < mixture.typo_city:
        name = mistyped(chance, name)
    if chance.random() >= mixture.town_written_otherwise:
        return name
    if " " not in name:
        return (
            f"{name}-{chance.choice(['Nord', 'Süd', 'West', 'Ost', 'Mitte', 'Neustadt'])}"
            if chance.random() < 0.2
            else name
        )
    short = name.split(" (")[0]
    for word in (" am ", " an der ", " im ", " bei "):
        head, _, tail = name.partition(word)
        if tail:
            return chance.choice([head, head, f"{head}/{tail}", f"{head} {word.strip()[0]}. {tail}"])
    return short


def _postcode(chance: random.Random, mixture: Mixture, customer: Customer) -> str:
    draw = chance.random()
    if draw < mixture.no_postcode:
        return ""
    return wrong_digit(chance, customer.postcode) if draw > 1 - mixture.wrong_digit else customer.postcode


def _reached(chance: random.Random, mixture: Mixture, customer: Customer) -> Values:
    """Return telephone, mobile, e-mail and account."""
    how = int(chance.random() * len(_PHONES))
    phone = "" if chance.random() < mixture.landline_left_out else _phone(chance, mixture, customer.landline, how)
    mobile = "" if chance.random() < mixture.mobile_left_out else _phone(chance, mixture, customer.mobile, how)
    if chance.random() < mixture.phones_swapped:
        phone, mobile = mobile, phone
    email = "" if chance.random() < mixture.email_left_out else customer.email
    if email and chance.random() < mixture.typo_email:
        local, _, domain = email.partition("@")
        email = f"{mistyped(chance, local).lower()}@{domain}"
    return phone, mobile, email, *_account(chance, mixture, customer)


_PHONES = (
    "{0} {1}",
    "{0}/{1}",
    "{0}-{1}",
    "({0}) {1}",
    "+49 {2} {1}",
    "0049{2}{1}",
    "{0}{1}",
    "+49{2}{1}",
    "{0} / {1}",
)


def _phone(chance: random.Random, mixture: Mixture, number: str, how: int) -> str:
    if not number:
        return ""
    code, _, rest = number.partition("/")
    if chance.random() < mixture.wrong_digit:
        rest = wrong_digit(chance, rest)
    return _PHONES[how].format(code, rest, code[1:])


def _account(chance: random.Random, mixture: Mixture, customer: Customer) -> tuple[str, str]:
    if not customer.account or chance.random() < mixture.account_left_out:
        return "", ""
    konto, code = customer.account, customer.bank_code
    if chance.random() < mixture.wrong_digit:
        konto = wrong_digit(chance, konto)
    if chance.random() >= mixture.account_as_iban:
        return konto, code
    written = iban(konto, code)
    if chance.random() < 0.5:
        written = " ".join(written[start : start + 4] for start in range(0, len(written), 4))
    return written, _BICS.get(code[:4], "") if chance.random() < 0.5 else ""


def iban(account: str, bank_code: str) -> str:
    """Return the IBAN of a Konto at a bank. Source: ISO 13616; Deutsche Bundesbank, rule 0000."""
    digits = f"{bank_code}{account:0>10}"
    return f"DE{98 - int(f'{digits}131400') % 97:02}{digits}"

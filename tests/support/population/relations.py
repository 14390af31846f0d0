"""Groups of customers who look alike and are different customers: none of them may be merged with another."""

from collections.abc import Callable
from dataclasses import replace

from support.population import first_names, last_names, places
from support.population.chance import Chance
from support.population.customers import (
    Customer,
    add_company,
    company,
    first_name,
    in_ascii,
    mailbox,
    own_contact,
    person,
)
from support.population.mixture import Kind, Mixture


def _single(chance: Chance, mixture: Mixture) -> list[Customer]:
    return [person(chance, mixture)]


def _self_employed(chance: Chance, mixture: Mixture) -> list[Customer]:
    return [company(chance, mixture)]


def _other(
    chance: Chance,
    mixture: Mixture,
    one: Customer,
    *,
    sex: str,
    first: str = "",
    last: str | None = None,
    together: float = 1.0,
    landline: float,
    email: float = 0.0,
    account: float = 0.0,
) -> Customer:
    """Return somebody beside `one`; the last four are how often they live together and share what."""
    first = first or first_name(chance, mixture, sex)
    result = replace(one, sex=sex, title="", first_name=first, last_name=one.last_name if last is None else last)
    lives_there = chance.random() < together
    if not lives_there:
        if chance.random() < 0.6:
            result.town = places.town(chance)
        result.street, result.house_number = places.street(chance), places.house_number(chance)
        result.postcode = places.postcode(chance, result.town)
    own_contact(chance, mixture, result)
    if lives_there and chance.random() < landline:
        result.landline = one.landline
    if chance.random() < email:
        result.email = one.email
    if chance.random() < account:
        result.account, result.bank_code = one.account, one.bank_code
    return result


def _spouses(chance: Chance, mixture: Mixture) -> list[Customer]:
    one = person(chance, mixture)
    draw = chance.random()
    last = one.last_name
    if draw > 0.92:
        last = f"{last_names.last_name(chance)}-{last}" if "-" not in last else last
    elif draw > 0.80:
        last = last_names.last_name(chance)
    sex = one.sex if chance.random() < 0.03 else "mf".replace(one.sex, "")
    other = _other(chance, mixture, one, sex=sex, last=last, together=0.97, landline=0.7, email=0.12, account=0.35)
    if chance.random() < 0.12:
        add_company(chance, other)
    return [one, other]


def _siblings(chance: Chance, mixture: Mixture) -> list[Customer]:
    siblings = [person(chance, mixture)]
    for _ in range(1 if chance.random() < 0.8 else 2):
        sex = chance.choice("mf")
        first = first_name(chance, mixture, sex)
        while any(first == sibling.first_name for sibling in siblings):
            first = first_name(chance, mixture, sex)
        siblings.append(_other(chance, mixture, siblings[0], sex=sex, first=first, together=0.6, landline=0.7))
    return siblings


def _twins(chance: Chance, mixture: Mixture) -> list[Customer]:
    first, second = chance.choice(first_names.TWINS)
    one = person(chance, mixture)
    one.sex, one.first_name = _sex_of(first), first
    one.email = one.email and mailbox(chance, one)
    other = _other(chance, mixture, one, sex=_sex_of(second), first=second, together=0.75, landline=0.7)
    return [one, other]


def _sex_of(name: str) -> str:
    return "m" if name in first_names.NAMES["m"] else "f"


def _father_and_son(chance: Chance, mixture: Mixture) -> list[Customer]:
    father = person(chance, mixture, "m")
    son = _other(chance, mixture, father, sex="m", first=father.first_name, together=0.6, landline=0.6)
    draw = chance.random()
    name = father.last_name
    if draw < 0.3:
        son.last_name = f"{name} {chance.choice(['jun.', 'jr.', 'junior'])}"
    if draw < 0.1:
        father.last_name = f"{name} {chance.choice(['sen.', 'sr.', 'senior'])}"
    return [father, son]


def _flatmates(chance: Chance, mixture: Mixture) -> list[Customer]:
    one = person(chance, mixture)
    count = chance.choice([1, 1, 2, 3])
    return [one] + [
        _other(chance, mixture, one, sex=chance.choice("mf"), last=last_names.last_name(chance), landline=0.3)
        for _ in range(count)
    ]


def _branches(chance: Chance, mixture: Mixture) -> list[Customer]:
    head = company(chance, mixture)
    head.email = f"info@{head.domain}"
    branches = [head]
    for _ in range(chance.choice([1, 1, 2, 2, 3, 5])):
        branch = person(chance, mixture)
        town = branch.town.name.split(" ")[0]
        branch.company, branch.form = head.company, head.form
        if chance.random() < 0.4:
            branch.company = f"{head.company} {chance.choice(['Filiale', 'Niederlassung', 'Standort', ''])} {town}"
        branch.company = " ".join(branch.company.split())
        branch.email = head.email if chance.random() < 0.4 else f"{in_ascii(town)}@{head.domain}"
        if chance.random() < 0.6:
            branch.account, branch.bank_code = head.account, head.bank_code
        if chance.random() < 0.15:
            branch.landline = head.landline
        branches.append(branch)
    return branches


def _agency(chance: Chance, mixture: Mixture) -> list[Customer]:
    agency = company(chance, mixture)
    agency.email = f"info@{agency.domain}"
    agency.landline = agency.landline or places.landline(chance, agency.town)
    return [agency] + [_client(chance, mixture, agency) for _ in range(chance.randrange(3, 9))]


def _client(chance: Chance, mixture: Mixture, agency: Customer) -> Customer:
    client = company(chance, mixture) if chance.random() < 0.75 else person(chance, mixture)
    if client.company and chance.random() < 0.10:
        # The agency's own person stands as the contact of another company.
        client.sex, client.first_name, client.last_name = agency.sex, agency.first_name, agency.last_name
    if chance.random() < 0.75:
        client.email = agency.email
    if chance.random() < 0.70:
        client.landline = agency.landline
    if chance.random() < 0.20:
        client.mobile = agency.mobile
    if chance.random() < 0.25:
        client.account, client.bank_code = agency.account, agency.bank_code
    if chance.random() < 0.45:
        client.street, client.house_number = agency.street, agency.house_number
        client.town, client.postcode = agency.town, agency.postcode
    return client


GROUPS: dict[Kind, Callable[[Chance, Mixture], list[Customer]]] = {
    Kind.SINGLE: _single,
    Kind.SELF_EMPLOYED: _self_employed,
    Kind.SPOUSES: _spouses,
    Kind.SIBLINGS: _siblings,
    Kind.TWINS: _twins,
    Kind.FATHER_AND_SON: _father_and_son,
    Kind.FLATMATES: _flatmates,
    Kind.BRANCHES: _branches,
    Kind.AGENCY: _agency,
}
"""Makes the customers of a group of each kind."""

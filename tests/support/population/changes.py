"""What became of a customer before they got another number."""

from dataclasses import replace

from support.population import last_names, places
from support.population.chance import Chance
from support.population.customers import Customer, add_company, mailbox, new_account
from support.population.mixture import Mixture


def later(chance: Chance, mixture: Mixture, customer: Customer) -> Customer:
    """Return a customer as they are at their next number."""
    result = replace(customer)
    if chance.random() < (mixture.married_woman if customer.sex == "f" else mixture.married_man):
        _marry(chance, result)
    if chance.random() < mixture.moved:
        _move(chance, mixture, result)
    elif result.landline and chance.random() < mixture.new_landline:
        result.landline = places.landline(chance, result.town)
    if chance.random() < mixture.new_email:
        result.email = mailbox(chance, result)
    if chance.random() < mixture.new_mobile:
        result.mobile = places.mobile(chance)
    if chance.random() < mixture.new_account:
        new_account(chance, result)
    if not result.company:
        if chance.random() < mixture.company_added:
            add_company(chance, result)
    elif result.last_name and chance.random() < mixture.company_dropped:
        result.company = result.form = ""
    return result


def _marry(chance: Chance, customer: Customer) -> None:
    other = last_names.last_name(chance).split("-")[0]
    own = customer.last_name.split("-")[0]
    draw = chance.random()
    customer.last_name = f"{own}-{other}" if draw < 0.25 else f"{other}-{own}" if draw < 0.4 else other


def _move(chance: Chance, mixture: Mixture, customer: Customer) -> None:
    if chance.random() >= mixture.moved_within_town:
        customer.town = places.town(chance)
        customer.landline = customer.landline and places.landline(chance, customer.town)
    customer.street, customer.house_number = places.street(chance), places.house_number(chance)
    customer.postcode = places.postcode(chance, customer.town)

"""A customer as they really are, before anybody writes them down."""

from dataclasses import dataclass

from support.population import companies, first_names, last_names, places
from support.population.chance import Chance
from support.population.mixture import Mixture
from support.population.places import Town

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "ş": "s", "ç": "c", "ğ": "g", "ı": "i", "ć": "c", "š": "s",
     "ń": "n", "ś": "s", "ł": "l"}
)  # fmt: skip
# Names that no real mailbox has: the top-level domain is reserved (RFC 2606).
_PROVIDERS = (
    ["gmx"] * 6
    + ["web"] * 6
    + ["tonline"] * 4
    + ["gmail"] * 5
    + ["freenet"] * 2
    + ["hotmail", "yahoo", "arcor", "outlook", "posteo"]
)
_NICKS = (
    "sonnenblume schmetterling tiger wolke biker fussballfan leseratte gartenfee kater moewe drachen sternchen "
    "bergziege"
).split()
_BANK_CODES = (
    "10010010 10050000 10070000 12030000 20050550 20070000 25050180 29050101 30050110 30020900 37040044 37050198 "
    "43060967 44010046 50010517 50040000 50050201 50070010 60050101 60090800 66010075 66050101 67050505 70150000 "
    "70020270 76010085 76050101 79050000 82051000 85050300 86055592 87050000 26050001 25090500 55050120 59050101 "
    "64050000 69050001 72050000"
).split()


@dataclass(slots=True)
class Customer:
    """What is true of a customer. A text is empty if there is no such thing."""

    sex: str
    """`m` or `f`, of the contact."""
    first_name: str
    last_name: str
    street: str
    house_number: str
    town: Town
    postcode: str
    title: str = ""
    company: str = ""
    """Without its legal form."""
    form: str = ""
    domain: str = ""
    """The company's own."""
    landline: str = ""
    mobile: str = ""
    email: str = ""
    account: str = ""
    """The digits of a Konto."""
    bank_code: str = ""


def in_ascii(text: str) -> str:
    """Return a text in small ASCII letters and digits, as it stands in an e-mail address."""
    return "".join(c for c in text.lower().translate(_UMLAUTS) if c.isascii() and c.isalnum())


def first_name(chance: Chance, mixture: Mixture, sex: str) -> str:
    """Return a first name, perhaps a double one or two."""
    name: str = chance.choices(first_names.NAMES[sex], cum_weights=first_names.CUMULATED[sex])[0]
    draw = chance.random()
    if draw < mixture.double_first_name:
        return f"{name}-{chance.choice(first_names.SECOND[sex])}"
    if draw < mixture.double_first_name + mixture.second_first_name:
        return f"{name} {chance.choice(first_names.SECOND[sex])}"
    return name


def person(chance: Chance, mixture: Mixture, sex: str = "") -> Customer:
    """Return a person without a company."""
    sex = sex or ("m" if chance.random() < 0.6 else "f")
    town = places.town(chance)
    result = Customer(
        sex,
        first_name(chance, mixture, sex),
        last_names.last_name(chance),
        places.street(chance),
        places.house_number(chance),
        town,
        places.postcode(chance, town),
    )
    if chance.random() < mixture.title:
        result.title = "Dr." if chance.random() < 0.8 else chance.choice(["Prof. Dr.", "Dipl.-Ing.", "Dr. med."])
    own_contact(chance, mixture, result)
    return result


def company(chance: Chance, mixture: Mixture) -> Customer:
    """Return a company with its contact."""
    result = person(chance, mixture)
    add_company(chance, result)
    return result


def add_company(chance: Chance, customer: Customer) -> None:
    """Give a person a company, in most cases with an address under its own domain."""
    customer.company, customer.form = companies.company(chance, customer.last_name, customer.town.name)
    customer.domain = _domain(chance, customer)
    if chance.random() < 0.7:
        customer.email = f"{_mailbox_of_company(chance, customer)}@{customer.domain}"


def _domain(chance: Chance, company: Customer) -> str:
    """Return a domain with the name of a company; if another one has it, with the town or a number."""
    name = "-".join(word for word in map(in_ascii, company.company.split()) if word)
    domain = f"{name}.example"
    if not chance.takes(domain):
        domain = f"{name}-{in_ascii(company.town.name)}.example"
        while not chance.takes(domain):
            domain = f"{name}{chance.randrange(2, 10_000)}.example"
    return domain


def _mailbox_of_company(chance: Chance, company: Customer) -> str:
    if chance.random() < 0.6:
        return chance.choice(["info", "info", "kontakt", "office", "post", "mail", "buero"])
    return f"{in_ascii(company.first_name)[:1]}.{in_ascii(company.last_name)}"


def own_contact(chance: Chance, mixture: Mixture, customer: Customer) -> None:
    """Give a customer telephones, a mailbox and an account of their own, or none."""
    customer.landline = "" if chance.random() < mixture.no_landline else places.landline(chance, customer.town)
    customer.mobile = "" if chance.random() < mixture.no_mobile else places.mobile(chance)
    customer.email = "" if chance.random() < mixture.no_email else mailbox(chance, customer)
    customer.account = customer.bank_code = ""
    if chance.random() >= mixture.no_account:
        new_account(chance, customer)


def new_account(chance: Chance, customer: Customer) -> None:
    """Give a customer another bank account."""
    customer.account = str(chance.randrange(10**6, 10**10))
    customer.bank_code = chance.choice(_BANK_CODES)


def mailbox(chance: Chance, customer: Customer) -> str:
    """Return a mailbox at a provider, mostly made of the name, that nobody else has."""
    address = _wished(chance, customer)
    while not chance.takes(address):
        address = _wished(chance, customer)
    return address


def _wished(chance: Chance, customer: Customer) -> str:
    first, last = in_ascii(customer.first_name), in_ascii(customer.last_name)
    draw = chance.random()
    if draw < 0.30:
        local = f"{first}.{last}"
    elif draw < 0.45:
        local = f"{first[:1]}.{last}"
    elif draw < 0.60:
        local = f"{first}{last}{chance.randrange(50, 100)}"
    elif draw < 0.75:
        local = f"{last}.{first}{chance.randrange(1, 100)}"
    elif draw < 0.85:
        local = f"{first}{chance.randrange(100, 2010)}"
    else:
        local = f"{chance.choice(_NICKS)}{chance.randrange(1, 9999)}"
    return f"{local}@{chance.choice(_PROVIDERS)}.example"

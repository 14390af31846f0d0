"""Which column holds which of the eleven fields, by its name in English, German and usual abbreviations."""

from __future__ import annotations

from collections.abc import Mapping

from custmerge.rules.fields import Field
from custmerge.rules.guessing.words import CUSTOMER_WORDS, joined, words
from custmerge.rules.host_schema import HostColumn, HostTable, Kind

_NAMES: Mapping[Field, str] = {
    Field.COMPANY: "company companyname organisation organization organisationname organizationname orgname org firma"
    " firmenname firmname firm businessname unternehmen",
    Field.FIRST_NAME: "firstname givenname forename vorname fname prename firstnames vornamen",
    Field.LAST_NAME: "lastname surname familyname nachname familienname lname lastnames",
    Field.STREET: "street strasse str streetaddress streetline streetline1 address1 addressline1 addressline line1"
    " addr1 address anschrift street1 addr streetname adresse",
    Field.POSTCODE: "postcode postalcode zip zipcode plz postleitzahl postal cap pc",
    Field.CITY: "city town ort stadt locality wohnort cityname towncity",
    Field.PHONE: "phone phonenumber telephone telephonenumber telefon telefonnummer tel phone1 phoneno telno landline"
    " festnetz telnr telefonnr voice",
    Field.MOBILE: "mobile mobilephone mobilenumber cell cellphone handy mobil mobiltelefon handynummer gsm mobileno"
    " phonemobile",
    Field.EMAIL: "email emailaddress mail mailaddress emailadresse mailadresse",
    Field.ACCOUNT_NUMBER: "iban accountnumber bankaccount bankaccountnumber konto kontonummer kto kontonr ktonr"
    " accountno",
    Field.BANK_CODE: "bic swift bankcode blz bankleitzahl routingnumber sortcode swiftbic bicswift",
}
_MEANINGS = {name: (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names.split())}
_QUALIFIERS = frozenset({*CUSTOMER_WORDS, "billing", "invoice", "primary", "main", "default", "rechnung", "private"})
"""A word in front that doesn't change the meaning: `client_email`, `billing_city`."""
_QUALIFIED = 100
"""How much worse a name with such a word is."""
_WHOLE_NAME = (
    "name",
    "fullname",
    "displayname",
    "contactname",
    "clientname",
    "customername",
    "kundename",
    "partnername",
)
_HOUSE_NUMBERS = ("housenumber", "houseno", "hausnummer", "hausnr", "streetnumber", "streetno", "strassennummer")
_COUNTRY_CODES = ("phonecc", "phonecountrycode", "phoneprefix")
_READABLE = (Kind.TEXT, Kind.INTEGER, Kind.OTHER)


def columns_by_field(table: HostTable) -> dict[Field, HostColumn]:
    """Return the columns of a table that hold fields; of several, the one with the plainest name."""
    found: dict[Field, tuple[int, HostColumn]] = {}
    referring = {column for foreign_key in table.foreign_keys for column in foreign_key.columns}
    for column in table.columns:
        meaning = None if column.name in referring or column.kind not in _READABLE else meaning_of(column.name)
        if meaning is None:
            continue
        field, rank = meaning
        if field not in found or rank < found[field][0]:
            found[field] = rank, column
    fields = {field: column for field, (_, column) in found.items()}
    return _with_whole_name(table, fields)


def house_number(table: HostTable) -> HostColumn | None:
    """Return the column with the number of the house, if the street has none."""
    return _column(table, _HOUSE_NUMBERS)


def country_code(table: HostTable) -> HostColumn | None:
    """Return the column with the country code that stands before the phone number."""
    return _column(table, _COUNTRY_CODES)


def _column(table: HostTable, names: tuple[str, ...]) -> HostColumn | None:
    return next((column for column in table.columns if joined(column.name) in names), None)


def meaning_of(name: str) -> tuple[Field, int] | None:
    """Return the field that a name means, and how plain a name of it that is, less is plainer; None for no field."""
    plain = words(name)
    if (meaning := _MEANINGS.get("".join(plain))) is not None:
        return meaning
    if len(plain) > 1 and plain[0] in _QUALIFIERS and (meaning := _MEANINGS.get("".join(plain[1:]))) is not None:
        return meaning[0], meaning[1] + _QUALIFIED
    return None


def _with_whole_name(table: HostTable, fields: dict[Field, HostColumn]) -> dict[Field, HostColumn]:
    """Let a column `name` be the last name beside a first name, else the one name that there is."""
    if Field.LAST_NAME in fields:
        return fields
    column = next(
        (c for c in table.columns if joined(c.name) in _WHOLE_NAME and c.kind in (Kind.TEXT, Kind.OTHER)),
        None,
    )
    if column is None:
        return fields
    if Field.COMPANY in fields or Field.FIRST_NAME in fields or words(table.plain_name)[-1:] == ("user",):
        return {**fields, Field.LAST_NAME: column}
    return {**fields, Field.COMPANY: column}

"""The texts that the model compares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.duplicates.normalise import MODEL_COLUMNS, model_columns
from custmerge.rules.fields import FIELDS


def columns_of(*customers):
    return model_columns([[customer.get(field.value, "") for customer in customers] for field in FIELDS])


def record_of(**values):
    return {name: column[0] for name, column in columns_of(values).items() if column[0] is not None}


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Müller-Lüdenscheidt", "muellerluedenscheidt"),
        ("MUELLER LUEDENSCHEIDT", "muellerluedenscheidt"),
        ("Gro\u00df", "gross"),
        ("Mu\u0308ller", "mueller"),
        ("S\u0327ahin", "sahin"),
        ("Łukasz", "lukasz"),
        ("İpek", "ipek"),
        ("Dr. med. Bernd", "bernd"),
        ("Herr Meier", "meier"),
        ("Herrmann", "herrmann"),
        ("Frauke", "frauke"),
    ],
)
def test_a_name_is_compared_in_plain_letters(written, compared):
    assert record_of(first_name=written) == {"first_name": compared}
    assert record_of(last_name=written) == {"last_name": compared}


def test_names_of_another_script_stay_different_names():
    olga, irina = (record_of(first_name=name)["first_name"] for name in ("Ольга", "Ирина"))
    assert olga != irina
    assert olga.isascii()


@pytest.mark.parametrize(
    ("written", "name", "generation"),
    [
        ("Schmidt jun.", "schmidt", "j"),
        ("Schmidt, jr", "schmidt", "j"),
        ("Schmidt (senior)", "schmidt", "s"),
        ("Schmidt sen.", "schmidt", "s"),
        ("Junior", "junior", None),
        ("Jensen", "jensen", None),
    ],
)
def test_junior_and_senior_are_no_part_of_a_last_name(written, name, generation):
    record = record_of(last_name=written)
    assert (record["last_name"], record.get("generation")) == (name, generation)


@pytest.mark.parametrize(
    ("written", "street", "house"),
    [
        ("Hauptstr. 12a", "hauptstr", "12a"),
        ("Hauptstraße 12 A", "hauptstr", "12a"),
        ("HAUPTSTRASSE 012", "hauptstr", "12"),
        ("Am Markt 3-5", "ammarkt", "5"),
        ("Am Markt 3 – 5", "ammarkt", "5"),
        ("Straße des 17. Juni 135", "strdes17juni", "135"),
        ("12 Rue de la Paix", "ruedelapaix", "12"),
        ("Kastanienallee", "kastanienallee", None),
    ],
)
def test_a_street_is_its_name_and_its_last_number(written, street, house):
    record = record_of(street=written)
    assert (record["street"], record.get("house")) == (street, house)


@pytest.mark.parametrize("written", ["0721 / 91 37 40", "+49 (0)721 913740", "0049721913740", "721-913740"])
def test_a_telephone_number_is_its_national_digits(written):
    assert record_of(phone=written) == {"phone": "721913740"}
    assert record_of(mobile=written) == {"mobile": "721913740"}


def test_an_area_code_that_begins_as_the_country_does_stays():
    assert record_of(phone="0491 234567") == {"phone": "491234567"}
    assert record_of(phone="+49 491 234567") == {"phone": "491234567"}


@pytest.mark.parametrize("written", ["-", "0", "123", "unbekannt"])
def test_a_placeholder_is_no_telephone_number(written):
    assert record_of(phone=written) == {}


def test_an_email_address_is_compared_in_small_letters_and_by_its_local_part():
    assert record_of(email=" J.Mueller@Example.DE ") == {"email": "j.mueller@example.de", "email_local": "j.mueller"}
    assert record_of(email="keine") == {}


@pytest.mark.parametrize("address", ["anna.boehm@example.de", "a.boehm1@example.de", "anna77@example.de"])
def test_a_local_part_that_is_made_of_the_name_says_nothing_beside_the_name(address):
    name = {"first_name": "Anna", "last_name": "Böhm"}
    assert "email_local" not in record_of(**name, email=address)
    assert record_of(**name, email="tiger7@example.de")["email_local"] == "tiger7"
    assert record_of(last_name="Li", email="linde@example.de")["email_local"] == "linde"


@pytest.mark.parametrize(
    ("account", "bank"),
    [
        ("DE89 3704 0044 0532 0130 00", "COBADEFFXXX"),
        ("de89370400440532013000", ""),
        ("532 013 000", "370 400 44"),
        ("0532013000", "37040044"),
    ],
)
def test_a_german_account_is_one_iban_however_it_is_written(account, bank):
    assert record_of(account_number=account, bank_code=bank) == {"iban": "DE89370400440532013000"}


def test_a_place_needs_postcode_and_city():
    assert record_of(postcode="76133", city="Karlsruhe")["place"] == "76133 karlsruhe"
    assert "place" not in record_of(postcode="76133")


@given(st.lists(st.lists(st.text(), min_size=11, max_size=11), min_size=1, max_size=5))
def test_customers_are_compared_alone_as_they_are_among_others(rows):
    together = model_columns(list(zip(*rows, strict=True)))
    alone = [model_columns([[value] for value in row]) for row in rows]
    for name in MODEL_COLUMNS:
        assert together[name] == [one[name][0] for one in alone]
        assert all(value is None or value.isascii() for value in together[name])

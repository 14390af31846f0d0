"""Small rules: guards of CSV cells, masks, numbers and domains, moments, before-images, limits of sessions."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.world import a_customer, fields

from custmerge.rules.compare import compare
from custmerge.rules.fields import EMPTY_DETAILS, Field, Package, wrong_with_number
from custmerge.rules.history import day_bounds, moment, stamp
from custmerge.rules.mask import masked, masked_comparison, masked_customer, masked_package
from custmerge.rules.people import Role, expires_at
from custmerge.rules.plan import Wishes, before_image, plan_merge
from custmerge.rules.records import (
    CONTACT_COLUMNS,
    contact_cells,
    contact_of,
    guard,
    guard_for_excel,
    problems_of_customer,
    problems_of_package,
    unguard,
    wrong_with_domain,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@given(st.text())
def test_a_guarded_cell_comes_back(cell):
    assert unguard(guard(cell)) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+49 721 1", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
def test_what_a_spreadsheet_would_run_is_guarded(cell):
    assert guard(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "Karlsruhe", "0721 1", "'n Kiosk", "a=b"])
def test_other_cells_stay_as_they_are(cell):
    assert guard(cell) == unguard(cell) == cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89…3000"),
        ("DE89370400440532013000", "DE89…3000"),
        ("532013000", "…3000"),
        ("37040044", "…0044"),
        ("1234", "…"),
        ("12", "…"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_bank_data_shows_its_last_four(value, shown):
    assert masked(value) == shown


def test_only_account_numbers_are_masked():
    customer = a_customer()
    shown = masked_customer(customer)
    assert [f for f in Field if shown[f] != customer[f]] == [Field.ACCOUNT_NUMBER]
    package = Package("P1", "10001", contact=customer.details)
    assert masked_package(package).contact == shown.details
    assert masked_package(Package("P1", "10001")).contact is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("12345\u200b67890", "…\u200b7890"),
        ("1\u200b2", "…\u200b"),
        ("\u2060DE89370400440532013000", "DE89…\u20603000"),
    ],
)
def test_what_is_drawn_as_nothing_is_not_masked(value, shown):
    assert masked(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("37040044", "37040044"),
        ("BLZ 370 400 44", "BLZ 370 400 44"),
        ("COBADEFFXXX", "COBADEFFXXX"),
        ("DE89370400440532013000", "DE89…3000"),
        ("Kto 532013000 BLZ 37040044", "…0044"),
    ],
)
def test_what_is_no_bank_code_but_an_account_is_masked_beside_it_too(value, shown):
    customer = a_customer().with_values({Field.BANK_CODE: value})
    assert masked_customer(customer)[Field.BANK_CODE] == shown


def test_a_masked_comparison_keeps_the_statuses_of_the_true_values():
    comparison = compare(a_customer(), a_customer("2", account_number="999013000"))
    shown = masked_comparison(comparison)
    assert [line.status for line in shown.fields] == [line.status for line in comparison.fields]
    assert {line.survivor for line in shown.fields if line.field == "account_number"} == {"…3000"}


@pytest.mark.parametrize("number", ["10001", "007", "K-2040", "ä1", "x" * 64])
def test_a_number_is_a_text(number):
    assert wrong_with_number(number) is None


@pytest.mark.parametrize("number", ["", " ", "1 2", "1\n", "1\u200b2", "1\x00", "x" * 65])
def test_a_number_has_no_space_and_nothing_invisible(number):
    assert wrong_with_number(number)


@pytest.mark.parametrize(
    "name", ["example.de", "müller.de", "xn--mller-kva.de", "a-b.c.example", "a_b.☕.de", "a.de."]
)
def test_domains_that_are_fine(name):
    assert wrong_with_domain(name) is None


@pytest.mark.parametrize(
    "name", ["", "a b.de", "a..de", ".de", "http://a.de", "a@b.de", "x" * 64 + ".de", "a.de\x1b"]
)
def test_what_is_no_domain(name):
    assert wrong_with_domain(name)


def test_a_customers_row_names_every_field_that_is_wrong():
    row = {"number": "1 2", "city": "U\0lm", "merged_into": "1 2", "password": "a", "password_hash": "b"}
    found = {problem.field for problem in problems_of_customer(row)}
    assert found == {"number", "city", "merged_into", "password", "password_hash"}


def test_no_problem_shows_a_secret():
    row = {"number": "1", "password": "geheim", "password_hash": "geheim"}
    assert all("geheim" not in problem.value for problem in problems_of_customer(row))


def test_a_packages_row_names_the_domain_that_is_none():
    (problem,) = problems_of_package({"package": "P", "number": "1", "domains": "gut.example nicht..gut"})
    assert (problem.field, problem.value) == ("domains", "nicht..gut")


def test_a_contact_is_all_eight_details_or_none():
    assert contact_of({"contact_city": ""}) is None
    assert contact_of({"contact_city": "Ulm"}) == ("", "", "Ulm", "", "", "", "", "")


@pytest.mark.parametrize("written", [{"contact_street": " "}, {"contact_city": "\t", "contact_email": "\u00a0 "}])
def test_white_space_alone_is_a_contact_whose_details_are_blank(written):
    assert "".join(contact_of(written)).strip() == ""


@given(st.none() | st.tuples(*[st.text(max_size=3)] * len(EMPTY_DETAILS)))
@example(EMPTY_DETAILS)
@example((" ", *EMPTY_DETAILS[1:]))
@example(("", " ", *EMPTY_DETAILS[2:]))
@pytest.mark.parametrize("mark", [guard, guard_for_excel])
def test_every_contact_comes_back_from_its_cells(mark, contact):
    cells = map(unguard, map(mark, contact_cells(contact)))
    assert contact_of(dict(zip(CONTACT_COLUMNS, cells, strict=True))) == contact


def test_moments_are_written_in_utc():
    assert stamp(datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-31T12:00:00Z"
    assert moment("2026-01-31T12:00:00Z") == NOON


def test_a_date_is_a_whole_day_and_a_moment_a_second():
    assert day_bounds("2026-01-31") == ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z")
    assert day_bounds("2026-01-31T12:00") == ("2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z")
    assert day_bounds("2026-01-31T12:00+01:00")[0] == "2026-01-31T11:00:00Z"


def test_a_before_image_holds_both_records_and_what_moves():
    package = Package("P1", "20002", domains=("a.example",), contact=a_customer().details)
    image = json.loads(before_image(plan_merge(a_customer(), a_customer("20002"), (package,), Wishes())))
    assert image["survivor"] == {"number": "10001", **fields()}
    assert image["absorbed"] == {"number": "20002", **fields()}
    assert image["packages"][0]["package"] == "P1"
    assert image["packages"][0]["domains"] == ["a.example"]
    assert image["packages"][0]["contact"]["city"] == "Karlsruhe"


@pytest.mark.parametrize(
    ("role", "created_before", "used_before", "lasts"),
    [
        (Role.CUSTOMER, timedelta(0), timedelta(0), timedelta(minutes=30)),
        (Role.AGENT, timedelta(0), timedelta(0), timedelta(hours=8)),
        (Role.AGENT, timedelta(hours=11), timedelta(0), timedelta(hours=1)),
        (Role.CUSTOMER, timedelta(hours=11, minutes=50), timedelta(0), timedelta(minutes=10)),
        (Role.SUPERVISOR, timedelta(hours=3), timedelta(hours=3), timedelta(hours=5)),
    ],
)
def test_a_session_ends_by_its_idle_or_its_absolute_limit(role, created_before, used_before, lasts):
    assert expires_at(role, NOON - created_before, NOON - used_before) == NOON + lasts

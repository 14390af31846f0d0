"""Contract §2, Comparing: the four statuses and the decision that follows from them."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer

from custmerge.rules.compare import Decision, Status, compare
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, IDENTITY_FIELDS, Customer

SAME, EQUIVALENT, DIFFERENT, BLOCKED = Status
records = st.lists(
    st.one_of(st.text(), st.sampled_from(["", "0721 91374-0", "+49721913740", "DE89370400440532013000", "a@B.de"])),
    min_size=len(FIELDS),
    max_size=len(FIELDS),
).map(lambda values: Customer("1", tuple(values)))


def status(field, mine, theirs, **others):
    comparison = compare(a_customer(**{field: mine}, **others), a_customer("20002", **{field: theirs}, **others))
    return next(line.status for line in comparison.fields if line.field == field)


def bank(mine, theirs):
    """The statuses of account number and bank code of two accounts."""
    names = ("account_number", "bank_code")
    comparison = compare(
        a_customer(**dict(zip(names, mine, strict=True))), a_customer(**dict(zip(names, theirs, strict=True)))
    )
    return tuple(line.status for line in comparison.fields if line.field in names)


def test_all_eleven_fields_come_in_their_order():
    assert [line.field for line in compare(a_customer(), a_customer()).fields] == list(FIELDS)


def test_identical_texts_are_same():
    assert {line.status for line in compare(a_customer(), a_customer()).fields} == {SAME}


@pytest.mark.parametrize("field", IDENTITY_FIELDS)
@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("Müller", "  müller ", EQUIVALENT),
        ("Müller", "Mu\u0308ller", EQUIVALENT),
        ("Anna  Maria", "anna\tmaria", EQUIVALENT),
        ("MÜLLER", "müller", EQUIVALENT),
        ("Müller", "Muller", BLOCKED),
        ("Müller", "Mueller", BLOCKED),
        ("Strasse", "Straße", BLOCKED),
        ("Anna", "\u0410nna", BLOCKED),
        ("Anna", "An\u200bna", BLOCKED),
        ("Sonnentau GmbH", "Sonnentau", BLOCKED),
        ("", "Anna", BLOCKED),
        ("", " ", EQUIVALENT),
    ],
)
def test_identity_is_compared_in_writing_only(field, mine, theirs, expected):
    assert status(field, mine, theirs) is expected


@pytest.mark.parametrize("field", ["phone", "mobile"])
@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("0721 91374-0", "+49 721 913740", EQUIVALENT),
        ("0721/913740", "0049 (0)721 913740", EQUIVALENT),
        ("0721 913740", "0721 913741", DIFFERENT),
        ("0721 913740", "+43 721 913740", DIFFERENT),
        ("0721 913740", "0721 913740 ext. 5", DIFFERENT),
        ("bitte nicht anrufen", "Bitte nicht anrufen", DIFFERENT),
        ("bitte nicht  anrufen", "bitte nicht anrufen", EQUIVALENT),
        ("", "0721 913740", DIFFERENT),
        ("0171 XXXXXXX", "0171 9999999", DIFFERENT),
        ("0721\u2009913740", "0721 91374\u202c0", EQUIVALENT),
    ],
)
def test_telephone_numbers_are_compared_as_e164_with_germany_as_default(field, mine, theirs, expected):
    assert status(field, mine, theirs) is expected


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("katrin@Sonnentau.Example", "katrin@sonnentau.example", EQUIVALENT),
        ("k@blümen-anders.example", "k@xn--blmen-anders-elb.example", EQUIVALENT),
        ("Katrin@sonnentau.example", "katrin@sonnentau.example", DIFFERENT),
        ("katrin@sonnentau.example", "katrin@sonnentau.de", DIFFERENT),
        ("k@kunde_1.blümen.example.", "k@kunde_1.xn--blmen-lva.example", EQUIVALENT),
        ("katrin", "katrin ", EQUIVALENT),
        ("", "katrin@sonnentau.example", DIFFERENT),
    ],
)
def test_of_a_mail_address_only_the_domain_is_folded(mine, theirs, expected):
    assert status("email", mine, theirs) is expected


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("Marktstr. 12", "Marktstraße 12", EQUIVALENT),
        ("Marktstrasse 12", "MARKTSTRASSE 12", EQUIVALENT),
        ("Berliner Str. 5", "Berliner Straße 5", EQUIVALENT),
        ("Marktstr. 12", "Marktstr. 13", DIFFERENT),
        ("Marktstr. 12", "Marktgasse 12", DIFFERENT),
        ("Strasser Weg 1", "Straßer Weg 1", DIFFERENT),
    ],
)
def test_the_end_of_a_street_word_is_one_however_it_is_written(mine, theirs, expected):
    assert status("street", mine, theirs) is expected


@pytest.mark.parametrize("field", ["postcode", "city"])
def test_case_and_white_space_of_postcode_and_city_do_not_count(field):
    assert status(field, " KARLSRUHE", "karlsruhe") is EQUIVALENT
    assert status(field, "76131", "76133") is DIFFERENT


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (("532013000", "37040044"), ("DE89370400440532013000", "")),
        (("0532013000", "370 400 44"), ("de89 3704 0044 0532 0130 00", "COBADEFF")),
        (("532013000", "37040044"), ("0532 013 000", "37040044")),
        (("DE89370400440532013000", ""), ("DE89370400440532013000", "COBADEFFXXX")),
        (("DE89370400440532013000", "COBADEHHXXX"), ("DE89370400440532013000", "37040044")),
        (("DE02200400000628808808", "COBADEFFXXX"), ("DE02200400000628808808", "COBADEHHXXX")),
        (("IBAN DE89 3704 0044 0532 0130 00", ""), ("532013000", "37040044")),
        (("IBAN: de89-3704-0044-0532-0130-00", ""), ("532013000", "37040044")),
        (("DE89\u20133704\u20130044\u20130532\u20130130\u201300", ""), ("532013000", "37040044")),
        (("12345", "GENODEF1S01"), ("0 12345", "genode f1 s01")),
        (("12345", "WELADEDD"), ("12345", "WELADEDDXXX")),
        (("12345", "COBADEFFXXX"), ("12345", "COBADEHH")),
        (("DE89370400440532013000", "GENODEF1S01"), ("DE89370400440532013000", "GENODEM1DUS")),
        (("DE08700901001234567890", "GENODEF1M04"), ("DE08700901001234567890", "GENODEFF")),
        (("DE08700901001234567890", "GENODEF1M04"), ("1234567890", "70090100")),
    ],
)
def test_konto_and_bankleitzahl_are_the_iban_that_they_give(mine, theirs):
    assert DIFFERENT not in bank(mine, theirs)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (("532013000", "37040044"), ("532013001", "37040044")),
        (("532013000", "37040044"), ("532013000", "50010517")),
        (("532013000", "37040044"), ("DE89370400440532013000", "INGDDEFFXXX")),
        (("DE89370400440532013000", "COBADEFFXXX"), ("DE89370400440532013000", "DEUTDEFFXXX")),
        (("DE89370400440532013000", "COBADEFFXXX"), ("DE89370400440532013000", "COBAATFFXXX")),
        (("532013000", "37040044"), ("DE88370400440532013000", "")),
        (("532013000", "37040044"), ("", "")),
        (("12345", "GENODEF1S01"), ("12345", "GENODEM1DUS")),
        (("12345", "GENODEF1S01"), ("0012345", "GENODEF1")),
        (("12345", "SOLADEST600"), ("12345", "SOLADES1KNZ")),
        (("", "GENODEF1S01"), ("", "GENODEM1DUS")),
        (("12345", "RZTIAT22263"), ("12345", "RZTIAT22208")),
        (("12345", "RBABCH22822"), ("12345", "RBABCH22850")),
        # Texts that begin like a BIC, or look like what stands for one.
        (("DE22661900000012345678", "GENODE61KA1"), ("DE22661900000012345678", "GENODE61KA1 gesperrt")),
        (("DE22661900000012345678", ""), ("DE22661900000012345678", "GENODE-Konto der Ex-Frau")),
        (("DE22661900000012345678", "GENODE61KA1"), ("DE22661900000012345678", "GENODEX0000 Bank of Nowhere")),
        (("12345", "COBADE*"), ("12345", "COBADEFFXXX")),
        # Words as long as a BIC.
        (("123456", "Sparkasse KA"), ("123456", "Sparkasse HD")),
        (("123456", "Volksbank KA"), ("123456", "Volksbank MA")),
        (("123456", "VOLKSBANKKA"), ("123456", "VOLKSBANKMA")),
        (("123456", "Postbank"), ("123456", "Postbaxx")),
        (("123456", "CO BA DE FF"), ("123456", "CO BA DE HH")),
    ],
)
def test_another_account_differs(mine, theirs):
    assert DIFFERENT in bank(mine, theirs)


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, Decision.IDENTICAL),
        ({"street": "MARKTSTRASSE 12"}, Decision.IDENTICAL),
        ({"street": "Gartenweg 3"}, Decision.CHOOSE),
        ({"company": "Sonnentau OHG"}, Decision.BLOCKED),
        ({"company": "Sonnentau OHG", "street": "Gartenweg 3"}, Decision.BLOCKED),
    ],
)
def test_the_decision_follows_from_the_statuses(changes, decision):
    assert compare(a_customer(), a_customer("20002", **changes)).decision is decision


def test_what_blocks_and_what_differs_is_named_in_the_order_of_the_fields():
    theirs = a_customer("20002", last_name="Roth", company="OHG", email="x@y.example", street="Weg 1")
    comparison = compare(a_customer(), theirs)
    assert comparison.blocked_by == ("company", "last_name")
    assert comparison.different == ("street", "email")


@given(records, records)
def test_comparing_is_symmetric(mine, theirs):
    there, back = compare(mine, theirs), compare(theirs, mine)
    assert [line.status for line in there.fields] == [line.status for line in back.fields]


@given(records)
def test_every_record_is_the_same_as_itself(record):
    assert {line.status for line in compare(record, record).fields} == {SAME}


@given(records, records)
def test_identity_blocks_and_details_differ(mine, theirs):
    for line in compare(mine, theirs).fields:
        assert line.status is not (DIFFERENT if line.field in IDENTITY_FIELDS else BLOCKED)


def test_details_and_identity_are_all_fields():
    assert (*IDENTITY_FIELDS, *DETAIL_FIELDS) == FIELDS


def test_equal_texts_do_not_pay_for_a_parser():
    program = """
import sys
from custmerge.rules.compare import compare
from custmerge.rules.fields import Customer
values = ("", "a", "b", "c", "1", "d", "0721 1", "0171 1", "ä@ö.de", "DE89370400440532013000", "COBADEFF")
compare(Customer("1", values), Customer("2", values))
print([name for name in ("phonenumbers", "schwifty", "idna", "email_validator") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

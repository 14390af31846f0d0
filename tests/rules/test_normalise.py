"""The keys of equivalence: no text makes one raise, and a key is its own key."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custmerge.rules import normalise

KEYS = [
    normalise.white_space,
    normalise.lower,
    normalise.street,
    normalise.phone,
    normalise.email,
    normalise.domain_name,
    normalise.domain_in_ascii,
    normalise.account_number,
    normalise.bank_code,
]
OF_TEXT = [key for key in KEYS if key not in (normalise.phone, normalise.email)]
named = {"ids": lambda key: key.__name__}
# Surrogates too: they come out of file names and arguments that aren't UTF-8.
anything = st.text(st.characters(codec=None))
# An area code begins with a digit that is no zero; what doesn't isn't a number that anybody can be called on.
numbers = st.from_regex(r"0[1-9][0-9]{1,4}[-/ ]?[0-9]{3,8}", fullmatch=True)


@pytest.mark.parametrize("key", KEYS, **named)
@given(text=anything)
@example(text="\ud800@\ud800")
@example(text="a@" + "ö" * 300)
@example(text="a@xn--")
@example(text="0" * 5000)
def test_no_text_whatsoever_raises(key, text):
    key(text)


@given(anything, anything)
@example("DE89370400440532013000", "\udcff")
@example("ZZ00" + "A" * 20, "")
def test_no_account_whatsoever_raises(account, code):
    normalise.bank(account, code)


@pytest.mark.parametrize("key", OF_TEXT, **named)
@given(text=anything)
@example(text="İ")
@example(text="ǰ\u0323")
def test_normalising_is_idempotent(key, text):
    assert key(key(text)) == key(text)


@given(numbers)
def test_an_e164_number_is_its_own_key(text):
    kind, number, extension = normalise.phone(text)
    assert kind == "phone"
    assert normalise.phone(number) == (kind, number, extension)


@given(st.text())
def test_lower_is_what_the_contract_says(text):
    composed = " ".join(unicodedata.normalize("NFC", text).split()).lower()
    assert normalise.lower(text) == unicodedata.normalize("NFC", composed)


@given(st.integers(0, 9_999_999_999), st.integers(10_000_000, 99_999_999))
def test_konto_and_bankleitzahl_have_the_key_of_their_iban(konto, bankleitzahl):
    iban = _iban(f"{bankleitzahl}{konto:010}")
    assert normalise.bank(str(konto), str(bankleitzahl)) == normalise.bank(iban, "")
    assert normalise.bank(f"{konto:010}", str(bankleitzahl)) == normalise.bank(f"{iban[:4]} {iban[4:]}".lower(), "")


def _iban(bban):
    # ISO 13616: 98 minus the rest by 97 of the number with DE00 (131400) behind it.
    return f"DE{98 - int(bban + '131400') % 97:02}{bban}"


shared = st.sampled_from(
    ["GENODE", "WELADE", "NOLADE", "BYLADE", "SOLADE", "HELADE", "MALADE", "BRLADE", "SALADE"]
).flatmap(lambda group: st.from_regex(r"[A-Z0-9]{2}([A-Z0-9]{3})?", fullmatch=True).map(lambda end: group + end))


@given(st.integers(0, 9_999_999_999).map(str), shared, shared)
@example("12345", "GENODEF1S01", "GENODEM1DUS")
@example("12345", "GENODEF1", "GENODEF1XXX")
def test_a_konto_at_two_banks_of_a_group_is_two_accounts(konto, mine, theirs):
    is_one = mine.ljust(11, "X") == theirs.ljust(11, "X")
    assert (normalise.bank(konto, mine) == normalise.bank(konto, theirs)) == is_one
    assert (normalise.bank_code(mine) == normalise.bank_code(theirs)) == is_one


@given(shared, st.from_regex(r"GENODE[A-Z0-9]{2}([A-Z0-9]{3})?", fullmatch=True))
def test_beside_an_iban_a_bic_of_a_group_counts_by_its_first_letters(mine, theirs):
    iban = "DE89370400440532013000"
    assert (normalise.bank(iban, mine) == normalise.bank(iban, theirs)) == (mine[:6] == "GENODE")


@pytest.mark.parametrize(
    ("mine", "theirs"), [("Weiß", "WEISS"), ("\u0131", "i"), ("\u017f", "s"), ("\ufb01", "fi"), ("\u0149", "\u02bcn")]
)
def test_letters_that_only_capitals_make_alike_are_two_in_a_text_beside_a_bank_account(mine, theirs):
    assert normalise.account_number(mine) != normalise.account_number(theirs)
    assert normalise.bank_code(f"Bankhaus {mine}") != normalise.bank_code(f"Bankhaus {theirs}")
    assert normalise.bank("", f"Bankhaus {mine}") != normalise.bank("", f"Bankhaus {theirs}")


def test_leading_zeros_count_in_nothing_but_a_konto():
    assert normalise.account_number("000123") == normalise.account_number("123")
    assert normalise.lower("007") != normalise.lower("7")


ACCOUNTS = st.text("0012", max_size=14) | st.sampled_from(["DE89370400440532013000", "532013000", "0532013000", "٣"])
CODES = st.sampled_from(["", "37040044", "70050000", "COBADEFF", "x"])


@given(ACCOUNTS, CODES, ACCOUNTS, CODES)
def test_accounts_that_are_surely_different_have_different_keys(mine, my_code, theirs, their_code):
    if normalise.surely_different_accounts(mine, theirs):
        assert normalise.bank(mine, my_code) != normalise.bank(theirs, their_code)
        assert normalise.account_number(mine) != normalise.account_number(theirs)


def test_two_numbers_are_surely_different_accounts():
    assert normalise.surely_different_accounts("532013000", "0532013001")
    assert not normalise.surely_different_accounts("532013000", "0532013000")
    assert not normalise.surely_different_accounts("532013000", "DE89370400440532013000")

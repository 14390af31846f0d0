"""What a spreadsheet makes of a cell, what it has already made of one, and what a wrong decoding did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.records import (
    guard,
    guard_for_excel,
    may_be_damaged,
    unguard,
    wrong_with_decoding,
    wrong_with_digits,
)

pieces = st.sampled_from(
    ["'", "=", "+", "-", "@", "\t", "0", "49", "1.", ",5", "E+11", "Mai", " ", "x", "WAHR", "€", "\n"]
)
cells = st.one_of(st.text(), st.lists(pieces, max_size=6).map("".join))


@given(cells)
def test_every_cell_comes_back_from_both_guards(cell):
    assert unguard(guard(cell)) == cell
    assert unguard(guard_for_excel(cell)) == cell


NUMBERS = ["0049", "10001", "00123456789012345678", "0721 91374-0", "1.234,50 €", "50 %", "1E5", "4,91711E+11", "(5)"]
DATES = ["1-2", "12/5", "1. Mai", "3. Mär 2026", "10:30", "WAHR", "false"]
FORMULAS = ["=1+1", "+49 721 1", "@x", "-5", "'=1"]


@pytest.mark.parametrize("cell", [*NUMBERS, *DATES, *FORMULAS, "'0049"])
def test_what_excel_would_run_or_turn_into_a_number_gets_a_mark(cell):
    assert guard_for_excel(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell", ["", "Karlsruhe", "Hof 1", "1. FC Köln", "68er", "'n Kiosk", "DE89370400440532013000"]
)
def test_what_excel_leaves_alone_gets_none(cell):
    assert guard_for_excel(cell) == cell


@pytest.mark.parametrize("character", ["'", "1", "jan", "."])
def test_a_long_cell_is_judged_at_once(character):
    # Tried in every way it would take longer than anybody waits.
    for end in ("", "x"):
        cell = character * 200_000 + end
        assert unguard(guard_for_excel(cell)) == cell


@pytest.mark.parametrize("cell", ["4,91711E+11", "4.91711E+11", "1E+11", "4,91711e+11", " -1,5E+19 "])
def test_a_number_that_lost_its_digits_is_known(cell):
    assert wrong_with_digits(cell)
    assert may_be_damaged(f"Ulm\n{cell}\n")


@pytest.mark.parametrize("cell", ["491711000000", "4E10", "1E5", "E+11", "Haus 1E+11", "+49 721 1"])
def test_other_numbers_are_none_that_lost_digits(cell):
    assert wrong_with_digits(cell) is None


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "text",
    ["Köln", "KÖLN", "Müller", "MÜLLER", "Straße", "Ärzte", "Café", "Özdemir", "François", "§ 5", "„Hof“", "12 €"],
)
def test_utf_8_that_was_read_as_another_encoding_is_known(text, encoding):
    decoded = text.encode().decode(encoding, "replace")
    assert wrong_with_decoding(decoded)
    assert may_be_damaged(f"Ulm\n{decoded}\n")
    assert wrong_with_decoding(text) is None


def test_what_a_decoder_could_not_read_is_known():
    assert wrong_with_decoding("M\ufffdller")
    assert may_be_damaged("Ulm\nM\ufffdller\n")


PORTUGUESE = ["JOÃO", "SÃO PAULO", "MAÇÃ", "»MAÇÃ«", "„MAÇÃ“", "“MAÇÃ”", "MAÇÃ’S", "IRMÃ – Loja", "Ã"]
OTHERS = ["Âge d'or", "PÂTÉ", "château", "Ångström", "ÄÖÜ", "naïve", "Łódź", "Kräkør", "â"]


@pytest.mark.parametrize("name", [*PORTUGUESE, *OTHERS])
def test_letters_that_names_have_are_no_sign_of_it(name):
    assert wrong_with_decoding(name) is None

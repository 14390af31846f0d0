"""Contract §2: a telephone number is what its digits say, and a text with letters is none."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custmerge.rules.normalise import phone, surely_different_phones

UNSEEN = "\u2009\u202f\u2007\u00a0\u3000\t\n\r \u200e\u202c\u00ad\u200b\u2060\ufeff\ufe0f\u034f\u3164\u2800"
written = st.one_of(
    st.text(st.sampled_from("0123456789+ -/().4900xX#ext\u0663\uff11\u2009"), max_size=18),
    st.from_regex(r"(\+|00) ?[0-9]{1,4}[ 0-9/()-]{0,14}[0-9]", fullmatch=True),
    st.from_regex(r"\(?(\+ ?49|00 ?49|0)[ 0-9/().-]{3,14}", fullmatch=True),
)


@pytest.mark.parametrize(
    "text", ["0171 XXXXXXX", "0171 geheim", "abc 0721 913740", "0721 913740 (Büro)", "0171 ｘｘｘ"]
)
def test_a_text_with_letters_is_no_number(text):
    assert phone(text) == ("text", text)


@pytest.mark.parametrize("character", ["\U0001ccf7", "\ue000", "\U0010fffd"])
def test_a_character_that_may_be_drawn_as_anything_counts(character):
    assert phone(f"0171 123456{character}") != phone("0171 123456")


@pytest.mark.parametrize(
    ("text", "number"), [("0171 XXXXXXX", "0171 9999999"), ("0171 geheim", "0171 434346"), ("0171 2²34", "0171 2234")]
)
def test_no_character_but_a_digit_stands_for_a_digit(text, number):
    assert phone(text) != phone(number)


@pytest.mark.parametrize("mark", UNSEEN)
@given(text=written, places=st.lists(st.integers(0, 18), min_size=1, max_size=3))
@example(text="0721 913740", places=[0, 4, 11])
@example(text="+49 721 913740 ext. 5", places=[1, 16, 18])
def test_white_space_and_invisible_marks_do_not_count_in_a_number(mark, text, places):
    marked = list(text)
    for place in places:
        marked.insert(place, mark)
    if phone(text)[0] == "phone":
        assert phone("".join(marked)) == phone(text)


@pytest.mark.parametrize(
    "text",
    [
        "+49 (0) 721 913740",
        "00 49 721 913740",
        "0049 (0)721/913740",
        "0721//913740",
        "0721 – 913740",
        "(0721) 91374-0",
        "٠٧٢١ ٩١٣٧٤٠",
        "０７２１／９１３７４０",
        "＋４９　７２１　９１３７４０",
    ],
)
def test_one_number_has_one_key_however_it_is_written(text):
    assert phone(text) == ("phone", "+49721913740", "")


@pytest.mark.parametrize(
    "extension",
    ["ext. 5", "ext5", "x 5", "#5", ";ext=5", "int 5", "Durchwahl 5", "DW 5", "-DW5", "(App. 5)", "Nst. 5", "/ x5"],
)
def test_an_extension_is_told_by_its_word(extension):
    assert phone(f"0721 913740 {extension}") == ("phone", "+49721913740", "5")


def test_digits_that_are_no_number_are_compared_without_what_nobody_sees():
    assert phone("0721 913740 / 0171 5550142") == phone("0721913740/\u200e01715550142")


@given(written, written)
@example("0112", "+49112")
@example("+54 3492 15", "+54 9 3492")
@example("0721 1234/5678", "0721 1234")
@example("0721 91374-0", "0721 91374-1")
def test_what_is_surely_another_number_has_another_key(mine, theirs):
    if surely_different_phones(mine, theirs):
        assert phone(mine) != phone(theirs)


def test_most_other_german_numbers_and_missing_ones_are_told_apart_unparsed():
    assert surely_different_phones("", "0171 5550121")
    assert surely_different_phones("0721 91374-0", "+49 (0)171 5550142")

"""Characters that can't be seen or told apart, and marks in a row."""

import json
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.cli.language import json_safe, visible
from custmerge.cli.render.text.characters import character_remarks
from custmerge.cli.render.text.parts import value_or_dash
from custmerge.rules import normalise
from custmerge.rules.characters import DEFAULT_IGNORABLE, has_too_many_marks, is_hidden, look_alikes
from custmerge.rules.records import problems_of_customer, problems_of_package

NAMED = "\ufe0f\u034f\u3164\u115f\u1160\uffa0\u2800\u00ad\u180e\u180b\u17b4\u061c\u2065\U000e0100\U000e0041\U0001d159"
WORDS = ("INVISIBLE", "ZERO WIDTH", "VARIATION SELECTOR", "FILLER", "JOINER", "SOFT HYPHEN", "VOWEL SEPARATOR")


@pytest.mark.parametrize("character", NAMED)
def test_what_is_drawn_as_nothing_is_written_out(character):
    assert visible(f"Mül{character}ler").isprintable()
    assert character not in visible(f"Mül{character}ler")
    assert character not in json_safe(json.dumps(character, ensure_ascii=False))
    assert json.loads(json_safe(json.dumps(character, ensure_ascii=False))) == character


def test_the_ignorable_ranges_are_sorted_and_as_many_as_unicode_counts():
    edges = [edge for ends in DEFAULT_IGNORABLE for edge in ends]
    assert edges == sorted(edges)
    # DerivedCoreProperties.txt: "Total code points: 4174".
    assert sum(last - first + 1 for first, last in DEFAULT_IGNORABLE) == 4174


def test_whatever_python_knows_to_be_invisible_by_name_is_hidden():
    seen = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Mn", "Lo", "Cf", "Cc", "Mc")
        and unicodedata.name(chr(code), "").startswith(WORDS)
        and not is_hidden(chr(code))
    ]
    assert seen == []


@given(st.text(st.characters(codec=None)))
def test_json_says_the_same_with_its_escapes(text):
    assert json.loads(json_safe(json.dumps(text, ensure_ascii=False))) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_hidden_is_left_of_a_visible_text(text):
    assert not any(map(is_hidden, visible(text)))


@pytest.mark.parametrize(
    ("value", "other", "remarks"),
    [
        ("Müller\ufe0f", "Müller", ["invisible character U+FE0F"]),
        ("Müller", "Müller\ufe0f", []),
        ("\u0410nna", "Anna", ["Cyrillic \u0410"]),
        ("кат", "kat", ["Cyrillic к", "Cyrillic а", "Cyrillic т"]),
        ("kat", "кат", []),
        ("ΚΑΤ", "кат", ["Greek Κ", "Greek Α", "Greek Τ"]),
        ("\u04e6\u0421\u041e", "\u00d6CO", ["Cyrillic \u04e6", "Cyrillic \u0421", "Cyrillic \u041e"]),
        ("\u03cc", "\u00f3", ["Greek \u03cc"]),
        ("\u00e9", "e", []),
        ("Иван", "Ivan", []),
        ("Иван", "Пётр", []),
        ("\U0001d400nna", "Anna", ["look-alike U+1D400"]),
        ("Müller\u2010Lüden", "Müller-Lüden", ["look-alike U+2010"]),
        ("Müller\u2011Lüden", "Müller-Lüden", ["look-alike U+2011"]),
        ("M\u02bcax", "M'ax", ["look-alike U+02BC"]),
        ("A\u2044B", "A/B", ["look-alike U+2044"]),
        ("A\ua789B", "A:B", ["look-alike U+A789"]),
        ("\ua4df\ua4ee\ua4eb", "MAX", ["look-alike U+A4DF", "look-alike U+A4EE", "look-alike U+A4EB"]),
        ("\u2c9e\u2ca4", "OC", ["look-alike U+2C9E", "look-alike U+2CA4"]),
        ("mu\u0308ller@x.example", "müller@x.example", ["the same letters, composed in another way"]),
        ("Gri\ufb00in", "Griffin", ["look-alike U+FB00"]),
        ("Heinrich \u2167", "Heinrich VIII", ["look-alike U+2167"]),
        ("\u00d0uro", "\u0110uro", ["look-alike U+00D0"]),
        ("Ok\u02bba", "Ok\u2018a", ["look-alike U+02BB"]),
        ("Huber\ufffc", "Huber", ["invisible character U+FFFC"]),
        ("a\u00a0b@x.example", "a b@x.example", ["white space U+00A0"]),
        ("a b@x.example", "c d@x.example", []),
        ("\u200b\u200c\u200d\u2060\ufeff\u00ad", "", [*(f"invisible character U+{c}" for c in
         ("200B", "200C", "200D", "2060", "FEFF")), "…"]),
    ],
)  # fmt: skip
def test_a_person_is_told_what_nobody_sees(value, other, remarks):
    assert character_remarks(value, other) == remarks


@pytest.mark.parametrize("dash", "‐‒–—―−⁃")
def test_a_value_that_looks_like_none_is_written_out(dash):
    assert value_or_dash(dash).startswith("\\u")
    assert value_or_dash("") == "–"
    assert value_or_dash(f"a{dash}b") == f"a{dash}b"


@given(st.text(), st.text())
def test_looking_alike_is_mutual(mine, theirs):
    assert bool(look_alikes(mine, theirs)) == bool(look_alikes(theirs, mine))


@pytest.mark.parametrize("count", [30, 31])
@pytest.mark.parametrize("before", range(0, 40, 13))
def test_marks_in_a_row_are_limited_as_in_the_stream_safe_format(count, before):
    text = "x" * before + "a" + "\u0301\u0323" * (count // 2) + "\u0301" * (count % 2) + "bc"
    assert has_too_many_marks(text) is (count > 30)
    problems = [problem.field for problem in problems_of_customer({"number": "1", "city": text, "password": text})]
    assert problems == (["city", "password"] if count > 30 else [])
    assert [problem.field for problem in problems_of_package({"package": "P", "number": "1", "name": text})] == (
        ["name"] if count > 30 else []
    )


def test_the_longest_field_has_1000_characters_and_the_longest_number_60():
    assert not problems_of_customer({"number": "1" * 60, "city": "x" * 1000, "street": "y" * 1000})
    found = problems_of_customer({"number": "1" * 61, "city": "x" * 1001, "merged_into": "2" * 61})
    assert {problem.field for problem in found if "longer" in problem.why} == {"number", "city", "merged_into"}
    found = problems_of_package({"package": "1" * 61, "number": "1", "name": "x" * 1001, "contact_city": "x" * 1001})
    assert [problem.field for problem in found] == ["package", "name", "contact_city"]
    many = " ".join(f"d{number}.example" for number in range(500))
    assert not problems_of_package({"package": "P", "number": "1", "domains": many})


@pytest.mark.parametrize("number", ["1\ufe0f", "1\u3164", "1\u2800", "1\u034f"])
def test_an_import_brings_no_number_with_anything_invisible(number):
    assert [problem.field for problem in problems_of_customer({"number": number})] == ["number"]


@pytest.mark.parametrize("key", ["white_space", "lower", "street", "phone", "email", "account_number", "bank_code",
                                 "domain_in_ascii", "domain_name"])  # fmt: skip
def test_what_an_old_database_holds_does_not_hang_a_comparison(key):
    assert getattr(normalise, key)("a\u0301") != getattr(normalise, key)("a\u0323")
    # Composing this takes minutes, and can't be interrupted.
    program = f"""
from custmerge.rules import normalise
marks = "\\u0301\\u0323" * 100_000
for text in ("a" + marks, "a@" + marks, "0721" + marks):
    normalise.{key}(text)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)

"""Which passwords staff can choose: long, not guessed at once, and no other rules (contract §5, NIST SP 800-63B)."""

import unicodedata

import pytest

from custmerge.rules.passwords import normal, writings, wrong_with_password

COMMON = ("qazwsxedcrfv", "passwort")


def wrong(password, *, name="katrin.vogelsang", host="db7.hosting.example"):
    return wrong_with_password(password, name=name, host=host, common=COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "aaaa bbbb cccc dddd",
        "zwölf zeichen und mehr",
        "abc-def-ghi-jkl",
        "12345678 ist zu kurz",
        "korrektes-pferd-batterie",
        "x" * 1023 + "y",
    ],
)
def test_there_are_no_rules_of_what_a_password_has_to_have(password):
    assert wrong(password) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "is empty"),
        ("elfzeichen1", "shorter than 12"),
        ("x" * 1023 + "yz", "longer than 1,024"),
        ("zwoelf\0zeichen", "NUL"),
        ("aaaaaaaaaaaa", "one repeated character"),
        ("aAaAaAaAaAaA", "one repeated character"),
        (" " * 12, "blanks"),
        ("\u200b\u00a0\u2003\t" * 3, "blanks"),
        ("a           ", "one repeated character"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12", "sequence"),
        ("passwort\u200b\u200b\u200b\u200b", "most common"),
        ("p a s s w o r t", "most common"),
        ("QAZwsxEDCrfv", "most common"),
        (" qazwsxedcrfv ", "most common"),
        ("passwortpasswort", "most common"),
        ("PasswortPass", "most common"),
        ("123456789012", "sequence"),
        ("098765432109", "sequence"),
        ("abcdefabcdef", "sequence"),
        ("111222333444", "sequence"),
        ("121212121212", "sequence"),
        ("QWERTZUIOPÜASDF", "sequence"),
        ("poiuytrewq12345", "sequence"),
        ("mein-CustMerge!", "name of this program"),
        ("cust-merge-2026", "name of this program"),
        ("localhost1234", "name of this computer"),
        ("geheim-auf-DB7.hosting.example", "name of this computer"),
        ("Katrin.Vogelsang1", "name of the person"),
        ("die-KATRIN-hier", "name of the person"),
        ("\uff2b\uff41\uff54\uff52\uff49\uff4e.Vogelsang1", "name of the person"),
        ("\uff43\uff55\uff53\uff54merge-hier", "name of this program"),
        ("cust\u200bmerge-hier", "name of this program"),
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused_with_the_reason(password, why):
    assert why in wrong(password)


def test_a_password_of_many_marks_is_refused_at_once():
    assert "longer than 1,024" in wrong("a" + "\u0316\u0301" * 400_000)


def test_a_short_name_is_in_many_a_good_password_by_chance():
    assert wrong("neue-webseite-99", name="eva", host="web") is None
    assert wrong("abendessen-mit-freunden", name="ben") is None
    assert wrong("benchmark-im-garten", name="ben") is None
    assert "computer" in wrong("neue-webserver-99", name="eva", host="webserver")


@pytest.mark.parametrize(
    ("password", "name"),
    [
        ("boss-Passw0rd-1", "boss"),
        ("emma12345678", "emma"),
        ("wir-und-ben-hier", "ben"),
        ("boss-boss-boss", "boss"),
        ("bossBoss1234", "boss"),
        ("evaEvaEVA-eva1", "eva"),
    ],
)
def test_a_short_name_counts_where_little_else_is_left(password, name):
    assert "person" in (wrong(password, name=name) or "")


def test_a_name_is_the_same_composed_or_not():
    assert "person" in wrong(unicodedata.normalize("NFD", "die-Jörgensen-hier"), name="jörgensen")


def test_a_password_has_as_many_characters_as_its_composed_writing():
    assert "shorter" in wrong(unicodedata.normalize("NFD", "ääöüäöüäöüä"))


def test_each_writing_of_a_password_is_tried_once_and_the_typed_one_first():
    composed, decomposed = "grün", unicodedata.normalize("NFD", "grün")
    assert writings(composed) == (composed, decomposed)
    assert writings(decomposed) == (decomposed, composed)
    assert writings("gruen") == ("gruen",)
    assert normal(decomposed) == composed

"""The identity key is equal if and only if a merge finds every identity field the same or equivalent."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custmerge.rules.compare import compare
from custmerge.rules.duplicates.exact_key import LONGEST, identity_key
from custmerge.rules.fields import EMPTY_DETAILS, Customer

# Writings of few names, so that many pairs are equal: capitals, decomposed, white space, odd small letters.
NAMES = st.sampled_from(
    [
        *("", " ", "\t", "\u2003", "Müller", "MÜLLER", "mu\u0308ller", " Müller\u00a0", "Muller", "M\u200büller"),
        *("İpek", "i\u0307pek", "ipek", "IPEK", "ıpek", "Σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ", "Straße", "STRASSE"),
        *("Anna  Maria", "anna\tMARIA", "Anna Maria", "Anna\nMaria", "AnnaMaria", "ﬁ", "fi", "a" * 400),
    ]
)
TEXTS = NAMES | st.text(st.characters(codec="utf-8"), max_size=8)
IDENTITIES = st.tuples(TEXTS, TEXTS, TEXTS)


def record(number, identity):
    return Customer(number, (*identity, *EMPTY_DETAILS))


@given(IDENTITIES, IDENTITIES)
@example(("", "Ute", "MÜLLER"), (" ", "ute", "Mu\u0308ller"))
@example(("İ", "", ""), ("i\u0307", "", ""))
@example(("ΟΔΟΣ", "", ""), ("οδος", "", ""))
@example(("a", "b", ""), ("a b", "", ""))
@example(("a\nb", "", ""), ("a", "b", ""))
@example(("", "a", ""), ("", "", "a"))
def test_keys_are_equal_where_no_identity_field_is_blocked(one, other):
    left, right = identity_key(one), identity_key(other)
    is_blocked = bool(compare(record("1", one), record("2", other)).blocked_by)
    has_names = left is not None and right is not None
    assert (left == right) is not is_blocked
    # Two records without any name aren't blocked, and nobody's duplicates.
    assert has_names or left is None or is_blocked


@given(IDENTITIES)
def test_a_key_is_the_key_of_its_own_fields(identity):
    key = identity_key(identity)
    if key is not None and not key.startswith("sha256:"):
        assert identity_key(key.split("\n")) == key


@given(st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=1_000)] * 3))
def test_no_key_is_too_long_for_an_index(identity):
    assert len((identity_key(identity) or "").encode()) <= LONGEST


@pytest.mark.parametrize("empty", [("", "", ""), (" ", "\t\n", "\u2003")])
def test_a_record_without_any_name_has_no_key(empty):
    assert identity_key(empty) is None


def test_long_names_have_keys_of_their_own():
    assert identity_key(("a" * 999, "b", "")) != identity_key(("a" * 999, "c", ""))
    assert identity_key(("A" * 1_000, "b", "")) == identity_key(("a" * 1_000, " b ", ""))

"""Contract §2: a domain is one name however it is written, label by label."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from custmerge.rules.normalise import domain_in_ascii, domain_name, email
from custmerge.rules.records import wrong_with_domain

# Letters that change with their case or in NFC, what UTS 46 maps, ignores or refuses, and pieces of A-labels.
ODD = "aAüÜßẞÉ\u0308\u0301\u0344\u00ad\ufe0f\u200d☕_-x0 ΚΣςσİıſ\uab70\u13a0\U0001f600\uff21\u0378\ud800"
labels = st.one_of(
    st.text(st.characters(codec=None), max_size=8),
    st.text(st.sampled_from(ODD), max_size=10),
    st.text(st.sampled_from(ODD), max_size=6).map(lambda text: "xn--" + text),
)
unicode_labels = labels.map(domain_name).filter(lambda name: not name.isascii() and "." not in name)
domains = st.lists(labels, max_size=4).map(".".join)


def a_label(label):
    return "xn--" + label.encode("punycode").decode("ascii")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kunde_1.müller.example", "kunde_1.xn--mller-kva.example"),
        ("☕.example", "xn--53h.example"),
        ("☕\ufe0f.example", "xn--53h.example"),
        ("ab--ü.example", "xn--ab---3ra.example"),
        ("mu\u0308ller.example", "müller.example"),
        ("MÜLLER。example", "müller.example"),
        ("müller\uff0eexample", "XN--MLLER-KVA.Example"),
        ("ｍüller.example.", "müller.example"),
        ("a.example.", "A.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("t\u1fb4.example", "t\u03b1\u0345\u0301.example"),
        ("क्\u200dष.example", "xn--11b2ezcw70k.example"),
        ("نامه\u200cای.example", "xn--mgba3gch31f060k.example"),
    ],
)
def test_two_writings_are_one_domain(one, other):
    assert domain_in_ascii(one) == domain_in_ascii(other)
    assert email(f"info@{one}") == email(f"info@{other}")
    assert not wrong_with_domain(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("faß.example", "fass.example"), ("müller.example", "mueller.example"), ("xn--a.example", "a.example")],
)
def test_other_domains_stay_apart(one, other):
    assert domain_in_ascii(one) != domain_in_ascii(other)


@given(domains)
@example("ΟΔΟΣ.example")
@example("xn--")
@example("a." + "ü" * 300)
def test_the_key_of_a_domain_is_its_own_key_and_that_of_its_name(text):
    key, name = domain_in_ascii(text), domain_name(text)
    assert domain_in_ascii(key) == key
    assert domain_name(name) == name
    assert domain_in_ascii(name) == key


@given(unicode_labels)
def test_a_u_label_and_its_a_label_have_one_key(label):
    assert domain_in_ascii(a_label(label)) == domain_in_ascii(label) == a_label(label)
    assert domain_in_ascii(a_label(label).upper()) == a_label(label)


@given(domains, domains)
def test_the_key_is_made_label_by_label(one, other):
    assume(other.strip(".") and domain_in_ascii(other) and domain_in_ascii(one + ".x") == domain_in_ascii(one) + ".x")
    assert domain_in_ascii(f"{one}.{other}") == f"{domain_in_ascii(one)}.{domain_in_ascii(other)}"


@given(domains)
def test_a_domain_that_is_let_in_is_one_for_dns(text):
    if wrong_with_domain(text) is None:
        key = domain_in_ascii(text)
        assert key.isascii()
        assert len(key) <= 253
        assert all(0 < len(label) <= 63 for label in key.split("."))


@pytest.mark.parametrize(
    "name",
    [
        # 60 letters, and 65 in DNS.
        "ü" * 60 + ".example",
        ".".join(["müller"] * 20) + ".example",
        # Mapped to what can't be in a name.
        "a\uff0fb.example",
        "a\uff20b.example",
        "a\u3000b.example",
        "a\u2800b.example",
        "a" + "\u0308" * 31 + ".example",
        "a" * 80_000,
        ".",
    ],
)
def test_what_is_no_domain_in_dns_is_refused(name):
    assert wrong_with_domain(name)

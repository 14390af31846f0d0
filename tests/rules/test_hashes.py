"""Hashes by their form: those that an import takes over, and the kinds that a host's tables may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.hash_kinds import UNKNOWN, hash_kind
from custmerge.rules.hashes import dummy_hash, read_hash, wrong_with_hash

SALT, DIGEST = "c2FsdHNhbHQ", "aGFzaGhhc2hoYXNoaGFzaA"


@pytest.mark.parametrize(
    "stored",
    [
        f"$argon2id$v=19$m=47104,t=1,p=1${SALT}${DIGEST}",
        f"$argon2i$v=19$m=65536,t=3,p=4${SALT}${DIGEST}",
        "$2b$12$" + "a" * 21 + "u" + "a" * 31,
        "$2y$10$" + "a" * 21 + "u" + "a" * 31,
        "$6$salt$" + "a" * 86,
        "$6$rounds=656000$salt$" + "a" * 86,
    ],
)
def test_argon2_bcrypt_and_sha512_crypt_are_taken(stored):
    assert wrong_with_hash(stored) is None


@pytest.mark.parametrize(
    "stored",
    [
        "geheim",
        "$1$salt$" + "a" * 22,
        "$5$salt$" + "a" * 43,
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$argon2id$x",
        "$2b$12$" + "a" * 52,
        "$6$salt$" + "a" * 85,
        "$6$salt$" + "a" * 86 + "\n",
        "$6$rounds=0001000$salt$" + "a" * 86,
        "$6$rounds=$salt$" + "a" * 86,
        "$6$rounds=١٠٠٠$salt$" + "a" * 86,
        "$2b$12$" + "a" * 53,
        "$2b$١٢$" + "a" * 21 + "u" + "a" * 31,
        f"$argon2id$v=19$m=047104,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=47104,t=1,p=1${SALT}xx${DIGEST}",
        f"$argon2id$v=19$m=47104,t=1,p=1${SALT}${DIGEST}aaa",
    ],
)
def test_other_hashes_are_not(stored):
    assert "isn't a hash" in wrong_with_hash(stored)


@pytest.mark.parametrize(
    "stored",
    [
        f"$argon2id$v=19$m=99999999,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=47104,t=999,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=262144,t=5,p=1${SALT}${DIGEST}",
        "$2b$31$" + "a" * 21 + "u" + "a" * 31,
        "$2b$15$" + "a" * 21 + "u" + "a" * 31,
        "$6$rounds=999999999$salt$" + "a" * 86,
        "$6$rounds=1000001$salt$" + "a" * 86,
        "$6$rounds=999$salt$" + "a" * 86,
    ],
)
def test_a_hash_that_would_block_the_host_is_not(stored):
    assert "too much" in wrong_with_hash(stored)


@given(st.text())
def test_no_text_raises(stored):
    wrong_with_hash(stored)


# Kinds of a host's tables

KINDS = {
    f"$argon2id$v=19$m=47104,t=1,p=1${SALT}${DIGEST}": "argon2id$m=47104,t=1,p=1",
    f"argon2$argon2id$v=19$m=102400,t=2,p=8${SALT}${DIGEST}": "argon2id$m=102400,t=2,p=8",
    "$2y$10$" + "a" * 21 + "u" + "a" * 31: "bcrypt$10",
    "bcrypt$$2b$12$" + "a" * 21 + "u" + "a" * 31: "bcrypt$12",
    "bcrypt_sha256$$2b$12$" + "a" * 21 + "u" + "a" * 31: "bcrypt_sha256$12",
    "$6$salt$" + "a" * 86: "sha512_crypt$5000",
    "$5$rounds=535000$salt$" + "a" * 43: "sha256_crypt$535000",
    "pbkdf2_sha256$600000$seasalt$" + "a" * 43 + "=": "pbkdf2_sha256$600000",
    "pbkdf2_sha1$390000$seasalt$" + "a" * 27 + "=": "pbkdf2_sha1$390000",
    "$pbkdf2-sha512$25000$c2FsdHNhbHQ$" + "a" * 86: "pbkdf2_sha512$25000",
    "$pbkdf2-sha256$29000$c2FsdHNhbHQ$" + "a" * 43: "pbkdf2_sha256$29000",
    "$pbkdf2$131000$c2FsdHNhbHQ$" + "a" * 27: "pbkdf2_sha1$131000",
}


@pytest.mark.parametrize(("stored", "key"), KINDS.items())
def test_the_kind_of_a_hash_says_what_verifying_it_costs(stored, key):
    assert (hash_kind(stored).key, hash_kind(stored).is_verified) == (key, True)


@pytest.mark.parametrize("key", sorted({*KINDS.values(), "argon2i$m=65536,t=3,p=4", "argon2d$m=8,t=1,p=1"}))
def test_the_dummy_of_a_kind_is_of_that_kind(key):
    assert read_hash(dummy_hash(key)).kind.key == key


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "bcrypt",
        "bcrypt$",
        "bcrypt$31",
        "bcrypt$4",
        "md5_crypt",
        "pbkdf2_sha256$999999999",
        "{cost}",
        UNKNOWN,
    ],
)
def test_there_is_no_dummy_of_a_kind_that_is_not_verified(key):
    assert dummy_hash(key) is None


@pytest.mark.parametrize(
    ("stored", "key"),
    [
        ("pbkdf2_sha256$99999999$seasalt$" + "a" * 43 + "=", "pbkdf2_sha256$99999999"),
        ("$pbkdf2-sha512$5000000$c2FsdA$" + "a" * 86, "pbkdf2_sha512$5000000"),
        ("pbkdf2_sha256$9999999999$seasalt$" + "a" * 43 + "=", "pbkdf2"),
        ("pbkdf2_sha256$1000$seasalt$" + "a" * 40, "pbkdf2_sha256$1000"),
        ("$5$rounds=1000001$salt$" + "a" * 43, "sha256_crypt$1000001"),
        ("bcrypt_sha256$$2b$31$" + "a" * 21 + "u" + "a" * 31, "bcrypt_sha256$31"),
        (f"argon2$argon2id$v=19$m=99999999,t=1,p=1${SALT}${DIGEST}", "argon2id$m=99999999,t=1,p=1"),
    ],
)
def test_a_hash_that_takes_too_much_or_is_cut_is_of_its_kind_and_is_not_verified(stored, key):
    kind = hash_kind(stored)
    assert (kind.key, kind.is_verified) == (key, False)
    with pytest.raises(ValueError, match="verified"):
        read_hash(stored)


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("$1$salt$" + "a" * 22, "md5_crypt"),
        ("$P$Bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "phpass"),
        ("$argon2id$v=16$m=8,t=1,p=1$x$y", "argon2"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "hex_md5"),
        ("{SSHA}abcdef", "ldap"),
        ("!Kd0b3", "locked"),
        ("md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "salted_md5"),
        ("", UNKNOWN),
        ("geheim", UNKNOWN),
        ("$geheim$12$", UNKNOWN),
        ("mein bcrypt ist $2b$", UNKNOWN),
    ],
)
def test_an_unknown_kind_is_named_and_a_text_that_may_be_a_password_is_not_shown(stored, name):
    assert (hash_kind(stored).key, hash_kind(stored).is_verified) == (name, False)


@given(st.text() | st.sampled_from([*KINDS]).flatmap(lambda known: st.text(max_size=3).map(lambda end: known + end)))
def test_the_kind_of_any_text_raises_nothing_and_keeps_none_of_its_secret(stored):
    kind = hash_kind(stored)
    assert kind.is_verified or kind.key == kind.name or kind.cost.isascii()


@pytest.mark.parametrize("stored", [stored for stored in KINDS if not stored.startswith(("$argon2", "$2", "$6"))])
def test_an_import_takes_no_more_kinds_than_before(stored):
    assert "isn't a hash" in wrong_with_hash(stored)

"""Hashes that an import takes over, by their form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.passwords import wrong_with_hash

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

"""Hashes of a host's tables: verified as their programs do, at a bounded cost; none is never as quick as one."""

import hashlib
from contextlib import suppress

import bcrypt
import pytest
from argon2.exceptions import VerifyMismatchError
from passlib.hash import sha256_crypt

from custmerge.rules.hashes import dummy_hash, read_hash
from custmerge.rules.proofs import Hashing
from custmerge.services.people import passwords

pytestmark = pytest.mark.usefixtures("true_hashes")

# Sources: Django's tests/auth_tests/test_hashers.py; passlib's tests/test_handlers_pbkdf2.py and
# test_handlers_django.py; U. Drepper's test vectors of "Unix crypt using SHA-256 and SHA-512".
SHA512_DIGEST = "eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww"
VECTORS = {
    "Django PBKDF2": ("l\xe8tmein", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="),
    "Django PBKDF2 with SHA-1": ("l\xe8tmein", "pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I="),
    "Django argon2i": ("secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"),
    "Django argon2id": (
        "secret",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw",
    ),
    "Django bcrypt of SHA-256": (
        "l\xe8tmein",
        "bcrypt_sha256$$2a$08$NDjSAIcas.EcoxCRiArvT.MkNiPYVhrsrnJsRkLueZOoV1bsQqlmC",
    ),
    "Django bcrypt of SHA-256 of nothing": (
        "",
        "bcrypt_sha256$$2a$06$/3OeRpbOf8/l6nPPRdZPp.nRiyYqPobEZGdNRBWihQhiFDh1ws1tu",
    ),
    "passlib PBKDF2 with SHA-1": ("password", "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"),
    "passlib PBKDF2 with SHA-256": (
        "password",
        "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ",
    ),
    "passlib PBKDF2 with SHA-512": (
        "password",
        "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$" + SHA512_DIGEST,
    ),
    "SHA-256-crypt": ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    "SHA-256-crypt with rounds": (
        "Hello world!",
        "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
    ),
}


@pytest.mark.parametrize(("password", "stored"), VECTORS.values(), ids=VECTORS)
def test_a_hash_is_verified_as_the_program_does_that_made_it(password, stored):
    assert passwords.fits(stored, password)
    assert not passwords.fits(stored, password + "x")


def test_all_of_a_long_password_counts_for_bcrypt_of_sha256():
    long = "x" * 100
    inner = bcrypt.hashpw(hashlib.sha256(long.encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode()
    assert passwords.fits("bcrypt_sha256$" + inner, long)
    assert not passwords.fits("bcrypt_sha256$" + inner, long[:-1])
    plain = bcrypt.hashpw(b"geheim", bcrypt.gensalt(4)).decode()
    assert passwords.fits("bcrypt$" + plain, "geheim")
    assert passwords.fits(plain.replace("$2b$", "$2y$"), "geheim")


KINDS = (
    "argon2id$m=8,t=1,p=1",
    "argon2i$m=8,t=1,p=1",
    "argon2d$m=8,t=1,p=1",
    "bcrypt$04",
    "bcrypt_sha256$04",
    "sha256_crypt$1000",
    "sha512_crypt$1000",
    "pbkdf2_sha1$1000",
    "pbkdf2_sha256$1000",
    "pbkdf2_sha512$1000",
)


@pytest.fixture
def verified(monkeypatch):
    """The kinds of the hashes that were verified, each with the password."""
    kinds, verify = [], passwords._verified

    def watched(stored, password):
        kinds.append((stored.kind.key, password))
        return verify(stored, password)

    monkeypatch.setattr(passwords, "_verified", watched)
    return kinds


@pytest.mark.parametrize("kind", KINDS)
def test_the_dummy_of_a_kind_is_verified_to_its_end(kind):
    with suppress(VerifyMismatchError):
        assert passwords._verified(read_hash(dummy_hash(kind)), "geheim") is False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", [None, "", "5f4dcc3b5aa765d61d8327deb882cf99", "!", "pbkdf2_sha256$999999999$x$y"])
def test_where_nothing_can_fit_a_hash_of_the_hosts_kind_is_verified(verified, stored, kind):
    assert not passwords.fits(stored, "grüße", Hashing(renews=False, kind=kind))
    assert {key for key, _ in verified} == {kind}
    of_nobody = list(verified)
    verified.clear()
    assert not passwords.fits(dummy_hash(kind), "grüße", Hashing(renews=False, kind=kind))
    assert verified == of_nobody


@pytest.mark.parametrize("kind", [None, "md5_crypt", "bcrypt$31", "pbkdf2_sha256$999999999"])
def test_a_kind_that_is_not_verified_leaves_our_own_dummy(verified, kind):
    assert not passwords.fits(None, "geheim", Hashing(renews=False, kind=kind))
    assert [key for key, _ in verified] == ["argon2id$m=47104,t=1,p=1"]


@pytest.mark.parametrize("password", ["x" * 600, "x" * 2000, "a\0b"])
def test_a_password_that_no_hash_has_takes_as_long_for_nobody(verified, password):
    hashing = Hashing(renews=False, kind="sha256_crypt$1000")
    assert not passwords.fits(sha256_crypt.using(rounds=1000).hash("geheim"), password, hashing)
    of_somebody = list(verified)
    verified.clear()
    assert not passwords.fits(None, password, hashing)
    assert verified == of_somebody


def test_no_hash_is_renewed_where_the_register_says_so():
    stored = bcrypt.hashpw(b"geheim", bcrypt.gensalt(4)).decode()
    assert passwords.renewed(stored, "geheim") is not None
    assert passwords.renewed(stored, "geheim", Hashing(renews=False)) is None

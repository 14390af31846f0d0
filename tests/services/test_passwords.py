"""Passwords: OWASP's parameters, and the same work whether there is something to verify or not."""

import unicodedata

import bcrypt
import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from custmerge.services import passwords


def test_passwords_are_hashed_by_owasps_first_choice():
    parameters = extract_parameters(passwords.hashed("geheim"))
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        46 * 1024,
        1,
        1,
    )


def test_the_dummy_hash_costs_as_much_as_a_real_one():
    assert extract_parameters(passwords._DUMMY) == extract_parameters(passwords.hashed("geheim"))


def test_without_a_hash_a_hash_is_verified_all_the_same(monkeypatch):
    verified = []

    class Hasher:
        def verify(self, stored, password):
            verified.append((stored, password))
            return True

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    assert passwords.fits(None, "geheim") is False
    assert verified == [(passwords._DUMMY, "geheim")]


def test_two_hashes_of_one_password_differ_and_both_fit():
    first, second = passwords.all_hashed(["geheim", "geheim"])
    assert first != second
    assert passwords.fits(first, "geheim")
    assert passwords.fits(second, "geheim")
    assert not passwords.fits(first, "Geheim")


def test_a_damaged_hash_fits_nothing():
    assert not passwords.fits("$argon2id$v=19$m=1$x", "geheim")
    assert not passwords.fits("", "geheim")


COMPOSED = "grüße-aus-köln"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
WRITINGS = pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])


@WRITINGS
@pytest.mark.parametrize("chosen", [COMPOSED, DECOMPOSED], ids=["chosen in NFC", "chosen in NFD"])
def test_a_password_is_the_same_composed_or_not(chosen, typed):
    assert passwords.fits(passwords.hashed(chosen), typed)


def test_what_is_hashed_is_the_composed_writing():
    assert passwords._HASHER.verify(passwords.hashed(DECOMPOSED), COMPOSED)


@WRITINGS
@pytest.mark.parametrize("hashed", [COMPOSED, DECOMPOSED], ids=["hashed in NFC", "hashed in NFD"])
def test_a_hash_of_another_program_may_be_of_either_writing_and_becomes_one_of_ours(hashed, typed):
    stored = bcrypt.hashpw(hashed.encode(), bcrypt.gensalt(4)).decode()
    assert passwords.fits(stored, typed)
    assert passwords._HASHER.verify(passwords.renewed(stored, typed), COMPOSED)


@pytest.mark.parametrize("typed", ["geheim", COMPOSED, DECOMPOSED])
def test_a_wrong_password_costs_as_many_hashes_as_one_of_nobody(monkeypatch, typed):
    tried = []

    class Hasher:
        def verify(self, _stored, password):
            tried.append(password)
            raise passwords.VerificationError

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    passwords.fits(None, typed)
    of_nobody = list(tried)
    tried.clear()
    passwords.fits("$argon2id$of-somebody", typed)
    assert tried == of_nobody
    assert tried[0] == typed


def test_what_bcrypt_never_looked_at_in_any_writing_does_not_become_part_of_a_password():
    typed = "ü" * 30
    assert len(typed.encode()) < 72 < len(unicodedata.normalize("NFD", typed).encode())
    stored = bcrypt.hashpw(unicodedata.normalize("NFD", typed).encode()[:72], bcrypt.gensalt(4)).decode()
    assert passwords.fits(stored, typed)
    assert passwords.renewed(stored, typed) is None

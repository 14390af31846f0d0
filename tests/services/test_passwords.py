"""Passwords: OWASP's parameters, and the same work whether there is something to verify or not."""

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

"""Passwords: OWASP's parameters, and the same work whether there is something to verify or not."""

import subprocess
import sys
import unicodedata
from contextlib import suppress

import bcrypt
import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import sha512_crypt

from custmerge.rules.hashes import read_hash, wrong_with_hash
from custmerge.services.people import passwords

pytestmark = pytest.mark.usefixtures("true_hashes")


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


def test_a_password_that_can_be_chosen_fits_however_long_it_is_when_it_is_decomposed():
    composed = "ü" * 600
    decomposed = unicodedata.normalize("NFD", composed)
    assert len(composed) < passwords.LONGEST < len(decomposed)
    assert passwords.fits(passwords.hashed(decomposed), decomposed)


def test_what_bcrypt_never_looked_at_in_any_writing_does_not_become_part_of_a_password():
    typed = "ü" * 30
    assert len(typed.encode()) < 72 < len(unicodedata.normalize("NFD", typed).encode())
    stored = bcrypt.hashpw(unicodedata.normalize("NFD", typed).encode()[:72], bcrypt.gensalt(4)).decode()
    assert passwords.fits(stored, typed)
    assert passwords.renewed(stored, typed) is None


# Hashes of other programs

counts = st.sampled_from(["", "0", "1", "08", "8", "16", "999", "1000", "01000", "1001", "١", "-8"])
base64 = st.sampled_from([11, 12, 13, 16, 18, 22]).flatmap(
    lambda size: st.text("AQgwaz09+/", min_size=size, max_size=size)
)
hashes = st.one_of(
    st.builds(
        "$argon2{}$v=19$m={},t={},p={}${}${}".format,
        st.sampled_from(["id", "i", "d"]),
        counts,
        counts,
        counts,
        base64,
        base64,
    ),
    st.builds("$argon2id$v=19$m=8,t=1,p=1${}${}".format, base64, base64),
    st.builds(
        "$2{}${}${}".format,
        st.sampled_from("abyx"),
        st.sampled_from(["04", "4", "05", "١٢"]),
        st.text("./Oeuaz09", min_size=53, max_size=53),
    ),
    st.builds(
        "$6${}{}${}".format,
        st.just("") | st.builds("rounds={}$".format, counts),
        st.text("./az", max_size=17),
        st.text("./01az", min_size=86, max_size=86),
    ),
)


@given(hashes, st.text(max_size=30))
def test_a_hash_that_is_taken_can_be_verified(stored, password):
    if wrong_with_hash(stored) is None:
        # Not through `fits`, which says of a hash that its verifier refuses what it says of a wrong password.
        with suppress(VerifyMismatchError):
            assert passwords._verified(read_hash(stored), password.replace("\0", "")) is False


AT_ONCE = """
import sys, threading, time
from custmerge.services.people import passwords
from passlib.utils.binary import LazyBase64Engine
sys.setswitchinterval(1e-6)
begin = LazyBase64Engine._lazy_init
def slowly(self):
    self._lazy_opts, time.sleep(0.01)
    begin(self)
LazyBase64Engine._lazy_init = slowly
together, failed = threading.Barrier(16), []
def work():
    together.wait()
    try:
        if not passwords.fits(sys.argv[1], "geheim"):
            failed.append("doesn't fit")
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(failed) or 0)
"""


def test_many_threads_verify_their_first_hash_of_another_kind_at_once():
    for stored in (
        sha512_crypt.using(rounds=1000).hash("geheim"),
        bcrypt.hashpw(b"geheim", bcrypt.gensalt(4)).decode(),
    ):
        done = subprocess.run([sys.executable, "-c", AT_ONCE, stored], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_password_that_is_too_long_for_crypt_fits_no_hash_of_it():
    longest = "ä" * 256
    stored = sha512_crypt.using(rounds=1000).hash(longest)
    assert passwords.fits(stored, longest)
    assert not passwords.fits(sha512_crypt.using(rounds=1000).hash(longest + "x"), longest + "x")


def test_a_password_of_ours_counts_to_its_last_character():
    password = "x" * passwords.LONGEST
    assert not passwords.fits(passwords.hashed(password), password[:-1])
    assert not passwords.fits(passwords.hashed(password), password[:-1] + "y")


def test_what_bcrypt_never_looked_at_is_not_made_part_of_a_password():
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.fits(stored, "x" * 80)
    assert passwords.renewed(stored, "x" * 80) is None
    # It may be the beginning of a longer one, which has to stay right.
    assert passwords.renewed(stored, "x" * 72) is None
    assert passwords.renewed(bcrypt.hashpw(b"x" * 71, bcrypt.gensalt(4)).decode(), "x" * 71) is not None

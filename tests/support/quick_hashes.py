"""Passwords hashed at little cost: 46 MiB and a fifteenth of a second each are half of what many tests take.

What is hashed is argon2id all the same, and today's hashes are those of this cost. `rules/test_hashes.py`,
`services/people/test_passwords.py` and whatever uses the fixture `true_hashes` hash as the program does.
"""

from argon2 import PasswordHasher

from custmerge.services.people import passwords

TRUE = {"_HASHER": passwords._HASHER, "_DUMMY": passwords._DUMMY}
_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
QUICK = {"_HASHER": _HASHER, "_DUMMY": _HASHER.hash("nobody knows it")}


def hash_quickly():
    """From now on, hash passwords in this process at little cost."""
    vars(passwords).update(QUICK)


def hash_truly():
    """From now on, hash passwords in this process as the program does."""
    vars(passwords).update(TRUE)

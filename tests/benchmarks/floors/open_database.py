"""Imports SQLModel and opens the database at URL; verifies the password on standard input against HASH, if given."""

import sys

from sqlalchemy import text
from sqlmodel import create_engine

with create_engine(sys.argv[1]).connect() as connection:
    connection.execute(text("SELECT 1"))
if sys.argv[2:]:
    from argon2 import PasswordHasher

    assert PasswordHasher().verify(sys.argv[2], sys.stdin.readline().rstrip("\n"))

"""Imports SQLModel and opens the database at the URL that it is given."""

import sys

from sqlalchemy import text
from sqlmodel import create_engine

with create_engine(sys.argv[1]).connect() as connection:
    connection.execute(text("SELECT 1"))

"""What a database of the tests is furnished with, and what somebody does who may write to it directly."""

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from custmerge.rules.history import Actor
from custmerge.rules.people import Role
from custmerge.services.people import sessions, staff
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine

STAFF = {"anna": Role.SUPERVISOR, "ben": Role.AGENT, "ada": Role.AUDITOR}
MADE = datetime(2026, 1, 1, tzinfo=UTC)
# Before any module of tests takes its NOW: a session that begins behind that is none.
BEGAN = datetime.now(UTC)
STAFF_PASSWORD = "korrektes-pferd-batterie"


def furnish(url, staff_hash):
    """Make a database with a schema, three people of staff, and a session for each."""
    database = Database(url)
    database.upgrade()
    with database.writing() as unit:
        for name, role in STAFF.items():
            staff.write_new(unit, name, role, staff_hash, by=Actor("init", "system"), now=MADE)
    for name in STAFF:
        login_staff(database, name, STAFF_PASSWORD, token=f"token-of-{name}", now=BEGAN)
    database.close()


def login_staff(database, name, password, *, new=None, token, now):
    """Open a session for a member of staff, as `custmerge login --staff` does."""
    person = sessions.verified_staff(database, name, password, now)
    return sessions.open_staff(database, person, password, new=new, token=token, now=now)


def execute(url, *statements):
    """Do what somebody does who may write to the database itself."""
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def first_cells(url, query):
    """Return what stands in the first column of a query's rows."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(query).scalars().all()
    finally:
        engine.dispose()


def rows(url, query):
    """Return the rows of a query, as tuples."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found


@contextmanager
def restored(url):
    """Give a block after which the database is what it was before; nobody is connected to it before and behind."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        kept = shutil.copy(path, path.with_suffix(".kept"))
        yield
        assert not path.with_name(f"{path.name}-wal").exists(), "somebody is connected"
        shutil.move(kept, path)
        return
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_kept TEMPLATE {name} STRATEGY file_copy")
        yield
        connection.execute(f"DROP DATABASE {name}")
        connection.execute(f"ALTER DATABASE {name}_kept RENAME TO {name}")

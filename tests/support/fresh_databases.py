"""Databases for tests that need one after the other."""

import itertools
import os
import shutil
from contextlib import closing

import psycopg
import pytest

COPIES = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request, tmp_path):
    """Gives the URL of a further database with staff and nothing else."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        path = tmp_path / "life.db"

        def copy():
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return f"sqlite:///{shutil.copy(template, path)}"

        yield copy
        return
    server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "postgresql_template"))
    made = []
    with closing(psycopg.connect(server.get_uri(), autocommit=True)) as connection:

        def drop():
            while made:
                connection.execute(f"DROP DATABASE {made.pop()} WITH (FORCE)")

        def create():
            drop()
            made.append(f"life_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(COPIES)}")
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template} STRATEGY file_copy")
            return server.get_uri(made[-1])

        yield create
        drop()

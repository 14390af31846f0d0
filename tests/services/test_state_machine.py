"""Everything that can happen to customers, in any order, against a model of its own; the audit holds after each step.

A handful of examples here; with CUSTMERGE_NIGHTLY=1 500 on each database.
"""

import itertools
import os
import shutil
from contextlib import closing

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)
from support.register_life import Life
from support.runs import NIGHTLY

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


def test_whatever_happens_the_register_is_the_models_and_the_audit_holds(fresh, tmp_path, request):
    # By day PostgreSQL gets the first quarter of what SQLite gets.
    by_day = 5 if request.node.callspec.params["fresh"] == "postgresql" else 20
    patient = settings(
        max_examples=500 if NIGHTLY else by_day,
        stateful_step_count=50 if NIGHTLY else 25,
        # Chance is for the night: here everybody sees the same.
        derandomize=not NIGHTLY,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(lambda: Life(fresh(), tmp_path), settings=patient)

"""Everything that can happen to customers, in any order, against a model of its own; the audit holds after each step.

A handful of examples here; with CUSTMERGE_NIGHTLY=1 500 on each database.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)
from support.register_life import Life
from support.runs import NIGHTLY


@pytest.mark.on_both
def test_whatever_happens_the_register_is_the_models_and_the_audit_holds(fresh, tmp_path, request):
    # By day PostgreSQL gets the first third of what SQLite gets.
    by_day = 4 if request.node.callspec.params["fresh"] == "postgresql" else 12
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

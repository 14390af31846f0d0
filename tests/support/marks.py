"""Marks for tests."""

import pytest

on_sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is over before a database is asked, or begins when it has answered: another one would prove the same."""

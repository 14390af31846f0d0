"""What a PostgreSQL server, database or role prefers changes nothing of what the program does."""

import psycopg
import pytest
from support.audit_scenes import audited, live
from support.command_line import CommandLine
from support.runs import NIGHTLY

from custmerge.rules.audit import Verdict

SETTINGS = {
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "default_transaction_isolation": "serializable",
}


# All at once, and at night each alone.
@pytest.mark.parametrize("names", [list(SETTINGS), *([name] for name in SETTINGS if NIGHTLY)], ids="-".join)
def test_settings_of_the_database_change_nothing(postgresql_server, postgresql_template, tmp_path, names):
    name = f"set_{names[0].lower()}_{len(names)}_{postgresql_template}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgresql_template}")
        for setting in names:
            connection.execute(f"ALTER DATABASE {name} SET {setting} = '{SETTINGS[setting]}'")
        live(CommandLine(postgresql_server.get_uri(name), tmp_path))
        audit = audited(postgresql_server.get_uri(name))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert (audit.verdict, audit.findings) == (Verdict.OK, [])

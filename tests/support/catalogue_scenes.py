"""What several files of tests of the catalogue's audit have in common."""

from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime

import pytest

from custmerge.rules.audit import CheckName
from custmerge.rules.people import Role
from custmerge.services import audit as audit_service
from custmerge.services.access import Caller
from custmerge.storage.database import Database
from custmerge.storage.dialect import translated_errors

AUDITOR = Caller(Role.AUDITOR, "ada", "", "", 3)
NOW = datetime.now(UTC)
REFUSE = "BEGIN SELECT RAISE(ABORT, 'x'); END"


class Undone(Exception):
    """Nothing of it is to stay."""


@pytest.fixture
def sqlite(sqlite_template):
    return f"sqlite:///{sqlite_template}"


@pytest.fixture
def postgresql(postgresql_server, postgresql_template):
    return postgresql_server.get_uri(postgresql_template)


def after(url, *statements):
    """Return what the audit says inside a transaction in which `statements` were executed; nothing of it stays."""
    database, audits = Database(url), []

    @contextmanager
    def inside():
        with translated_errors(url):
            yield unit

    with closing(database), suppress(Undone), database.writing() as unit:
        for statement in statements:
            unit._connection.exec_driver_sql(statement if database.is_sqlite else statement.replace("%", "%%"))
        database.reading = inside
        wanted = audit_service.Wanted(frozenset(CheckName), None, False, 365)
        audits.append(audit_service.audit(database, AUDITOR, wanted, NOW))
        raise Undone
    return audits[0]


def criticals(audit):
    return {(finding.check.value, finding.subject) for finding in audit.findings if finding.severity == "critical"}


FUNCTION = "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"

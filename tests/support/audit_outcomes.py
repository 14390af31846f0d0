"""Audits that come to what a test says, and the command that prints them."""

import os
from dataclasses import replace

import pytest

from custmerge.cli import app
from custmerge.rules.audit import Audit, Checked, CheckName, Finding, Severity
from custmerge.rules.history import Head
from custmerge.services import audit as audit_service

HASH = "0123456789abcdef" * 4
WORSE = Finding(
    CheckName.CHAIN, Severity.CRITICAL, "history 17", "it was {verb} by |\n{name}", {"verb": "x", "name": "\n|"}
)
BAD = Finding(CheckName.EXPIRY, Severity.WARNING, "token nightly", "it ends on {day}", {"day": "2026-02-01"})


def audit_of(*findings, more=0):
    """An audit of all checks that found these."""
    found = {name: [f for f in findings if f.check is name] for name in CheckName}
    checks = [Checked(name, found[name], more if found[name] else 0) for name in CheckName]
    return Audit(checks, Head(123, HASH, 4), 0.25)


@pytest.fixture
def run(sqlite_cli, monkeypatch, capfd):
    """Runs `custmerge` in this process with an audit that comes to what the test says."""
    for name, value in sqlite_cli.as_("ada").environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(sqlite_cli.folder)

    def run_(done, *arguments):
        def audit(database, caller, wanted, now):
            kept = [checked for checked in done.checks if checked.check in wanted.checks]
            return replace(done, checks=kept)

        monkeypatch.setattr(audit_service, "audit", audit)
        code = app.run(arguments)
        out, err = capfd.readouterr()
        return code, out, err

    yield run_
    os.environ.pop("LANGUAGE", None)

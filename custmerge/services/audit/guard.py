"""Rows that can't be read: somebody may have put anything into a cell, and the rest is looked at all the same."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.storage.unit import GoneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custmerge.rules.audit import CheckName
    from custmerge.rules.ledger_check import Findings
    from custmerge.storage.unit import Unit

_ODD = N_("holds something that custmerge never writes ({reason}): it was changed.")
_GONE = N_("can't be looked at: a table or column that it needs is gone or of another type.")
_ODD_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@contextmanager
def readable(unit: Unit, findings: Findings, check: CheckName) -> Iterator[None]:
    """Do a part of an audit; what can't be read in it becomes a finding of `check` and ends this part alone."""
    try:
        with unit.apart():
            yield
    except GoneError:
        findings.add(check, f"rows of {check.value}", _GONE)
    except _ODD_ERRORS as error:
        findings.add(check, f"rows of {check.value}", _ODD, reason=type(error).__name__)

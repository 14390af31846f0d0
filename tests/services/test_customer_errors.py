"""Errors as customers are told them: of the same code, without a host's tables, columns and values."""

import inspect
import pkgutil
from datetime import UTC, datetime
from importlib import import_module

import pytest

from custmerge import errors, services
from custmerge.rules.people import Role
from custmerge.services.access import Caller
from custmerge.services.customer_errors import error_for_customer
from custmerge.services.history import Filter
from custmerge.services.merge import Request
from custmerge.services.verify import Claim

IN_DATABASE = {"database": "shop.db"}
SECRET = {"table": "invoice", "tables": ["invoice"], "by": "invoice_fk", "reason": "no invoice 5", "rule": "posted"}
HIDING = (
    errors.ReferenceRefused(survivor="10001", absorbed="20002", count=1, why=errors.N_("posted"), **SECRET),
    errors.RowsRefused(**SECRET),
    errors.RowsLeftOut(left=1, **SECRET),
    errors.ChildrenLeft(left=1, parent="ticket", **SECRET),
    errors.OrphansDropped(left=1, parent="ticket", **SECRET),
    errors.RefusedByMapping(survivor="10001", absorbed="20002", **SECRET),
    errors.SchemaChanged(**IN_DATABASE, **SECRET),
    errors.DatabaseError(**IN_DATABASE, **SECRET),
    errors.TextUnreadable(**IN_DATABASE, **SECRET),
    errors.NoSchema(**IN_DATABASE, reason=SECRET["reason"]),
    errors.DatabaseReadOnly(**IN_DATABASE, reason=SECRET["reason"]),
    errors.RowsHidden(**IN_DATABASE, reason=SECRET["reason"]),
    errors.NotADatabase(**IN_DATABASE, reason="malformed database schema (invoice_client)"),
)


@pytest.mark.parametrize("error", HIDING, ids=lambda error: type(error).__name__)
def test_what_a_host_has_is_in_neither_the_sentence_nor_the_details(error):
    told = error_for_customer(error)
    assert (told.code, told.exit) == (error.code, error.exit)
    for words in (str(told), str(told.filled_details())):
        assert not any(word in words for word in ("invoice", "ticket", "posted", "5", "attach")), words
    assert told.details.items() <= error.details.items()


@pytest.mark.parametrize(
    "error",
    [
        errors.DatabaseUnreachable(**IN_DATABASE, reason="connection refused"),
        errors.ClockBehind(**IN_DATABASE, now="09:00", newest="10:00"),
        errors.ProofRefused(),
        errors.IdentityBlocked(survivor="10001", absorbed="20002", blocked_by=["company"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_other_error_is_told_as_it_is(error):
    assert error_for_customer(error) is error


CUSTOMER = Caller(Role.CUSTOMER, "10001", "", "")
ARGUMENTS = {
    "number": "10001",
    "absorbed": "20002",
    "domain": "zwei.example",
    "request": Request("20002", None),
    "claim": Claim("20002", "zwei.example", "pw-2"),
    "wanted": Filter(),
    "reveal": False,
    "salt": bytes(16),
    "now": datetime(2026, 11, 28, tzinfo=UTC),
}
"""By the names of parameters; others are only of services that refuse a customer before they look at them."""

WITHOUT_ERRORS = {
    "access.note_refusal": "it says nothing where nothing can be written",
    "bulk.dry_run.dry_run": "a step of `bulk.run`, which has refused customers",
    "waiting.waiting": "it gives whoever is no supervisor zeros, and reads nothing",
}
"""Functions of a database and a caller that raise no error for a customer, and why."""


class ChangedDatabase:
    """A database with a table that its host has changed."""

    def __getattr__(self, _name):
        raise errors.SchemaChanged(database="shop.db", tables=["invoice"])


def services_of_callers():
    for found in pkgutil.walk_packages(services.__path__, f"{services.__name__}."):
        module = import_module(found.name)
        for name, service in inspect.getmembers(module, inspect.isfunction):
            full_name = f"{found.name.removeprefix(f'{services.__name__}.')}.{name}"
            is_own = service.__module__ == found.name and not name.startswith("_") and full_name not in WITHOUT_ERRORS
            if is_own and [*inspect.signature(service).parameters][:2] == ["database", "caller"]:
                yield pytest.param(service, id=full_name)


@pytest.mark.parametrize("service", [*services_of_callers()])
def test_a_service_refuses_a_customer_or_tells_them_nothing_of_a_hosts_tables(service):
    names = [*inspect.signature(service).parameters][2:]
    with pytest.raises((errors.NotAllowed, errors.SchemaChangedForCustomer)):
        service(ChangedDatabase(), CUSTOMER, **{name: ARGUMENTS.get(name) for name in names})

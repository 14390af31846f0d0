"""Errors as customers are told them: of the same code, without a host's tables, columns and values."""

import pytest

from custmerge import errors
from custmerge.services.customer_errors import error_for_customer

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

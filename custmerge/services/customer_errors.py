"""Errors as customers are told them: without the tables, columns and values of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from custmerge.errors import (
    CustmergeError,
    DatabaseError,
    DatabaseRefusesCustomer,
    DatabaseUnsoundToCustomer,
    Detail,
    FieldNotWritable,
    FieldNotWritableByCustomer,
    NotADatabase,
    ReferenceRefused,
    RowsHidden,
    RowsHiddenFromCustomer,
    RowsRefuseCustomer,
    SchemaChanged,
    SchemaChangedForCustomer,
    TextUnreadable,
)

if TYPE_CHECKING:
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database

P = ParamSpec("P")
T = TypeVar("T")
_PLAIN: tuple[tuple[type[CustmergeError], type[CustmergeError], tuple[str, ...]], ...] = (
    (ReferenceRefused, RowsRefuseCustomer, ("survivor", "absorbed")),
    (FieldNotWritable, FieldNotWritableByCustomer, ("number", "field")),
    (SchemaChanged, SchemaChangedForCustomer, ("database",)),
    (RowsHidden, RowsHiddenFromCustomer, ("database",)),
    (NotADatabase, DatabaseUnsoundToCustomer, ("database",)),
)
"""What a customer is told in the place of an error, and which of its details."""
_IN_THE_DATABASES_WORDS = (DatabaseError, TextUnreadable)
"""Their `reason` may name a table, a column or a value; that of others is about the connection or the file."""


def error_for_customer(error: CustmergeError) -> CustmergeError:
    """Return an error as a customer is told it: of the same code, with nothing of a host's tables in its details."""
    for kind, plain, names in _PLAIN:
        if isinstance(error, kind):
            return plain(**_of(error, *names))
    if type(error) in _IN_THE_DATABASES_WORDS:
        return DatabaseRefusesCustomer(**_of(error, "database"))
    if isinstance(error, DatabaseError) and "reason" in error.details and "{reason}" not in error.template:
        return type(error)(**_of(error, *error.details.keys() - {"reason"}))
    return error


def _of(error: CustmergeError, *names: str) -> dict[str, Detail]:
    return {name: value for name, value in error.details.items() if name in names}


@contextmanager
def errors_for_customer() -> Iterator[None]:
    """Run a block for a customer: it raises `error_for_customer` in the place of each error."""
    try:
        yield
    except CustmergeError as error:
        if (plain := error_for_customer(error)) is error:
            raise
        raise plain from None


def errors_for(caller: Caller) -> AbstractContextManager[None]:
    """Return a block for a caller, see `errors_for_customer`; staff are told everything."""
    return errors_for_customer() if caller.is_customer else nullcontext()


def for_caller(
    service: Callable[Concatenate[Database, Caller, P], T],
) -> Callable[Concatenate[Database, Caller, P], T]:
    """Return a service that runs in the block of `errors_for`."""

    @wraps(service)
    def answer(database: Database, caller: Caller, /, *arguments: P.args, **options: P.kwargs) -> T:
        with errors_for(caller):
            return service(database, caller, *arguments, **options)

    return answer

"""What agrees in two records of equal identity, and what doesn't, in words."""

from __future__ import annotations

from collections.abc import Mapping

from custmerge.errors import N_
from custmerge.rules.compare import Comparison, Status
from custmerge.rules.fields import IDENTITY_FIELDS, Field

_AGREES = (Status.SAME, Status.EQUIVALENT)
_IDENTITY = {
    (True, True): N_("company and name equal"),
    (True, False): N_("company equal"),
    (False, True): N_("name equal"),
}
"""By whether there is a company, and whether there is a first or last name."""
_IDENTITY_ALONE = {
    (True, True): N_("only company and name equal"),
    (True, False): N_("only the company equal"),
    (False, True): N_("only the name equal"),
}
NOTHING_BESIDE = frozenset(_IDENTITY_ALONE.values())
"""What is said first of records whose other data differs: these may well be two customers."""
_PLACE = N_("postcode and city equal")
_EQUAL: Mapping[Field, str] = {
    Field.STREET: N_("street equal"),
    Field.POSTCODE: N_("postcode equal"),
    Field.CITY: N_("city equal"),
    Field.PHONE: N_("phone equal"),
    Field.MOBILE: N_("mobile equal"),
    Field.EMAIL: N_("e-mail equal"),
    Field.ACCOUNT_NUMBER: N_("account equal"),
}
_OTHER: Mapping[Field, str] = {
    Field.STREET: N_("other street"),
    Field.POSTCODE: N_("other postcode"),
    Field.CITY: N_("other city"),
    Field.PHONE: N_("other phone"),
    Field.MOBILE: N_("other mobile"),
    Field.EMAIL: N_("other e-mail"),
    Field.ACCOUNT_NUMBER: N_("other account"),
}
"""Both without the bank code, which says nothing of a person."""


def agreement(comparison: Comparison) -> tuple[str, ...]:
    """Return marked texts for two records of equal identity: what else is equal in any writing, then what differs.

    A field that is empty in one of the records is left out. Two people of one name have another phone and e-mail more
    often than not: whoever decides should see that.
    """
    company, *names = (line.survivor.strip() for line in comparison.fields[: len(IDENTITY_FIELDS)])
    filled = [line for line in comparison.fields if line.survivor.strip() and line.absorbed.strip()]
    equal = [_EQUAL[line.field] for line in filled if line.status in _AGREES and line.field in _EQUAL]
    other = [_OTHER[line.field] for line in filled if line.status not in _AGREES and line.field in _OTHER]
    if _EQUAL[Field.POSTCODE] in equal and _EQUAL[Field.CITY] in equal:
        equal[equal.index(_EQUAL[Field.POSTCODE])] = _PLACE
        equal.remove(_EQUAL[Field.CITY])
    identity = _IDENTITY_ALONE if other and not equal else _IDENTITY
    return (identity[bool(company), any(names)], *equal, *other)


def identity_of(comparison: Comparison) -> Status:
    """Return whether the identity of two records is SAME, EQUIVALENT or BLOCKED."""
    if comparison.blocked_by:
        return Status.BLOCKED
    statuses = {line.status for line in comparison.fields if line.field in IDENTITY_FIELDS}
    return Status.SAME if statuses == {Status.SAME} else Status.EQUIVALENT

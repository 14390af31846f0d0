"""What agrees in two records of equal identity, and what doesn't, in words."""

from __future__ import annotations

from collections.abc import Mapping

from custmerge.errors import N_
from custmerge.rules.compare import Comparison, Status
from custmerge.rules.fields import IDENTITY_FIELDS, Field

_EQUAL: Mapping[Field, str] = {
    Field.COMPANY: N_("company equal"),
    Field.FIRST_NAME: N_("first name equal"),
    Field.LAST_NAME: N_("last name equal"),
    Field.STREET: N_("street equal"),
    Field.POSTCODE: N_("postcode equal"),
    Field.CITY: N_("city equal"),
    Field.PHONE: N_("phone equal"),
    Field.MOBILE: N_("mobile equal"),
    Field.EMAIL: N_("e-mail equal"),
    Field.ACCOUNT_NUMBER: N_("account equal"),
}
_DIFFERENT: Mapping[Field, str] = {
    Field.STREET: N_("other street"),
    Field.POSTCODE: N_("other postcode"),
    Field.CITY: N_("other city"),
    Field.PHONE: N_("other phone"),
    Field.MOBILE: N_("other mobile"),
    Field.EMAIL: N_("other e-mail"),
    Field.ACCOUNT_NUMBER: N_("other account"),
}
"""Without the bank code, which says nothing of a person."""


def agreement(comparison: Comparison) -> tuple[str, ...]:
    """Return marked texts: what is equal in any writing, then what differs.

    A field that is empty in one of the records is left out.
    Two people of one name have another phone and e-mail more often than not: whoever decides should see that.
    """
    filled = [line for line in comparison.fields if line.survivor.strip() and line.absorbed.strip()]
    equal = (Status.SAME, Status.EQUIVALENT)
    agreeing = [_EQUAL[line.field] for line in filled if line.status in equal and line.field in _EQUAL]
    differing = [_DIFFERENT[line.field] for line in filled if line.status not in equal and line.field in _DIFFERENT]
    return (*agreeing, *differing)


def identity_of(comparison: Comparison) -> Status:
    """Return whether the identity of two records is SAME, EQUIVALENT or BLOCKED."""
    if comparison.blocked_by:
        return Status.BLOCKED
    statuses = {line.status for line in comparison.fields if line.field in IDENTITY_FIELDS}
    return Status.SAME if statuses == {Status.SAME} else Status.EQUIVALENT

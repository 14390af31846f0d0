"""Masking of account numbers for readers who needn't know them.

A bank code stays as it is, because it names no person. It is masked if it is too long for one: people write an IBAN,
or both numbers, into its column.
"""

from __future__ import annotations

import re
from dataclasses import replace

from custmerge.rules.characters import has_hidden, is_hidden
from custmerge.rules.compare import Comparison
from custmerge.rules.fields import DETAIL_FIELDS, Customer, Field, Package
from custmerge.rules.normalise import white_space

_IBAN_START = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_SHOWN = 4
_DIGITS_OF_A_BANK = 8
"""In a German bank code; a BIC has fewer."""
MASK = "…"
"""Replaces the characters that are left out; no account number contains it."""
MASKED_FIELDS = (Field.ACCOUNT_NUMBER, Field.BANK_CODE)


def masked(value: str) -> str:
    """Return `value` with only its last four characters, and of an IBAN also its first four.

    A value of four characters or fewer shows none of them. Hidden characters are never left out: they are no part
    of an account number, and may be all that differs. Source: contract §4, `DE89…3000`.
    """
    compact = "".join(white_space(value).split())
    if not compact:
        return ""
    hidden = "".join(dict.fromkeys(filter(is_hidden, compact))) if has_hidden(compact) else ""
    compact = "".join(character for character in compact if character not in hidden)
    if len(compact) <= _SHOWN:
        return f"{MASK}{hidden}"
    first = compact[:_SHOWN] if _IBAN_START.match(compact) and len(compact) > 3 * _SHOWN else ""
    return f"{first}{MASK}{hidden}{compact[-_SHOWN:]}"


def masked_customer(customer: Customer) -> Customer:
    """Return the record with its bank data masked."""
    return customer.with_values({field: _shown(field, customer[field]) for field in MASKED_FIELDS})


def masked_package(package: Package) -> Package:
    """Return the package with the bank data of its own contact masked."""
    if package.contact is None:
        return package
    return replace(
        package,
        contact=tuple(_shown(field, value) for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)),
    )


def masked_comparison(comparison: Comparison) -> Comparison:
    """Return the comparison with bank data masked; the statuses stay those of the true values."""
    return replace(
        comparison,
        fields=tuple(
            replace(line, survivor=_shown(line.field, line.survivor), absorbed=_shown(line.field, line.absorbed))
            for line in comparison.fields
        ),
    )


def _shown(field: Field, value: str) -> str:
    if field is Field.BANK_CODE:
        return masked(value) if sum(map(str.isdecimal, value)) > _DIGITS_OF_A_BANK else value
    return masked(value) if field is Field.ACCOUNT_NUMBER else value

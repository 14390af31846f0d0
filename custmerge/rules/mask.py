"""Account numbers as those see them who needn't know them; a bank code names a bank and nobody.

Unless it is none: people write an IBAN, or both numbers, into the column beside.
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
"""A German bank code has so many, a BIC fewer."""
MASK = "…"
"""What stands for the characters that are left out; no account number has it."""
MASKED_FIELDS = (Field.ACCOUNT_NUMBER, Field.BANK_CODE)


def masked(value: str) -> str:
    """Return `value` with all but its last four characters left out; of an IBAN the first four stay too.

    What has four characters or fewer shows none of them, and what is drawn as nothing is never left out: it belongs
    to nobody's account, and may be all that differs. Source: contract §4, `DE89…3000`.
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
    """Return the record with its account number masked."""
    return customer.with_values({field: _shown(field, customer[field]) for field in MASKED_FIELDS})


def masked_package(package: Package) -> Package:
    """Return the package with the account number of its own contact masked."""
    if package.contact is None:
        return package
    return replace(
        package,
        contact=tuple(_shown(field, value) for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)),
    )


def masked_comparison(comparison: Comparison) -> Comparison:
    """Return the comparison with account numbers masked; the statuses stay those of the true values."""
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

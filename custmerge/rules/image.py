"""The before-image: what an order changes, as it was before, in one canonical text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS

if TYPE_CHECKING:
    from custmerge.rules.fields import Customer
    from custmerge.rules.plan import Plan

FORMAT_VERSION = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def before_image(plan: Plan) -> str:
    """Return the JSON text of both records and of the packages that move, with contacts and domains."""
    return _ENCODER.encode(
        {
            "v": FORMAT_VERSION,
            "survivor": _record(plan.survivor),
            "absorbed": _record(plan.absorbed),
            "packages": [
                {
                    "package": package.package,
                    "contact": None
                    if package.contact is None
                    else dict(zip(DETAIL_FIELDS, package.contact, strict=True)),
                    "domains": list(package.domains),
                }
                for package in plan.packages
            ],
        }
    )


def _record(customer: Customer) -> dict[str, str]:
    return {"number": customer.number, **dict(zip(FIELDS, customer.values, strict=True))}

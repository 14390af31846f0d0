"""The before-image: what an order changes, as it was before, in one canonical text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custmerge.rules.plan import Plan

FORMAT_VERSION = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Image:
    """A before-image, read."""

    survivor: Customer
    absorbed: Customer
    packages: tuple[Package, ...]
    """Those that moved, under the absorbed number; an image doesn't hold their names."""


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


def read_image(text: str) -> Image:
    """Return the before-image that `before_image` wrote; raises ValueError, LookupError or TypeError for another."""
    found = json.loads(text)
    absorbed = _customer(found["absorbed"])
    packages = tuple(
        Package(
            one["package"],
            absorbed.number,
            domains=tuple(one["domains"]),
            contact=None if one["contact"] is None else tuple(one["contact"][name] for name in DETAIL_FIELDS),
        )
        for one in found["packages"]
    )
    return Image(_customer(found["survivor"]), absorbed, packages)


def _record(customer: Customer) -> dict[str, str]:
    return {"number": customer.number, **dict(zip(FIELDS, customer.values, strict=True))}


def _customer(found: Mapping[str, str]) -> Customer:
    return Customer(found["number"], tuple(found[name] for name in FIELDS))

"""The before-image: what an order changes, as it was before, in one canonical text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custmerge.rules.plan import Plan

FORMAT_VERSION = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
# An audit reads every before-image: plain strings as keys, because those of an enumeration are hashed by Python code.
_values_of = itemgetter(*(field.value for field in FIELDS))
_details_of = itemgetter(*(field.value for field in DETAIL_FIELDS))


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
    image = orjson.loads(text)
    return Image(_customer(image["survivor"]), *_moved(image))


def read_moved(text: str) -> tuple[Customer, tuple[Package, ...]]:
    """Return the absorbed record and the packages of a before-image alone, which is all that an audit compares.

    Raises what `read_image` does.
    """
    return _moved(orjson.loads(text))


# Any: a before-image as JSON gives it.
def _moved(image: Mapping[str, Any]) -> tuple[Customer, tuple[Package, ...]]:
    absorbed = _customer(image["absorbed"])
    packages = [
        Package(
            package["package"],
            absorbed.number,
            "",
            tuple(package["domains"]),
            None if package["contact"] is None else _details_of(package["contact"]),
        )
        for package in image["packages"]
    ]
    return absorbed, tuple(packages)


def _record(customer: Customer) -> dict[str, str]:
    return {"number": customer.number, **dict(zip(FIELDS, customer.values, strict=True))}


def _customer(record: Mapping[str, str]) -> Customer:
    return Customer(record["number"], _values_of(record))

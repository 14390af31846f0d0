"""Customers, packages and everything about one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Json, Shape
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.plan import Order
from custmerge.rules.records import CONTACT_COLUMNS, contact_cells

if TYPE_CHECKING:
    from custmerge.services.find import Profile


def customer(record: Customer) -> Shape:
    """Return a record: as an exported line, and as `find` and `show` begin."""
    return {
        "number": record.number,
        **{field.value: record[field] for field in FIELDS},
        "merged_into": record.merged_into,
    }


def customer_columns() -> list[str]:
    """Return the keys of `customer`, for a list that may be empty."""
    return ["number", *FIELDS, "merged_into"]


def package(found: Package) -> Shape:
    """Return a package as an exported line."""
    details = _package_details(found)
    return {
        "package": found.package,
        "number": found.number,
        "name": found.name,
        "domains": details["domains"],
        "contact": details["contact"],
    }


def package_row(found: Package) -> Shape:
    """Return a package as `import packages` reads it."""
    return {
        "package": found.package,
        "number": found.number,
        "name": found.name,
        "domains": list(found.domains),
        **dict(zip(CONTACT_COLUMNS, contact_cells(found.contact), strict=True)),
    }


def exported(shape: Shape, password_hash: str | None, *, with_hashes: bool) -> Shape:
    """Return an exported line with its password hash where it is asked for."""
    return {**shape, "password_hash": password_hash} if with_hashes else shape


def profile(found: Profile) -> Shape:
    """Return all there is about one number."""
    record = customer(found.customer)
    return {
        "number": record.pop("number"),
        "merged_into": record.pop("merged_into"),
        **record,
        "packages": [{"package": p.package, **_package_details(p)} for p in found.packages],
        "orders": [order(done) for done in found.orders],
    }


def order(done: Order) -> Shape:
    """Return an order as `show` lists it."""
    return {
        "order": done.order,
        "survivor": done.survivor,
        "absorbed": done.absorbed,
        "choice": done.choice.value,
        "taken": [field.value for field in done.taken],
        "at": done.at,
        "by": done.by,
    }


def _package_details(found: Package) -> Shape:
    contact: Json = None
    if found.contact is not None:
        contact = {field.value: value for field, value in zip(DETAIL_FIELDS, found.contact, strict=True)}
    return {"name": found.name, "contact": contact, "domains": list(found.domains)}

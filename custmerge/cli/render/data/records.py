"""Customers, packages and everything about one number."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Json, Shape
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.plan import Order
from custmerge.rules.records import CONTACT_COLUMNS, contact_cells
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


def package(package: Package) -> Shape:
    """Return a package as an exported line."""
    details = _package_details(package)
    return {
        "package": package.package,
        "number": package.number,
        "name": package.name,
        "domains": details["domains"],
        "contact": details["contact"],
    }


def package_row(package: Package) -> Shape:
    """Return a package as `import packages` reads it."""
    return {
        "package": package.package,
        "number": package.number,
        "name": package.name,
        "domains": list(package.domains),
        **dict(zip(CONTACT_COLUMNS, contact_cells(package.contact), strict=True)),
    }


def exported(shape: Shape, password_hash: str | None, *, with_hashes: bool) -> Shape:
    """Return an exported line with its password hash where it is asked for."""
    return {**shape, "password_hash": password_hash} if with_hashes else shape


def profile(profile: Profile) -> Shape:
    """Return all there is about one number."""
    record = customer(profile.customer)
    return {
        "number": record.pop("number"),
        "merged_into": record.pop("merged_into"),
        **record,
        "packages": [{"package": p.package, **_package_details(p)} for p in profile.packages],
        "orders": [order(executed) for executed in profile.orders],
    }


def order(order: Order) -> Shape:
    """Return an order as `show` lists it."""
    return {
        "order": order.order,
        "survivor": order.survivor,
        "absorbed": order.absorbed,
        "choice": order.choice.value,
        "taken": [field.value for field in order.taken],
        "at": order.at,
        "by": order.by,
    }


def _package_details(package: Package) -> Shape:
    contact: Json = None
    if package.contact is not None:
        contact = {field.value: value for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)}
    return {"name": package.name, "contact": contact, "domains": list(package.domains)}

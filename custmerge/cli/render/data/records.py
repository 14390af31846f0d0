"""Customers, packages and orders."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Json, Shape
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.plan import Order
from custmerge.rules.records import CONTACT_COLUMNS, contact_cells
from custmerge.services.find import Profile

CUSTOMER_KEYS = ("number", *FIELDS, "merged_into")


def customer_shape(record: Customer) -> Shape:
    """Return a record: as an exported line, and as `find` and `show` begin."""
    return {
        "number": record.number,
        **{field.value: record[field] for field in FIELDS},
        "merged_into": record.merged_into,
    }


def package_shape(package: Package) -> Shape:
    """Return a package as an exported line."""
    return {
        "package": package.package,
        "number": package.number,
        "name": package.name,
        "domains": list(package.domains),
        "contact": _contact(package),
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


def exported_shape(shape: Shape, password_hash: str | None, *, with_hashes: bool) -> Shape:
    """Return an exported line with its password hash where it is asked for."""
    return {**shape, "password_hash": password_hash} if with_hashes else shape


def profile_shape(profile: Profile) -> Shape:
    """Return all there is about one number."""
    record = customer_shape(profile.customer)
    return {
        # These two come first.
        "number": record["number"],
        "merged_into": record["merged_into"],
        **record,
        "packages": [
            {"package": p.package, "name": p.name, "contact": _contact(p), "domains": list(p.domains)}
            for p in profile.packages
        ],
        "orders": [_order_shape(order, profile.undone.get(order.order)) for order in profile.orders],
    }


def _order_shape(order: Order, undone: int | None) -> Shape:
    return {
        "order": order.order,
        "survivor": order.survivor,
        "absorbed": order.absorbed,
        "choice": order.choice.value,
        "taken": [field.value for field in order.taken],
        "at": order.at,
        "by": order.by,
        "undone": undone,
    }


def _contact(package: Package) -> Json:
    """Return the details that a package has of its own, None where it has none."""
    if package.contact is None:
        return None
    return {field.value: value for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)}

"""Customers and packages for scripts."""

from __future__ import annotations

from custmerge.cli.render.writing import Json, Shape
from custmerge.rules.fields import DETAIL_FIELDS, FIELDS, Customer, Package
from custmerge.rules.records import CONTACT_COLUMNS, contact_cells

CUSTOMER_KEYS = ("number", *FIELDS, "merged_into")


def customer(record: Customer) -> Shape:
    """Return a record: as an exported line, and as `find` and `show` begin."""
    return {
        "number": record.number,
        **{field.value: record[field] for field in FIELDS},
        "merged_into": record.merged_into,
    }


def package(package: Package) -> Shape:
    """Return a package as an exported line."""
    return {
        "package": package.package,
        "number": package.number,
        "name": package.name,
        "domains": list(package.domains),
        "contact": contact(package),
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


def contact(package: Package) -> Json:
    """Return the details that a package has of its own, None where it has none."""
    if package.contact is None:
        return None
    return {field.value: value for field, value in zip(DETAIL_FIELDS, package.contact, strict=True)}

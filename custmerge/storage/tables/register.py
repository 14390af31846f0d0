"""The register: customers, packages and domains."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS
from custmerge.storage.tables import Key

CONTACT_COLUMNS = tuple(f"contact_{field}" for field in DETAIL_FIELDS)


class CustomerRow(SQLModel, table=True):
    """A customer number and its record."""

    __tablename__ = "customer"
    # ClassVar of Any: SQLAlchemy's own type for it is Any.
    __table_args__: ClassVar[Any] = (
        CheckConstraint("merged_into <> number", name="customer_not_into_itself"),
        Index("customer_merged_into", "merged_into"),
        Index("customer_identity", "identity_key", "number"),
    )

    number: str = Attribute(sa_column=Column(Key, primary_key=True))
    company: str
    first_name: str
    last_name: str
    street: str
    postcode: str
    city: str
    phone: str
    mobile: str
    email: str
    account_number: str
    bank_code: str
    password_hash: str | None
    merged_into: str | None = Attribute(
        sa_column=Column(Key, ForeignKey("customer.number", deferrable=True, initially="DEFERRED"))
    )
    search: str
    """The text that `find` searches, see `normalise.search_text`."""
    identity_key: str | None = Attribute(sa_column=Column(Key, nullable=True))
    """See `exact_key.identity_key`; NULL for a tombstone."""


class PackageRow(SQLModel, table=True):
    """A contract under one number. A contact has all eight details or none."""

    __tablename__ = "package"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            " AND ".join(f"(contact_street IS NULL) = ({column} IS NULL)" for column in CONTACT_COLUMNS[1:]),
            name="package_contact_whole",
        ),
        Index("package_number", "number", "package"),
    )

    package: str = Attribute(sa_column=Column(Key, primary_key=True))
    number: str = Attribute(sa_column=Column(Key, ForeignKey("customer.number"), nullable=False))
    name: str
    contact_street: str | None
    contact_postcode: str | None
    contact_city: str | None
    contact_phone: str | None
    contact_mobile: str | None
    contact_email: str | None
    contact_account_number: str | None
    contact_bank_code: str | None
    password_hash: str | None


class DomainRow(SQLModel, table=True):
    """A domain; it is in exactly one package, in whichever writing."""

    __tablename__ = "domain"
    __table_args__: ClassVar[Any] = (Index("domain_package", "package", "name"),)

    ascii_name: str = Attribute(sa_column=Column(Key, primary_key=True))
    """The name as DNS holds it, so that `müller.de` and `xn--mller-kva.de` are the same domain."""
    name: str = Attribute(sa_column=Column(Key, nullable=False))
    package: str = Attribute(sa_column=Column(Key, ForeignKey("package.package"), nullable=False))


_tables = SQLModel.metadata.tables
customer = _tables["customer"]
package = _tables["package"]
domain = _tables["domain"]

REGISTER_TABLES = frozenset(table.name for table in (customer, package, domain))
"""custmerge's own register, which there isn't where a host's tables are the register."""
field_columns = tuple(customer.c[field] for field in FIELDS)
contact_columns = tuple(package.c[column] for column in CONTACT_COLUMNS)

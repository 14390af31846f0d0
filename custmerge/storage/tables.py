"""The tables: the register (customers, packages, domains) and the ledger (what custmerge did).

The SQLModel classes stay in this module; other modules use the Core tables below them. Keys are compared byte by
byte on both databases, so that both sort alike. Migrations create the tables; a test compares them with the classes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Computed, ForeignKey, Index, Integer, LargeBinary, Text
from sqlmodel import Field as Attribute
from sqlmodel import SQLModel

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS
from custmerge.storage.dialect import FromBody

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every version of the schema, oldest first; the last is this program's."""
Key = Text().with_variant(Text(collation="C"), "postgresql")
CONTACT_COLUMNS = tuple(f"contact_{field}" for field in DETAIL_FIELDS)


def _generated(key: str) -> Computed:
    return Computed(FromBody(key), persisted=True)


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


class StaffRow(SQLModel, table=True):
    """A member of staff."""

    __tablename__ = "custmerge_staff"

    id: int | None = Attribute(default=None, primary_key=True)
    name: str = Attribute(sa_column=Column(Key, nullable=False, unique=True))
    role: str
    password_hash: str
    created_at: str
    disabled_at: str | None = None
    password_chosen_by: str | None = None
    """The person who chose the present password, unless it is their own; it has to be changed at the next login."""


class ServiceRow(SQLModel, table=True):
    """A service token: its role and the person who made it. The token itself isn't stored."""

    __tablename__ = "custmerge_service"
    __table_args__: ClassVar[Any] = (Index("custmerge_service_created_by", "created_by"),)

    id: int | None = Attribute(default=None, primary_key=True)
    name: str = Attribute(sa_column=Column(Key, nullable=False, unique=True))
    role: str
    created_by: int = Attribute(foreign_key="custmerge_staff.id")
    created_at: str
    expires_at: str
    revoked_at: str | None = None


class SessionRow(SQLModel, table=True):
    """A login of a customer, of staff, or a service token. The token itself isn't stored."""

    __tablename__ = "custmerge_session"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "(CASE WHEN number IS NULL THEN 0 ELSE 1 END) + (CASE WHEN staff IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN service IS NULL THEN 0 ELSE 1 END) = 1",
            name="custmerge_session_one_owner",
        ),
        Index("custmerge_session_number", "number"),
        Index("custmerge_session_staff", "staff"),
        Index("custmerge_session_service", "service"),
        Index("custmerge_session_created_at", "created_at"),
    )

    token_sha256: str = Attribute(sa_column=Column(Key, primary_key=True))
    number: str | None = Attribute(sa_column=Column(Key, nullable=True))
    staff: int | None = Attribute(foreign_key="custmerge_staff.id")
    service: int | None = Attribute(foreign_key="custmerge_service.id")
    created_at: str
    last_used_at: str


class ProofRow(SQLModel, table=True):
    """A pair that one session has verified."""

    __tablename__ = "custmerge_proof"
    __table_args__: ClassVar[Any] = (Index("custmerge_proof_absorbed", "absorbed"),)

    token_sha256: str = Attribute(
        sa_column=Column(Key, ForeignKey("custmerge_session.token_sha256", ondelete="CASCADE"), primary_key=True)
    )
    survivor: str = Attribute(sa_column=Column(Key, primary_key=True))
    absorbed: str = Attribute(sa_column=Column(Key, primary_key=True))
    domain: str
    verified_sha256: str
    """SHA-256 of the stored hash that the password was verified against, see `people.verified_sha256`."""
    valid_until: str


class GuessRow(SQLModel, table=True):
    """A password try: pending while its hash is verified, wrong afterwards. The row of a right try is deleted."""

    __tablename__ = "custmerge_guess"
    __table_args__: ClassVar[Any] = (Index("custmerge_guess_subject", "subject", "at"),)

    id: int | None = Attribute(default=None, primary_key=True)
    subject: str = Attribute(sa_column=Column(Key, nullable=False))
    """See `rules.passwords.Subject.key`."""
    at: str = Attribute(sa_column=Column(Key, nullable=False))
    pending: bool
    batch: int | None = None
    """The bulk file whose row made the try, so that the row isn't counted twice when its run goes on."""
    row: int | None = None


class LockRow(SQLModel, table=True):
    """The moment until which a subject is locked. A transaction that counts its tries locks this row."""

    __tablename__ = "custmerge_lock"

    subject: str = Attribute(sa_column=Column(Key, primary_key=True))
    until: str


class TransferRow(SQLModel, table=True):
    """A contract transfer for one pair, in one direction."""

    __tablename__ = "custmerge_transfer"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("filed_by_person <> decided_by_person", name="custmerge_transfer_two_people"),
        Index("custmerge_transfer_survivor", "survivor"),
        Index("custmerge_transfer_absorbed", "absorbed"),
        # The migration limits it to filed and approved transfers. `postgresql_where` isn't used here because every
        # command on SQLite would load the other dialect.
        Index("custmerge_transfer_open", "survivor", "absorbed", unique=True),
    )

    id: int | None = Attribute(default=None, primary_key=True)
    survivor: str = Attribute(sa_column=Column(Key, nullable=False))
    absorbed: str = Attribute(sa_column=Column(Key, nullable=False))
    status: str
    filed_by: str
    filed_by_person: int = Attribute(foreign_key="custmerge_staff.id")
    at: str
    decided_by: str | None
    decided_by_person: int | None = Attribute(foreign_key="custmerge_staff.id")
    decided_at: str | None
    reason: str | None
    sha256: str
    size: int
    type: str
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    identity_sha256: str
    """Salted digest of both records' identity fields at the filing, see `transfers.identity_digest`."""
    order: int | None = Attribute(foreign_key="custmerge_order.order")


class FormRow(SQLModel, table=True):
    """The signed form of a transfer, in a table of its own so that lists don't read it."""

    __tablename__ = "custmerge_form"

    transfer: int = Attribute(foreign_key="custmerge_transfer.id", primary_key=True)
    content: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))


class OrderRow(SQLModel, table=True):
    """An executed merge; every column repeats its history entry and is compared with it."""

    __tablename__ = "custmerge_order"
    __table_args__: ClassVar[Any] = (
        Index("custmerge_order_survivor", "survivor"),
        Index("custmerge_order_absorbed", "absorbed"),
    )

    order: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    survivor: str = Attribute(sa_column=Column(Key, nullable=False))
    absorbed: str = Attribute(sa_column=Column(Key, nullable=False))
    choice: str
    taken: str
    """Field names, separated by spaces, in the order of the fields."""
    at: str
    by: str


class BeforeImageRow(SQLModel, table=True):
    """The state of records and packages before an order changed them: for undo, until purge erases it."""

    __tablename__ = "custmerge_before_image"

    order: int = Attribute(foreign_key="custmerge_order.order", primary_key=True)
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    image: str


class BatchRow(SQLModel, table=True):
    """A bulk file, identified by its SHA-256, and the progress of its run."""

    __tablename__ = "custmerge_batch"
    __table_args__: ClassVar[Any] = (Index("custmerge_batch_sha256", "sha256", "id"),)

    id: int | None = Attribute(default=None, primary_key=True)
    sha256: str = Attribute(sa_column=Column(Key, nullable=False))
    state: str
    rows: int
    done: int
    """The number of rows that are decided, from the first on."""
    merged: int
    approved_by: str | None
    approved_by_person: int | None = Attribute(foreign_key="custmerge_staff.id")
    approved_at: str | None
    run_by: str | None
    at: str
    runner: str | None = None
    """The process that runs the batch, identified by a random mark."""
    alive_until: str | None = None
    """When the lease of the process expires; the process renews it during the run."""


class BatchChunkRow(SQLModel, table=True):
    """The outcomes of the rows of one chunk, as JSON, see `bulk.Outcome`."""

    __tablename__ = "custmerge_batch_chunk"

    batch: int = Attribute(foreign_key="custmerge_batch.id", primary_key=True)
    first: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    results: str


class HistoryRow(SQLModel, table=True):
    """The chain. Its search columns are generated from the body, so they can't contradict it."""

    __tablename__ = "custmerge_history"
    __table_args__: ClassVar[Any] = (
        Index("custmerge_history_survivor", "survivor", "seq"),
        Index("custmerge_history_absorbed", "absorbed", "seq"),
        Index("custmerge_history_order", "order"),
        Index("custmerge_history_action", "action", "seq"),
        Index("custmerge_history_at", "at", "seq"),
    )

    seq: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: str
    hash: str
    survivor: str | None = Attribute(sa_column=Column(Key, _generated("survivor")))
    absorbed: str | None = Attribute(sa_column=Column(Key, _generated("absorbed")))
    order: int | None = Attribute(sa_column=Column(Integer, _generated("order")))
    action: str | None = Attribute(sa_column=Column(Key, _generated("action")))
    at: str | None = Attribute(sa_column=Column(Key, _generated("at")))


class HeadRow(SQLModel, table=True):
    """The end of the chain, a single row. A transaction that appends locks it, so entries have no gaps."""

    __tablename__ = "custmerge_head"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", name="custmerge_head_one_row"),)

    id: int = Attribute(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    seq: int
    hash: str
    order: int


class MappingRow(SQLModel, table=True):
    """A mapping of a host's tables; `custmerge_version.mapping` says which one holds."""

    __tablename__ = "custmerge_mapping"

    sha256: str = Attribute(sa_column=Column(Key, primary_key=True))
    """Of the text."""
    text: str
    """The mapping's file."""
    catalogue: str
    """The host's tables when it was attached, as JSON, see `rules.host_schema`."""
    at: str


class TombstoneRow(SQLModel, table=True):
    """A number of a host's customer that was merged into another one."""

    __tablename__ = "custmerge_tombstone"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("merged_into <> number", name="custmerge_tombstone_not_into_itself"),
        Index("custmerge_tombstone_merged_into", "merged_into"),
    )

    number: str = Attribute(sa_column=Column(Key, primary_key=True))
    merged_into: str = Attribute(sa_column=Column(Key, nullable=False))
    customer_key: str | None = Attribute(sa_column=Column(Key))
    """The text of the key of the host's row: another row may have the same number and be no customer."""


class ContactRow(SQLModel, table=True):
    """Details of a contact for which a host's package has no columns."""

    __tablename__ = "custmerge_contact"

    package: str = Attribute(sa_column=Column(Key, primary_key=True))
    street: str | None
    postcode: str | None
    city: str | None
    phone: str | None
    mobile: str | None
    email: str | None
    account_number: str | None
    bank_code: str | None


class DismissalRow(SQLModel, table=True):
    """A decision that two numbers are two customers."""

    __tablename__ = "custmerge_dismissal"
    __table_args__: ClassVar[Any] = (CheckConstraint("number < other", name="custmerge_dismissal_ordered"),)

    number: str = Attribute(sa_column=Column(Key, primary_key=True))
    other: str = Attribute(sa_column=Column(Key, primary_key=True))
    reason: str | None
    by: str
    at: str
    salt: bytes = Attribute(sa_column=Column(LargeBinary, nullable=False))
    identity_sha256: str
    """Salted digest of both records' identity keys, see `dismissal.identity_digest`."""


_tables = SQLModel.metadata.tables
customer = _tables["customer"]
package = _tables["package"]
domain = _tables["domain"]
staff = _tables["custmerge_staff"]
session = _tables["custmerge_session"]
service = _tables["custmerge_service"]
proof = _tables["custmerge_proof"]
guess = _tables["custmerge_guess"]
lock = _tables["custmerge_lock"]
transfer = _tables["custmerge_transfer"]
form = _tables["custmerge_form"]
order = _tables["custmerge_order"]
before_image = _tables["custmerge_before_image"]
batch = _tables["custmerge_batch"]
batch_chunk = _tables["custmerge_batch_chunk"]
history = _tables["custmerge_history"]
head = _tables["custmerge_head"]
mapping = _tables["custmerge_mapping"]
tombstone = _tables["custmerge_tombstone"]
contact = _tables["custmerge_contact"]
dismissal = _tables["custmerge_dismissal"]

REGISTER_TABLES = frozenset(table.name for table in (customer, package, domain))
"""custmerge's own register, which there isn't where a host's tables are the register."""
field_columns = tuple(customer.c[field] for field in FIELDS)
contact_columns = tuple(package.c[column] for column in CONTACT_COLUMNS)

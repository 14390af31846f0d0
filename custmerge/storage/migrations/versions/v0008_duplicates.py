"""Customers are found by the key of their identity; pairs that are two customers are kept."""

import sqlalchemy as sa
from alembic import context, op

from custmerge.rules.duplicates.exact_key import identity_key
from custmerge.storage.dialect import dialect_of

revision = "0008"
down_revision = "0007"

ROWS_AT_ONCE = 2_000
IDENTITY = ("company", "first_name", "last_name")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TO_BE_ERASED = ("reason", "salt")


def upgrade() -> None:
    # A host's tables have no such column, and one of them may be called `customer`.
    is_attached = op.get_bind().exec_driver_sql("SELECT mapping FROM custmerge_version").scalar() is not None
    if context.config.attributes["has_register"] and not is_attached:
        identities()
    dismissals()


def identities() -> None:
    connection = op.get_bind()
    op.add_column("customer", sa.Column("identity_key", KEY, nullable=True))
    customer = sa.table("customer", *(sa.Column(name, sa.Text()) for name in ("number", *IDENTITY, "merged_into")))
    number = customer.c.number
    in_use = sa.select(number, *(customer.c[name] for name in IDENTITY)).where(customer.c.merged_into.is_(None))
    records = in_use.order_by(number).limit(ROWS_AT_ONCE)
    last = ""
    # Piece by piece along the key, as in 0006; the index is made once all keys are there.
    while rows := connection.execute(records.where(number > last)).fetchall():
        last = rows[-1][0]
        # SQLite takes anything for a text; what isn't one is for the audit to find.
        keys = [(row[0], identity_key([cell if isinstance(cell, str) else "" for cell in row[1:]])) for row in rows]
        dialect_of(connection).update_rows(connection, "customer", ("number", "identity_key"), keys, ())
    op.create_index("customer_identity", "customer", ["identity_key", "number"])


def dismissals() -> None:
    op.create_table(
        "custmerge_dismissal",
        sa.Column("number", KEY, nullable=False),
        sa.Column("other", KEY, nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("identity_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", "other"),
        sa.CheckConstraint("number < other", name="custmerge_dismissal_ordered"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # What a purge erases isn't to stay in the server's statistics.
        for column in TO_BE_ERASED:
            op.execute(f"ALTER TABLE custmerge_dismissal ALTER COLUMN {column} SET STATISTICS 0")

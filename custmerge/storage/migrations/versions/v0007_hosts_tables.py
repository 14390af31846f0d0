"""A host's tables may be the register: its mapping, and what an order writes beside its tables."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

DETAILS = ("street", "postcode", "city", "phone", "mobile", "email", "account_number", "bank_code")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "custmerge_mapping",
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "custmerge_tombstone",
        sa.Column("number", KEY, nullable=False),
        sa.Column("merged_into", KEY, nullable=False),
        sa.Column("customer_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.CheckConstraint("merged_into <> number", name="custmerge_tombstone_not_into_itself"),
    )
    op.create_index("custmerge_tombstone_merged_into", "custmerge_tombstone", ["merged_into"])
    op.create_table(
        "custmerge_contact",
        sa.Column("package", KEY, nullable=False),
        *(sa.Column(detail, sa.String(), nullable=True) for detail in DETAILS),
        sa.PrimaryKeyConstraint("package"),
    )
    # The mapping that holds, NULL for custmerge's own tables. It is read with the version, without another statement.
    kind = 'TEXT COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else "TEXT"
    op.execute(f"ALTER TABLE custmerge_version ADD COLUMN mapping {kind} REFERENCES custmerge_mapping (sha256)")

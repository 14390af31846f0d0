"""Bulk merges: files that were approved and run, and how far they have come."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=null)


def number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False)


def person(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), sa.ForeignKey("custmerge_staff.id"), nullable=True)


def upgrade() -> None:
    op.create_table(
        "custmerge_batch",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sha256", KEY, nullable=False),
        text("state"),
        number("rows"),
        number("done"),
        number("merged"),
        text("approved_by", null=True),
        person("approved_by_person"),
        text("approved_at", null=True),
        text("run_by", null=True),
        text("at"),
    )
    op.create_index("custmerge_batch_sha256", "custmerge_batch", ["sha256", "id"])
    op.create_table(
        "custmerge_batch_chunk",
        sa.Column("batch", sa.Integer(), sa.ForeignKey("custmerge_batch.id"), autoincrement=False),
        sa.Column("first", sa.Integer(), autoincrement=False),
        text("results"),
        sa.PrimaryKeyConstraint("batch", "first"),
    )

"""Bulk runs hold a lease in the database, and what they verify is known to be theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("custmerge_batch", sa.Column("runner", sa.String(), nullable=True))
    op.add_column("custmerge_batch", sa.Column("alive_until", sa.String(), nullable=True))
    # No foreign key: tries are short-lived, and looking their batch up would cost time at each.
    op.add_column("custmerge_guess", sa.Column("batch", sa.Integer(), nullable=True))
    op.add_column("custmerge_guess", sa.Column("row", sa.Integer(), nullable=True))

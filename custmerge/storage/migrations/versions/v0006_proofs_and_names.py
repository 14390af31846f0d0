"""Proofs say what they rest on, people who chose their password, and search and domains get today's keys."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    proofs()
    people()


def proofs() -> None:
    """Proofs last 30 minutes; those that don't say what they rest on end with the upgrade."""
    op.drop_table("custmerge_proof")
    op.create_table(
        "custmerge_proof",
        sa.Column(
            "token_sha256",
            KEY,
            sa.ForeignKey("custmerge_session.token_sha256", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("survivor", KEY, nullable=False),
        sa.Column("absorbed", KEY, nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("verified_sha256", sa.String(), nullable=False),
        sa.Column("valid_until", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", "survivor", "absorbed"),
    )
    op.create_index("custmerge_proof_absorbed", "custmerge_proof", ["absorbed"])


def people() -> None:
    op.add_column("custmerge_staff", sa.Column("password_chosen_by", sa.String(), nullable=True))

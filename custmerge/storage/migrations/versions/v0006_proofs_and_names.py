"""Proofs say what they rest on, people who chose their password, and search and domains get today's keys."""

import sqlalchemy as sa
from alembic import op

from custmerge.rules.fields import FIELDS
from custmerge.rules.normalise import search_text
from custmerge.storage.rows import update_rows

revision = "0006"
down_revision = "0005"

ROWS_AT_ONCE = 2_000
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    proofs()
    people()
    search()


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


def search() -> None:
    """`find` looks no longer through bank data."""
    connection = op.get_bind()
    customer = sa.table("customer", *(sa.Column(name, sa.Text()) for name in ("number", *FIELDS)))
    number = customer.c.number
    records = sa.select(*customer.c).order_by(number).limit(ROWS_AT_ONCE)
    last = ""
    # Piece by piece along the key: a million records aren't held in memory, and none is read while it is written.
    while rows := connection.execute(records.where(number > last)).fetchall():
        last = rows[-1][0]
        update_rows(
            connection, "customer", "number", ("search",), [(row[0], search_text(row[0], row[1:])) for row in rows]
        )

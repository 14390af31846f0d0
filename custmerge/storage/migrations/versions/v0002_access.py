"""Service tokens, wrong tries, contract transfers. Logins end: their table is made anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=null)


def key(name: str, *constraints: sa.schema.SchemaItem, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, KEY, *constraints, nullable=null)


def staff(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), sa.ForeignKey("custmerge_staff.id"), nullable=null)


def upgrade() -> None:
    op.drop_table("custmerge_proof")
    op.drop_table("custmerge_session")
    services()
    sessions()
    guesses()
    transfers()


def services() -> None:
    op.create_table(
        "custmerge_service",
        sa.Column("id", sa.Integer(), primary_key=True),
        key("name"),
        text("role"),
        staff("created_by"),
        text("created_at"),
        text("expires_at"),
        text("revoked_at", null=True),
        sa.UniqueConstraint("name"),
    )
    op.create_index("custmerge_service_created_by", "custmerge_service", ["created_by"])


def sessions() -> None:
    op.create_table(
        "custmerge_session",
        key("token_sha256"),
        key("number", null=True),
        staff("staff", null=True),
        sa.Column("service", sa.Integer(), sa.ForeignKey("custmerge_service.id"), nullable=True),
        text("created_at"),
        text("last_used_at"),
        sa.PrimaryKeyConstraint("token_sha256"),
        sa.CheckConstraint(
            "(CASE WHEN number IS NULL THEN 0 ELSE 1 END) + (CASE WHEN staff IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN service IS NULL THEN 0 ELSE 1 END) = 1",
            name="custmerge_session_one_owner",
        ),
    )
    for column in ("number", "staff", "service", "created_at"):
        op.create_index(f"custmerge_session_{column}", "custmerge_session", [column])
    op.create_table(
        "custmerge_proof",
        key("token_sha256", sa.ForeignKey("custmerge_session.token_sha256", ondelete="CASCADE")),
        key("survivor"),
        key("absorbed"),
        text("domain"),
        text("valid_until"),
        sa.PrimaryKeyConstraint("token_sha256", "survivor", "absorbed"),
    )
    op.create_index("custmerge_proof_absorbed", "custmerge_proof", ["absorbed"])


def guesses() -> None:
    op.create_table(
        "custmerge_guess",
        sa.Column("id", sa.Integer(), primary_key=True),
        key("subject"),
        key("at"),
        sa.Column("pending", sa.Boolean(), nullable=False),
    )
    op.create_index("custmerge_guess_subject", "custmerge_guess", ["subject", "at"])
    op.create_table("custmerge_lock", key("subject"), text("until"), sa.PrimaryKeyConstraint("subject"))


def transfers() -> None:
    op.create_table(
        "custmerge_transfer",
        sa.Column("id", sa.Integer(), primary_key=True),
        key("survivor"),
        key("absorbed"),
        text("status"),
        text("filed_by"),
        staff("filed_by_person"),
        text("at"),
        text("decided_by", null=True),
        staff("decided_by_person", null=True),
        text("decided_at", null=True),
        text("reason", null=True),
        text("sha256"),
        sa.Column("size", sa.Integer(), nullable=False),
        text("type"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        text("identity_sha256"),
        sa.Column("order", sa.Integer(), sa.ForeignKey("custmerge_order.order"), nullable=True),
        sa.CheckConstraint("filed_by_person <> decided_by_person", name="custmerge_transfer_two_people"),
    )
    for column in ("survivor", "absorbed"):
        op.create_index(f"custmerge_transfer_{column}", "custmerge_transfer", [column])
    op.create_index(
        "custmerge_transfer_open",
        "custmerge_transfer",
        ["survivor", "absorbed"],
        unique=True,
        sqlite_where=sa.text("status IN ('filed', 'approved')"),
        postgresql_where=sa.text("status IN ('filed', 'approved')"),
    )
    op.create_table(
        "custmerge_form",
        sa.Column("transfer", sa.Integer(), sa.ForeignKey("custmerge_transfer.id"), autoincrement=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("transfer"),
    )

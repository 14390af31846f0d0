"""The register and the ledger."""

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None

DETAILS = ("street", "postcode", "city", "phone", "mobile", "email", "account_number", "bank_code")
FIELDS = ("company", "first_name", "last_name", *DETAILS)
CONTACT = tuple(f"contact_{field}" for field in DETAILS)
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=null)


def key(name: str, *constraints: sa.schema.SchemaItem, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, KEY, *constraints, nullable=null)


def number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def from_body(name: str) -> "sa.Column[str] | sa.Column[int]":
    is_number = name == "order"
    expression = f"body ->> '{name}'"
    if op.get_bind().dialect.name == "postgresql":
        expression = f"(body::json ->> '{name}')" + ("::integer" if is_number else "")
    computed = sa.Computed(expression, persisted=True)
    if is_number:
        return sa.Column(name, sa.Integer(), computed, nullable=True)
    return sa.Column(name, KEY, computed, nullable=True)


def upgrade() -> None:
    # A database that is attached to a host's tables has the ledger alone.
    if context.config.attributes["has_register"]:
        register()
    people()
    orders()
    history()
    protect_history()


def register() -> None:
    op.create_table(
        "customer",
        key("number"),
        *(text(field) for field in FIELDS),
        text("password_hash", null=True),
        key("merged_into", sa.ForeignKey("customer.number", deferrable=True, initially="DEFERRED"), null=True),
        text("search"),
        sa.PrimaryKeyConstraint("number"),
        sa.CheckConstraint("merged_into <> number", name="customer_not_into_itself"),
    )
    op.create_index("customer_merged_into", "customer", ["merged_into"])
    op.create_table(
        "package",
        key("package"),
        key("number", sa.ForeignKey("customer.number")),
        text("name"),
        *(text(column, null=True) for column in CONTACT),
        text("password_hash", null=True),
        sa.PrimaryKeyConstraint("package"),
        sa.CheckConstraint(
            " AND ".join(f"(contact_street IS NULL) = ({column} IS NULL)" for column in CONTACT[1:]),
            name="package_contact_whole",
        ),
    )
    op.create_index("package_number", "package", ["number", "package"])
    op.create_table(
        "domain",
        key("ascii_name"),
        key("name"),
        key("package", sa.ForeignKey("package.package")),
        sa.PrimaryKeyConstraint("ascii_name"),
    )
    op.create_index("domain_package", "domain", ["package", "name"])


def people() -> None:
    op.create_table(
        "custmerge_staff",
        sa.Column("id", sa.Integer(), primary_key=True),
        key("name"),
        text("role"),
        text("password_hash"),
        text("created_at"),
        text("disabled_at", null=True),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "custmerge_session",
        key("token_sha256"),
        key("number", null=True),
        sa.Column("staff", sa.Integer(), sa.ForeignKey("custmerge_staff.id"), nullable=True),
        text("created_at"),
        text("last_used_at"),
        sa.PrimaryKeyConstraint("token_sha256"),
        sa.CheckConstraint("(number IS NULL) <> (staff IS NULL)", name="custmerge_session_one_person"),
    )
    op.create_index("custmerge_session_number", "custmerge_session", ["number"])
    op.create_index("custmerge_session_staff", "custmerge_session", ["staff"])
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


def orders() -> None:
    op.create_table(
        "custmerge_order",
        number("order"),
        key("survivor"),
        key("absorbed"),
        text("choice"),
        text("taken"),
        text("at"),
        text("by"),
        sa.PrimaryKeyConstraint("order"),
    )
    op.create_index("custmerge_order_survivor", "custmerge_order", ["survivor"])
    op.create_index("custmerge_order_absorbed", "custmerge_order", ["absorbed"])
    op.create_table(
        "custmerge_before_image",
        sa.Column("order", sa.Integer(), sa.ForeignKey("custmerge_order.order"), nullable=False, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        text("image"),
        sa.PrimaryKeyConstraint("order"),
    )


def history() -> None:
    op.create_table(
        "custmerge_history",
        number("seq"),
        text("body"),
        text("hash"),
        from_body("survivor"),
        from_body("absorbed"),
        from_body("order"),
        from_body("action"),
        from_body("at"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("custmerge_history_survivor", "custmerge_history", ["survivor", "seq"])
    op.create_index("custmerge_history_absorbed", "custmerge_history", ["absorbed", "seq"])
    op.create_index("custmerge_history_order", "custmerge_history", ["order"])
    op.create_index("custmerge_history_action", "custmerge_history", ["action", "seq"])
    op.create_index("custmerge_history_at", "custmerge_history", ["at", "seq"])
    op.create_table(
        "custmerge_head",
        number("id"),
        number("seq"),
        text("hash"),
        number("order"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="custmerge_head_one_row"),
    )
    op.execute(f"INSERT INTO custmerge_head VALUES (1, 0, '{'00' * 32}', 0)")  # noqa: S608 (a constant)


def protect_history() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION custmerge_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'custmerge_history is append-only'; END $$"
        )
        for event in ("UPDATE", "DELETE", "TRUNCATE"):
            op.execute(
                f"CREATE TRIGGER custmerge_history_no_{event.lower()} BEFORE {event} ON custmerge_history "
                "FOR EACH STATEMENT EXECUTE FUNCTION custmerge_refuse()"
            )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER custmerge_history_no_{event.lower()} BEFORE {event} ON custmerge_history "
            "BEGIN SELECT RAISE(ABORT, 'custmerge_history is append-only'); END"
        )

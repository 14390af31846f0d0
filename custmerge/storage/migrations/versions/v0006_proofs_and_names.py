"""Proofs say what they rest on, people who chose their password, search and domains get today's keys."""

import sqlalchemy as sa
from alembic import context, op

from custmerge.errors import N_, DomainsClash, ReferenceWouldGo
from custmerge.rules.fields import FIELDS
from custmerge.rules.normalise import domain_in_ascii, search_text
from custmerge.storage.dialect import dialect_of

revision = "0006"
down_revision = "0005"

ROWS_AT_ONCE = 2_000
RIGHTS = sa.text(
    "SELECT rolname::text, privilege_type FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) "
    "JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee "
    "WHERE pg_class.oid = 'custmerge_proof'::pg_catalog.regclass AND grantee <> relowner"
)
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    proofs()
    people()
    if context.config.attributes["has_register"]:
        search()
        domains()
    statistics()


def proofs() -> None:
    """End all proofs, which last 30 minutes and don't say what they rest on; roles keep their rights."""
    connection = op.get_bind()
    rights = connection.execute(RIGHTS).all() if connection.dialect.name == "postgresql" else []
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
    for role, right in rights:
        to = connection.dialect.identifier_preparer.quote_identifier(role)
        connection.exec_driver_sql(f"GRANT {right} ON TABLE custmerge_proof TO {to}")


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
        # SQLite takes anything for a text; what isn't one is for the audit to find.
        texts = [[cell if isinstance(cell, str) else "" for cell in row] for row in rows]
        found = [(row[0], search_text(number, values)) for row, (number, *values) in zip(rows, texts, strict=True)]
        dialect_of(connection).update_rows(connection, "customer", ("number", "search"), found, ())


TO_BE_ERASED = (
    *(("custmerge_before_image", "image"), ("custmerge_before_image", "salt"), ("custmerge_form", "content")),
    *(("custmerge_transfer", "reason"), ("custmerge_batch_chunk", "results")),
)


def statistics() -> None:
    """Keep what a purge erases out of PostgreSQL's statistics, which hold values of columns."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table, column in TO_BE_ERASED:
        kind = next(one["type"] for one in sa.inspect(connection).get_columns(table) if one["name"] == column)
        # To the same type: nothing is written anew, and the statistics that there are go.
        op.alter_column(table, column, type_=kind)
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")


CLASHES_NAMED = 20
PASSING = "passing "
CLASH = N_("{domain} (package {package}) and {other} (package {holder}) are one domain")


def domains() -> None:
    """Give a domain one key however it is written.

    Raises DomainsClash where two rows would have it, ReferenceWouldGo where a host's row would refer to nothing.
    """
    connection = op.get_bind()
    new_key = sa.Table(
        "custmerge_new_key",
        sa.MetaData(),
        sa.Column("old", KEY, primary_key=True),
        sa.Column("passing", KEY, nullable=False, index=True),
        sa.Column("new", KEY, nullable=False, index=True),
        sa.Column("name", KEY, nullable=False),
        sa.Column("package", KEY, nullable=False),
        prefixes=["TEMPORARY"],
    )
    new_key.create(connection)
    domain = sa.table("domain", sa.column("ascii_name", KEY), sa.column("name"), sa.column("package"))
    rows = sa.select(domain).order_by(domain.c.ascii_name).limit(ROWS_AT_ONCE)
    page = connection.execute(rows).all()
    while page:
        changes = [
            {"old": old, "passing": PASSING + old, "new": new, "name": name, "package": package}
            for old, name, package in page
            if isinstance(name, str) and (new := domain_in_ascii(name)) != old
        ]
        if changes:
            connection.execute(new_key.insert(), changes)
        page = connection.execute(rows.where(domain.c.ascii_name > page[-1][0])).all()
    demand_no_clash(connection, domain, new_key)
    if connection.execute(sa.select(new_key.c.old).limit(1)).first():
        demand_references_follow(connection)
    # By way of keys that no domain has: a row may get the one that another gives up. Not deleted and written anew,
    # for rows of a host's may refer to it.
    key = domain.c.ascii_name
    passing = domain.update().where(key.in_(sa.select(new_key.c.old))).values(ascii_name=PASSING + key)
    connection.execute(passing)
    new_of = sa.select(new_key.c.new).where(new_key.c.passing == key).scalar_subquery()
    arrived = domain.update().where(key.in_(sa.select(new_key.c.passing))).values({key: new_of})
    connection.execute(arrived)
    new_key.drop(connection)


EMPTIED_SQLITE = (
    "SELECT t.name, f.on_update FROM sqlite_master t, pragma_foreign_key_list(t.name) f "
    "WHERE t.type = 'table' AND lower(f.\"table\") = 'domain' AND f.on_update IN ('SET NULL', 'SET DEFAULT')"
)
EMPTIED_POSTGRESQL = (
    "SELECT conrelid::pg_catalog.regclass::text, CASE confupdtype WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END "
    "FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = 'domain'::pg_catalog.regclass "
    "AND confupdtype IN ('n', 'd')"
)


def demand_references_follow(connection: sa.Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    emptied = connection.exec_driver_sql(EMPTIED_SQLITE if is_sqlite else EMPTIED_POSTGRESQL).first()
    if emptied is not None:
        table, action = emptied
        database = context.config.attributes["database"]
        raise ReferenceWouldGo(database=database, table=table, action=action)


def demand_no_clash(connection: sa.Connection, domain: sa.TableClause, new_key: sa.Table) -> None:
    first = new_key.alias("first")
    both_new = sa.select(first.c.name, first.c.package, new_key.c.name, new_key.c.package).join(
        new_key, sa.and_(new_key.c.new == first.c.new, new_key.c.old > first.c.old)
    )
    stays = ~sa.exists().where(new_key.c.old == domain.c.ascii_name)
    with_old = (
        sa.select(first.c.name, first.c.package, domain.c.name, domain.c.package)
        .join(domain, domain.c.ascii_name == first.c.new)
        .where(stays)
    )
    clashes = [
        row
        for found in (both_new, with_old)
        for row in connection.execute(found.order_by(first.c.old).limit(CLASHES_NAMED))
    ]
    if clashes:
        raise DomainsClash(
            database=context.config.attributes["database"],
            clashes=[
                {"why": CLASH, "domain": one, "package": package, "other": other, "holder": holder}
                for one, package, other, holder in clashes
            ],
        )

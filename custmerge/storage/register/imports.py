"""Import: many rows into the register in one transaction, without holding them in memory.

Rows are written directly into the register in batches; the reason is looked up only if the database refuses a
batch. What can only be checked at the end (domains claimed twice, numbers that lead nowhere) is kept in temporary
tables with its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import Column, Connection, Integer, MetaData, Table, exists, func, or_, select, text
from sqlalchemy.exc import IntegrityError

from custmerge.storage.dialect import Row, dialect_of
from custmerge.storage.register.reader import circles
from custmerge.storage.tables import Key
from custmerge.storage.tables.register import contact_columns, customer, domain, field_columns, package

_TARGETS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "customers": (
        customer,
        ("number", *(c.name for c in field_columns), "search", "identity_key", "merged_into", "password_hash"),
    ),
    "packages": (package, ("package", "number", "name", *(c.name for c in contact_columns), "password_hash")),
}
"""For each kind the table, and the columns of a row in their order; the first is the key."""
DOMAIN_LINE = ("ascii_name", "name", "package", "line")
"""The columns of a row for `claim_domains` and `skip_domains`, in their order."""

_TEMPORARY = MetaData()


def _temporary(name: str, *columns: str) -> Table:
    """Return a temporary table of keys, with an index on the first one, and of a `line` in a file."""
    kinds = [(column, Integer if column == "line" else Key) for column in columns]
    made = [Column(column, kind, nullable=False, index=column == columns[0]) for column, kind in kinds]
    return Table(name, _TEMPORARY, *made, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


_line = _temporary("custmerge_line", "key", "line")
_claim = _temporary("custmerge_claim", *DOMAIN_LINE)
_skipped = _temporary("custmerge_skipped", *DOMAIN_LINE)
_released = _temporary("custmerge_released", "ascii_name")

_first_claim = (
    select(_claim.c.ascii_name, func.min(_claim.c.line).label("line")).group_by(_claim.c.ascii_name).subquery()
)
_CLAIMED_TWICE = (
    select(_claim.c.line, _claim.c.name, _first_claim.c.line)
    .join(_first_claim, _first_claim.c.ascii_name == _claim.c.ascii_name)
    .where(_claim.c.line > _first_claim.c.line)
    .order_by(_claim.c.line)
)
_CLAIMED_OF_OTHERS = (
    select(_claim.c.line, _claim.c.name, domain.c.package)
    .join(domain, domain.c.ascii_name == _claim.c.ascii_name)
    .where(~exists().where(_released.c.ascii_name == _claim.c.ascii_name))
    .order_by(_claim.c.line)
)
_LOST_DOMAINS = (
    select(_skipped.c.line, _skipped.c.name)
    .where(
        exists().where(_released.c.ascii_name == _skipped.c.ascii_name),
        ~exists().where(_claim.c.ascii_name == _skipped.c.ascii_name),
    )
    .order_by(_skipped.c.line)
)
# A domain that stays isn't deleted and added again, which would delete rows of a host's tables that refer to it.
_claimed = _claim.c.ascii_name == domain.c.ascii_name
_is_released = exists().where(_released.c.ascii_name == domain.c.ascii_name)
_DROP = domain.delete().where(_is_released, ~exists().where(_claimed))
_MOVE = (
    domain.update()
    .values(
        name=select(_claim.c.name).where(_claimed).scalar_subquery(),
        package=select(_claim.c.package).where(_claimed).scalar_subquery(),
    )
    .where(
        _is_released,
        exists().where(_claimed, or_(_claim.c.name != domain.c.name, _claim.c.package != domain.c.package)),
    )
)
_existing = domain.alias("existing")
_ADD = domain.insert().from_select(
    ["ascii_name", "name", "package"],
    select(_claim.c.ascii_name, _claim.c.name, _claim.c.package).where(
        ~exists().where(
            _released.c.ascii_name == _claim.c.ascii_name, _existing.c.ascii_name == _released.c.ascii_name
        )
    ),
)
_target = customer.alias("target")
_LOST = (
    select(_line.c.line, customer.c.number, customer.c.merged_into)
    .join(customer, customer.c.number == _line.c.key)
    .join(_target, _target.c.number == customer.c.merged_into, isouter=True)
    .where(customer.c.merged_into.is_not(None), _target.c.number.is_(None))
    .order_by(_line.c.line)
)
_CIRCLES = "SELECT l.line, l.key FROM custmerge_line l JOIN ({circles}) c ON c.number = l.key ORDER BY l.line"


class RegisterImport:
    """An import, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        if not self._dialect.is_server:
            # SQLite keeps temporary tables as long as the connection, which may have been used for an import before.
            for table in _TEMPORARY.sorted_tables:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{table.name}")
        _TEMPORARY.create_all(connection, checkfirst=False)

    def add(self, kind: str, rows: Sequence[Row]) -> set[str]:
        """Add new customers or packages; if any key exists, add none of `rows` and return the existing keys.

        All rows may leave out the same columns at their end, because sqlite3 takes longer for a None than for a text.
        """
        table, columns = _TARGETS[kind]
        given = columns[: len(rows[0])] if rows else columns
        try:
            with self._connection.begin_nested():
                self._dialect.insert_rows(self._connection, table.name, given, rows)
        except Exception as error:
            if not self._dialect.is_refused(error):
                raise
            key = table.c[columns[0]]
            keys = [key for key, *_ in rows]
            existing = set(self._connection.execute(select(key).where(key.in_(keys))).scalars())
            if not existing:
                # The reason is a row of another transaction, which this one doesn't see: nothing was written.
                raise
            return existing
        return set()

    def put(self, kind: str, rows: Sequence[Row]) -> None:
        """Overwrite customers or packages that are locked."""
        if not rows:
            return
        table, columns = _TARGETS[kind]
        statement = self._dialect.upsert(table)
        statement = statement.on_conflict_do_update(
            index_elements=[columns[0]], set_={name: statement.excluded[name] for name in columns[1:]}
        )
        self._connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in rows])

    def stored(self, kind: str, keys: Collection[str]) -> dict[str, Row]:
        """Return the rows of the `keys` that exist, by key, and lock them."""
        table, columns = _TARGETS[kind]
        key = table.c[columns[0]]
        statement = select(*(table.c[name] for name in columns)).where(key.in_(keys)).order_by(key)
        return {row[0]: tuple(row) for row in self._connection.execute(statement.with_for_update())}

    def targets(self, numbers: Collection[str]) -> dict[str, str | None]:
        """Return for each of `numbers` that exists the number that it was merged into, or None.

        Nobody can merge them away before the transaction ends.
        """
        rows = self._connection.execute(
            select(customer.c.number, customer.c.merged_into)
            .where(customer.c.number.in_(_without_nul(numbers)))
            .order_by(customer.c.number)
            .with_for_update(read=True)
        )
        return dict(rows.all())

    def merged_away(self, numbers: Collection[str]) -> dict[str, str]:
        """Return for each of `numbers` that was merged away the number that it was merged into; locks nothing."""
        statement = select(customer.c.number, customer.c.merged_into).where(
            customer.c.number.in_(_without_nul(numbers)), customer.c.merged_into.is_not(None)
        )
        return dict(self._connection.execute(statement).all())

    def note_lines(self, lines: Iterable[tuple[str, int]]) -> None:
        """Remember the lines of keys."""
        self._dialect.insert_rows(self._connection, _line.name, ("key", "line"), list(lines))

    def noted_lines(self, keys: Collection[str]) -> dict[str, int]:
        """Return the first line of each of `keys` that `note_lines` remembers."""
        rows = self._connection.execute(
            select(_line.c.key, func.min(_line.c.line)).where(_line.c.key.in_(keys)).group_by(_line.c.key)
        )
        return dict(rows.all())

    def claim_domains(self, claims: Sequence[tuple[str, str, str, int]]) -> None:
        """Remember domains with their lines until `settle_domains`."""
        self._dialect.insert_rows(self._connection, _claim.name, DOMAIN_LINE, claims)

    def skip_domains(self, skipped: Sequence[tuple[str, str, str, int]]) -> None:
        """Remember the domains of lines that are left out."""
        self._dialect.insert_rows(self._connection, _skipped.name, DOMAIN_LINE, skipped)

    def release_domains(self, packages: Collection[str]) -> None:
        """Remember the domains of packages that are about to get new ones, until `settle_domains`."""
        names = select(domain.c.ascii_name).where(domain.c.package.in_(packages))
        self._connection.execute(_released.insert().from_select(["ascii_name"], names))

    def domains_lost(self) -> Iterator[tuple[int, str]]:
        """Yield (line, name) of each domain that its package gives up and only a line that is left out claims."""
        yield from self._connection.execute(_LOST_DOMAINS)

    def domains_claimed_twice(self) -> Iterator[tuple[int, str, int]]:
        """Yield (line, name, first line) of each domain that an earlier line has claimed."""
        yield from self._connection.execute(_CLAIMED_TWICE)

    def domains_of_other_packages(self) -> Iterator[tuple[int, str, str]]:
        """Yield (line, name, package) of each claimed domain that another package has and doesn't give up."""
        yield from self._connection.execute(_CLAIMED_OF_OTHERS)

    def settle_domains(self) -> bool:
        """Write the claimed domains into the register; False if another transaction has written one meanwhile."""
        try:
            with self._connection.begin_nested():
                for statement in (_DROP, _MOVE, _ADD):
                    self._connection.execute(statement)
        except IntegrityError:
            if next(self.domains_of_other_packages(), None) is None:
                raise
            return False
        return True

    def lost_tombstones(self) -> Iterator[tuple[int, str, str]]:
        """Yield (line, number, target) of each remembered tombstone whose target doesn't exist."""
        yield from self._connection.execute(_LOST)

    def circles(self) -> Iterator[tuple[int, str]]:
        """Yield (line, number) of each remembered tombstone whose chain ends in a circle."""
        if self._connection.execute(select(_line.c.line).limit(1)).first() is None:
            return
        yield from self._connection.execute(text(_CIRCLES.format(circles=circles(self._connection))))


def _without_nul(numbers: Collection[str]) -> list[str]:
    """Return the unchecked `numbers` that have no NUL in them, which PostgreSQL doesn't accept."""
    return [number for number in numbers if "\0" not in number]

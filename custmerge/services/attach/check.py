"""Check: what would hold if a mapping were attached, and what is in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from custmerge.errors import N_
from custmerge.rules.attach import Problem, Problems, Resolved, ResolvedReference, entry_path, resolve
from custmerge.rules.attach.names import with_names_of
from custmerge.rules.attach.rights import rights_of
from custmerge.rules.fields import FIELDS, Field
from custmerge.rules.guessing.proposal import Question
from custmerge.rules.hash_kinds import HashCounts, hash_counts, hash_kind
from custmerge.rules.hashes import HashKind
from custmerge.rules.host_schema import Fact, HostSchema, HostTable
from custmerge.rules.mapping import HostMapping, Placeholder, Source, Sql, Value
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.proofs import ProofBy
from custmerge.services.attach.propose import questions
from custmerge.services.progress import Progress
from custmerge.storage.database import Database
from custmerge.storage.files.mapping_file import read_text
from custmerge.storage.host.check import HostCheck
from custmerge.storage.host.values import HostValues


@dataclass(frozen=True, slots=True)
class CheckedReference:
    """A reference and how many rows it has."""

    reference: ResolvedReference
    rows: int
    """Rows with a value, of those for which its condition holds."""
    is_indexed: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mapping comes to."""

    text: str
    """The mapping's file."""
    resolved: Resolved
    catalogue: HostSchema
    """With the facts that are kept."""
    customers: int
    references: tuple[CheckedReference, ...]
    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]
    hashes: Mapping[str, int] = field(default_factory=dict)
    """How many passwords no hash can be verified for, by their kind."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be attached."""
        return not self.problems and not self.questions

    @property
    def name(self) -> str:
        """The mapping's name."""
        return self.resolved.mapping.name

    @property
    def proof(self) -> ProofBy:
        """What proves a number."""
        return self.resolved.mapping.proof

    @property
    def fields(self) -> dict[Field, str | None]:
        """Where each field is read: a column, one of a related row, or SQL; None for one that is always empty."""
        return {name: _source_text(self.resolved.mapping.fields.get(name)) for name in FIELDS}


def check(database: Database, file: str, progress: Progress | None = None) -> Checked:
    """Return what would hold if the mapping in a file were attached.

    Changes nothing, and needs the database's rights alone. Raises BadFile, OthersFile and LooseFile, see `read_text`,
    and BadMapping for a text that is no mapping.
    """
    text = read_text(file)
    mapping = read_mapping(text, file)
    with database.reading_host() as unit:
        schema = unit.host.schema()
        return _Check(with_names_of(schema, mapping), schema, unit.host, unit.values, progress).run(text)


def _source_text(source: Source | None) -> str | None:
    match source:
        case None:
            return None
        case Sql():
            return source.text
        case _:
            return source.column if source.related is None else f"{source.related}.{source.column}"


class _Check:
    def __init__(
        self,
        mapping: HostMapping,
        schema: HostSchema,
        host: HostCheck,
        values: HostValues,
        progress: Progress | None,
    ) -> None:
        self._mapping = mapping
        self._schema = schema
        self._host = host
        self._values = values
        self._progress = progress
        self._resolved = resolve(mapping, schema)
        self._problems = Problems(mapping.lines, [*self._resolved.problems])
        self._readable = host.readable(schema)
        self._wrong: set[tuple[str, str]] = set()
        """Conditions that don't run, by table."""

    def run(self, text: str) -> Checked:
        """Look at everything that only the rows tell; `text` is what the mapping was read from."""
        self._check_rights()
        self._check_sql()
        customers = self._check_customers()
        self._check_package_keys()
        hashes = self._hashes()
        facts = {} if hashes.most is None else {Fact.HASH_KIND.value: hashes.most}
        return Checked(
            text=text,
            resolved=self._resolved,
            catalogue=replace(self._schema, facts=facts),
            customers=customers,
            references=tuple(self._counted()),
            questions=tuple(self._questions()),
            problems=tuple(self._problems.found),
            hashes=hashes.others,
        )

    def _questions(self) -> list[Question]:
        """Return the columns that look like references without an answer; none while no customer can be read."""
        customer = self._mapping.customer
        if self._table(customer.table) is None or (customer.table, customer.where) in self._wrong:
            return []
        # Of a table that may not be read nothing can be asked; nor can an order change it.
        return questions(self._values, self._readable, customer, self._resolved.answered(self._schema))

    def _check_rights(self) -> None:
        needed = rights_of(self._resolved, self._schema)
        for table, rights in self._host.lacking(self._schema, needed).items():
            why = N_("the connected role may not {rights} here, which orders need")
            self._problems.of(table, why, rights=rights)
        for table in self._host.hiding(self._schema, needed):
            why = N_("policies hide rows from the connected role (row-level security): it needs BYPASSRLS")
            self._problems.of(table, why)

    def _table(self, name: str) -> HostTable | None:
        """Return a table whose rows can be read."""
        return self._readable.table(name)

    def _check_sql(self) -> None:
        for path, name, sql in self._conditions():
            table = self._table(name)
            reason = None if table is None else self._host.wrong_condition(table, sql)
            if reason is not None:
                self._wrong.add((name, sql))
                self._problems.at(path, N_("the database refuses this condition: {reason}"), reason=reason)
        for path, name, sql in self._expressions():
            table = self._table(name)
            reason = None if table is None else self._host.wrong_expression(table, sql)
            if reason is not None:
                self._problems.at(path, N_("the database refuses this expression: {reason}"), reason=reason)
        for name, related in self._mapping.related.items():
            table = self._table(related.table)
            reason = None if table is None or related.order is None else self._host.wrong_order(table, related.order)
            if reason is not None:
                self._problems.at(
                    f"related.{name}.order", N_("the database refuses this order: {reason}"), reason=reason
                )
        # Otherwise each of the fields would repeat what is wrong elsewhere.
        if not self._problems.found:
            for field_name, reason in self._host.wrong_fields(self._mapping, self._schema).items():
                why = N_("the database refuses this expression: {reason}")
                self._problems.at(f"fields.{field_name}", why, reason=reason)
        self._check_refusing()
        self._check_values()

    def _check_values(self) -> None:
        """Note literals that don't fit the columns into which orders write them."""
        for path, name, columns in self._written():
            table = self._table(name)
            for column_name, value in columns.items():
                column = None if table is None else table.column(column_name)
                if column is None or isinstance(value, Placeholder):
                    continue
                reason = self._host.wrong_value(column, value)
                if reason is not None:
                    why = N_("the database refuses {value} in this column: {reason}")
                    self._problems.at(f"{path}.{column_name}", why, value=str(value), reason=reason)

    def _written(self) -> Iterator[tuple[str, str, Mapping[str, Value]]]:
        """Yield key, table and values of everything that orders write into columns."""
        customer = self._mapping.customer
        yield "customer.retire", customer.table, customer.retire
        yield from (("customer.touch", rules.table, rules.touch) for rules in self._resolved.tables.values())
        for reference in self._resolved.references:
            if reference.entry is not None:
                yield f"{entry_path(reference.path)}.set", reference.table, reference.entry.set
        for child in self._resolved.children:
            if child.answer is not None:
                yield f"{entry_path(child.answer.path)}.set", child.table, child.answer.entry.set

    def _check_refusing(self) -> None:
        customer = self._mapping.customer
        table = self._table(customer.table)
        if table is None or table.column(customer.key) is None:
            return
        key = self._host.some(table, customer.key) if self._mapping.refuse else ""
        for number, refuse in enumerate(self._mapping.refuse, start=1):
            # Without a customer there is nothing that fits the type of a key.
            reason = self._host.wrong_refuse(refuse.sql, key or "0")
            if reason is not None:
                self._problems.at(
                    f"refuse.{number}.sql", N_("the database refuses this statement: {reason}"), reason=reason
                )

    def _conditions(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, table and SQL of every condition."""
        mapping = self._mapping
        parts = [("customer", mapping.customer), ("package", mapping.package), ("domain", mapping.domain)]
        for path, part in [*parts, *((f"related.{name}", each) for name, each in mapping.related.items())]:
            if part is not None and part.where is not None:
                yield f"{path}.where", part.table, part.where
        for reference in self._resolved.references:
            if reference.entry is not None and reference.entry.where is not None:
                yield f"{entry_path(reference.path)}.where", reference.table, reference.entry.where

    def _expressions(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, table and SQL of every expression over one table."""
        for path, part in (("package", self._mapping.package), ("domain", self._mapping.domain)):
            if part is not None and isinstance(part.name, Sql):
                yield f"{path}.name", part.table, part.name.text

    def _check_customers(self) -> int:
        """Note keys and numbers that are no such; returns how many customers there are."""
        customer = self._mapping.customer
        table = self._table(customer.table)
        if table is None or table.column(customer.number) is None:
            return 0
        where = None if (table.name, customer.where) in self._wrong else customer.where
        for path, key in (
            ("customer.key", customer.key),
            *((f"customer.keys.{i}", k) for i, k in enumerate(customer.keys, 1)),
        ):
            repeated = self._host.repeated(table, key, None) if table.column(key) is not None else None
            if repeated is not None:
                self._problems.at(
                    path, N_("{column} isn't unique: {value} is there more than once"), column=key, value=repeated
                )
        number = customer.number
        if count := self._host.without(table, number, where):
            self._problems.at(
                "customer.number",
                N_("{column} is empty (rows: {count}): leave them out by where"),
                column=number,
                count=count,
            )
        if number != customer.key and (repeated := self._host.repeated(table, number, where)) is not None:
            self._problems.at(
                "customer.number",
                N_("{column} isn't unique: {value} is there more than once"),
                column=number,
                value=repeated,
            )
        return self._host.customers(table, number, where)

    def _check_package_keys(self) -> None:
        """Note packages that their key doesn't tell apart."""
        package = self._mapping.package
        table = None if package is None else self._table(package.table)
        if package is None or table is None or table.column(package.key) is None:
            return
        where = None if (table.name, package.where) in self._wrong else package.where
        if (repeated := self._host.repeated(table, package.key, where)) is not None:
            why = N_("{column} isn't unique: {value} is there more than once")
            self._problems.at("package.key", why, column=package.key, value=repeated)

    def _hashes(self) -> HashCounts:
        """Count the hashes of the passwords of customers and packages by their kinds."""
        counts = Counter[HashKind]()
        for part in (self._mapping.customer, self._mapping.package):
            table = None if part is None or part.password is None else self._table(part.table)
            if part is None or part.password is None or table is None or table.column(part.password) is None:
                continue
            where = None if (table.name, part.where) in self._wrong else part.where
            counts += self._host.counted(table, part.password, where, hash_kind)
        return hash_counts(counts)

    def _counted(self) -> Iterator[CheckedReference]:
        """Yield every reference with its rows; each table is read once."""
        by_table: dict[str, list[ResolvedReference]] = {}
        for reference in self._resolved.references:
            by_table.setdefault(reference.table, []).append(reference)
        for done, (name, references) in enumerate(by_table.items(), start=1):
            table = self._table(name)
            columns = [(each.column, self._condition(each)) for each in references]
            rows = [0] * len(references) if table is None else self._host.rows(table, columns)
            for reference, count in zip(references, rows, strict=True):
                yield CheckedReference(reference, count, table is not None and table.is_indexed(reference.column))
            if self._progress is not None:
                self._progress.advanced(done, len(by_table))

    def _condition(self, reference: ResolvedReference) -> str | None:
        where = None if reference.entry is None else reference.entry.where
        return None if where is None or (reference.table, where) in self._wrong else where

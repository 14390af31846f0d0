"""Proposes a mapping for a host's tables, and asks about columns that look like references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from custmerge.errors import NoCustomerTable
from custmerge.rules.attach import Resolved
from custmerge.rules.fields import Field
from custmerge.rules.guessing.attributes import Attributes, attributes_of
from custmerge.rules.guessing.customer import (
    CustomerGuess,
    guess_customers,
    guess_for,
    guess_of,
    number_columns,
    with_number,
    without_personal,
)
from custmerge.rules.guessing.first_rows import keeping_first
from custmerge.rules.guessing.judging import Finding, FindingKind, by_other_tables, judged, needs_rivals
from custmerge.rules.guessing.known import Known, read_known
from custmerge.rules.guessing.packages import domain_guess, domain_in_package, field_guess, text_columns
from custmerge.rules.guessing.policies import ReferenceGuess, reference_guess
from custmerge.rules.guessing.proposal import (
    Proposal,
    Question,
    best_of_each_column,
    by_constraint,
    without_owners,
)
from custmerge.rules.guessing.samples import KeyShare, Sample, comparable
from custmerge.rules.guessing.suspects import Suspect, is_customer_type, sampled_columns, suspects, type_columns
from custmerge.rules.guessing.writing import pasted
from custmerge.rules.host_schema import HostSchema, HostTable
from custmerge.rules.mapping import CustomerMap, DomainMap, HostMapping, PackageMap, Policy, Related, Source
from custmerge.services.progress import Progress
from custmerge.storage.database import Database
from custmerge.storage.files.mapping_file import read_text
from custmerge.storage.host.values import HostValues

_NEARLY_AS_OFTEN = 0.9
_TWICE = 2
"""In how many tables a name has to be a reference's, to be one in a table without rows."""


def known_from(file: str) -> Known:
    """Return what a file says already of a mapping; raises BadFile, OthersFile, LooseFile and BadMapping."""
    return read_known(read_text(file), file)


def propose_for(database: Database, known: Known | None = None, progress: Progress | None = None) -> Proposal:
    """Return the mapping that is proposed for a database; changes nothing, and needs the database's rights alone.

    Of what is `known` already, nothing is proposed. Raises NoCustomerTable where no table looks like customers,
    BadMapping for a mistake in what is known.
    """
    with database.reading_host() as unit:
        return propose(unit.values, unit.host.schema(), unit.values.database_name(), known, progress)


def propose(
    values: HostValues,
    schema: HostSchema,
    name: str,
    known: Known | None = None,
    progress: Progress | None = None,
) -> Proposal:
    """Return the mapping that is proposed for a host, as `propose_for` does."""
    customers = _customers(schema, known)
    resolved = None if known is None else known.resolved(schema, customers[0].table.name, customers[0].keys[0])
    guess, number = _with_keys(values, customers[0], known, resolved)
    search = _Search(values, schema, guess, progress=progress)
    found = search.references()
    sure = [reference.finding for reference in found if reference.finding.is_sure]
    package, domain = domain_guess(schema, guess, sure)
    if package is not None and domain is None:
        table = schema.tables[package.table]
        if texts := text_columns(table):
            domain = domain_in_package(package, values.sample(table, texts))
    fields: dict[Field, Source] = {}
    related: dict[str, Related] = {}
    if resolved is not None:
        package, domain = _with_known(resolved.mapping, package, domain)
        fields, related = dict(resolved.mapping.fields), dict(resolved.mapping.related)
        found = [each for each in found if not _is_answered(resolved, each)]
    guessed = field_guess(schema, guess, sure, search.attributes, fields, frozenset(related))
    read = (*related.values(), *guessed.related)
    found = [keeping_first(schema, each, read) if each.finding.is_sure else each for each in found]
    return Proposal(
        name=name,
        customer=guess,
        others=tuple(other.table.name for other in customers[1:3] if 2 * other.score > guess.score),
        number=number,
        fields=guessed,
        package=package,
        domain=domain,
        references=without_owners([each for each in found if each.finding.is_sure], package, domain),
        questions=tuple(each for each in found if not each.finding.is_sure),
    )


def _customers(schema: HostSchema, known: Known | None) -> list[CustomerGuess]:
    """Return the tables that may hold the customers; where it is known which does, that one alone."""
    name = None if known is None else known.table(schema)
    if known is None or name is None:
        customers = guess_customers(schema)
        if not customers:
            raise NoCustomerTable(tables=len(schema.tables))
        return customers
    guess = guess_for(schema, name)
    if guess is None and known.has_key:
        guess = guess_of(schema, known.resolved(schema, name, "").mapping.customer)
    if guess is None:
        raise known.lacks_key()
    return [guess]


def _with_keys(
    values: HostValues, customer: CustomerGuess, known: Known | None, resolved: Resolved | None
) -> tuple[CustomerGuess, str]:
    """Return the guess with the keys that references may hold, and the column of the number."""
    if known is not None and resolved is not None and known.has_key:
        mapped = resolved.mapping.customer
        guess = replace(
            customer,
            keys=tuple(dict.fromkeys((*mapped.all_keys, *customer.keys))),
            password=mapped.password,
            same=mapped.same,
            where=mapped.where,
        )
        if "keys" in known.said("customer"):
            return replace(guess, keys=mapped.all_keys), mapped.number
        return with_number(guess, mapped.number), mapped.number
    rows = values.sample(customer.table, customer.table.column_names)
    likeliest = without_personal(customer, rows)
    number = next((name for name in number_columns(likeliest, rows) if values.is_unique(likeliest.table, name)), None)
    if known is not None and resolved is not None:
        said, mapped = known.said("customer"), resolved.mapping.customer
        number = mapped.number if "number" in said else number
        likeliest = replace(
            likeliest,
            password=mapped.password if "password" in said else likeliest.password,
            same=mapped.same if "same" in said else likeliest.same,
            where=mapped.where,
        )
    guess = with_number(likeliest, number)
    return guess, number or guess.keys[0]


def _with_known(
    mapping: HostMapping, package: PackageMap | None, domain: DomainMap | None
) -> tuple[PackageMap | None, DomainMap | None]:
    """Return what is known of packages and domains, and what is guessed as far as it goes with it."""
    if mapping.domain is not None:
        return mapping.package, mapping.domain
    if mapping.package is None:
        return package, domain
    is_same = package is not None and package.table == mapping.package.table
    return mapping.package, domain if is_same else None


def _is_answered(resolved: Resolved, guess: ReferenceGuess) -> bool:
    """Return whether a mapping says what a column is; a foreign key that simply moves needs no answer."""
    finding, answers = guess.finding, resolved.answers
    column = (finding.table, finding.column)
    if answers.answer(*column) is not None or column in answers.ignored:
        return True
    is_plain = finding.by is FindingKind.CONSTRAINT and guess.policy is Policy.MOVE and not guess.is_question
    return is_plain and bool(resolved.mapping.references)


def questions(
    values: HostValues, schema: HostSchema, customer: CustomerMap, answered: AbstractSet[tuple[str, str]]
) -> list[Question]:
    """Return the columns that look like references to the customers and have no answer, in the order of their names.

    `answered` are (table, column) of which the mapping says what they are. A foreign key needs no answer here.
    The condition of `customer` has to be one that the database takes.
    """
    guess = guess_of(schema, customer)
    if guess is None:
        return []
    found = _Search(values, schema, guess, answered).references()
    asked = [
        reference
        for reference in found
        if reference.finding.by is not FindingKind.CONSTRAINT and not reference.finding.is_doubtful
    ]
    return [_question(values, schema, guess, reference, customer.all_keys) for reference in asked]


@dataclass(slots=True)
class _Search:
    """Looks for references to the customers in every table."""

    values: HostValues
    schema: HostSchema
    guess: CustomerGuess
    answered: AbstractSet[tuple[str, str]] = frozenset()
    progress: Progress | None = None
    attributes: list[Attributes] = field(default_factory=list)
    """The tables with a detail of a customer in each row."""

    def references(self) -> list[ReferenceGuess]:
        """Return what was found; of each table, only a sample is kept while it is looked at."""
        found: list[ReferenceGuess] = []
        without_rows: list[Suspect] = []
        for done, table in enumerate(self._tables()):
            if self.progress is not None:
                self.progress.advanced(done, len(self.schema.tables))
            sample = self._sample(table)
            findings = [each for each in by_constraint(self.schema, self.guess) if each.table == table.name]
            for suspect in suspects(self.guess, table, sample):
                finding = self._judged(suspect)
                findings += [] if finding is None else [finding]
                without_rows += [] if suspect.values else [suspect]
            for finding in best_of_each_column(findings):
                found.append(reference_guess(self.schema, finding, sample))
                self._note_attributes(table, finding, sample)
        known = Counter(
            each.finding.column for each in found if each.finding.by is FindingKind.NAME and each.finding.is_sure
        )
        names = {column for column, count in known.items() if count >= _TWICE}
        seen = {each.finding.name for each in found}
        found += [
            reference_guess(self.schema, finding, None)
            for finding in by_other_tables(self.guess, without_rows, names)
            if finding.name not in seen
        ]
        return sorted(found, key=lambda each: each.finding.name)

    def _sample(self, table: HostTable) -> Sample:
        """Return rows of a table, some of them about customers if a column says of each row what it is about."""
        columns = [c for c in sampled_columns(self.guess, table) if (table.name, c) not in self.answered]
        sample = self.values.sample(table, columns)
        for column in () if sample.is_whole else type_columns(self.guess, table):
            if column not in sample.columns:
                continue
            known = set(sample.values(column))
            for kind in self.values.kinds(table, column):
                if kind not in known and is_customer_type(self.guess, kind):
                    sample = sample.with_rows(self.values.rows_of_kind(table, sample.columns, column, kind))
        return sample

    def _tables(self) -> Iterator[HostTable]:
        """Yield the tables in the order of their names."""
        return (self.schema.tables[name] for name in sorted(self.schema.tables))

    def _judged(self, suspect: Suspect) -> Finding | None:
        guess = self.guess
        tested = {
            key: self.values.compared(guess.table, guess.column(key), suspect.values, suspect.rows, guess.where)
            for key in suspect.keys
        }
        for key, result in tested.items():
            if needs_rivals(suspect, result):
                tested[key] = replace(result, has_rival=self._has_rival(suspect, result))
        return judged(self.schema, guess, suspect, tested)

    def _has_rival(self, suspect: Suspect, tested: KeyShare) -> bool:
        """Return whether the values are, nearly as often, keys of another table."""
        for table in self._tables():
            key = table.column(table.row_key[0]) if len(table.row_key) == 1 else None
            if key is None or table.name == self.guess.table.name or not comparable(suspect.column, key):
                continue
            share = self.values.compared(table, key, suspect.values, suspect.rows).share
            if share >= _NEARLY_AS_OFTEN * tested.share:
                return True
        return False

    def _note_attributes(self, table: HostTable, finding: Finding, sample: Sample) -> None:
        if (attributes := attributes_of(table, finding, sample)) is not None:
            self.attributes.append(attributes)


def _question(
    values: HostValues,
    schema: HostSchema,
    guess: CustomerGuess,
    reference: ReferenceGuess,
    mapped_keys: tuple[str, ...],
) -> Question:
    finding = reference.finding
    tested = finding.tested
    rows, distinct, keys = tested.rows, tested.distinct, tested.keys
    if finding.by is not FindingKind.LIST:
        table = schema.tables[finding.table]
        rows, distinct, keys = values.counted(
            (table, finding.column, finding.where), (guess.table, finding.key, guess.where), finding.form
        )
    return Question(finding.name, rows, distinct, keys, distinct - keys, pasted(reference, mapped_keys))

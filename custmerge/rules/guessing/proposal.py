"""A proposed mapping: every guess with its evidence, every question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from custmerge.rules.guessing.customer import CustomerGuess
from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.packages import FieldGuess
from custmerge.rules.guessing.policies import ReferenceGuess
from custmerge.rules.guessing.samples import KeyShare
from custmerge.rules.host_schema import HostSchema
from custmerge.rules.mapping import DomainMap, PackageMap, Policy
from custmerge.rules.proofs import ProofBy


@dataclass(frozen=True, slots=True)
class Question:
    """A column that looks like a reference and has no answer."""

    column: str
    """`table.column`."""
    rows: int
    """Rows with a value."""
    distinct: int
    keys: int
    """Distinct values that are keys of customers."""
    orphans: int
    """Distinct values that are none."""
    paste: str
    """The block for the mapping that answers it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that is guessed for a host."""

    name: str
    customer: CustomerGuess
    others: tuple[str, ...]
    """Further tables that may hold the customers, the likeliest first."""
    number: str
    fields: FieldGuess
    package: PackageMap | None
    domain: DomainMap | None
    references: tuple[ReferenceGuess, ...]
    """Without the columns by which packages and domains belong to customers."""
    questions: tuple[ReferenceGuess, ...]

    @property
    def open(self) -> tuple[ReferenceGuess, ...]:
        """What somebody has to decide."""
        return (*(each for each in self.references if each.is_question), *self.questions)

    @property
    def keys(self) -> tuple[str, ...]:
        """The further keys that references hold."""
        guesses = (*self.references, *self.questions)
        held = {guess.finding.key for guess in guesses if guess.policy is not Policy.LEAVE}
        held |= {one.from_column for one in self.fields.related if one.from_related is None}
        own = self.customer.keys
        return tuple(key for key in own[1:] if key in held)

    @property
    def has_password(self) -> bool:
        """Whether a customer or package has a password to prove it by."""
        return self.customer.password is not None or (self.package is not None and self.package.password is not None)

    @property
    def proof(self) -> ProofBy:
        """What can prove a number here."""
        if self.domain is not None and self.has_password:
            return ProofBy.DOMAIN
        return ProofBy.PASSWORD if self.customer.password is not None else ProofBy.NOTHING


def by_constraint(schema: HostSchema, guess: CustomerGuess) -> list[Finding]:
    """Return the columns with a foreign key to a key of the customers."""
    found: dict[str, Finding] = {}
    for table, foreign_key in schema.foreign_keys_to(guess.table.name):
        for column, to in zip(foreign_key.columns, foreign_key.to, strict=False):
            if to in guess.keys:
                is_first, unseen = to == guess.keys[0], KeyShare(0, 0, 0, 0.0)
                finding = Finding(table.name, column, FindingKind.CONSTRAINT, True, to, is_first, unseen)
                found.setdefault(finding.name, finding)
    return sorted(found.values(), key=lambda finding: finding.name)


def best_of_each_column(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding for each column, because a mapping has one answer for it: the one with most keys.

    Several types by which rows are about customers are one finding.
    """
    best: dict[str, Finding] = {}
    for finding in findings:
        before = best.get(finding.name)
        if before is not None and _are_alike(before, finding):
            best[finding.name] = replace(before, where=f"{before.where} OR {finding.where}")
        elif before is None or (finding.is_sure, finding.tested.keys) > (before.is_sure, before.tested.keys):
            best[finding.name] = finding
    return sorted(best.values(), key=lambda finding: finding.name)


def _are_alike(one: Finding, other: Finding) -> bool:
    """Return whether two findings of a column differ in the type of the row alone."""
    are_typed = one.by is FindingKind.TYPE_COLUMN is other.by and one.where != other.where
    return are_typed and (one.key, one.form, one.is_sure) == (other.key, other.form, other.is_sure)


def without_owners(
    guesses: Sequence[ReferenceGuess], package: PackageMap | None, domain: DomainMap | None
) -> tuple[ReferenceGuess, ...]:
    """Return the guesses without the columns that [package] and [domain] speak of already."""
    spoken = set()
    if package is not None:
        spoken.add(f"{package.table}.{package.customer}")
    if domain is not None and domain.customer is not None:
        spoken.add(f"{domain.table}.{domain.customer}")
    return tuple(guess for guess in guesses if guess.finding.name not in spoken)

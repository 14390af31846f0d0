"""What is proposed for a reference: the policy, and what makes it so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from custmerge.errors import N_
from custmerge.rules.attach.clashes import can_clash
from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.money import is_money
from custmerge.rules.guessing.samples import Sample
from custmerge.rules.guessing.table_kinds import has_secrets, kind_of_table
from custmerge.rules.guessing.words import AMOUNTS, BALANCES, word_set, words
from custmerge.rules.host_schema import HostSchema, HostTable, Kind, UniqueKind
from custmerge.rules.mapping import Policy

_FEWEST_BALANCES = 3
_MISTAKES = 0.2
_KINDS_OF_BALANCE = word_set("currency waehrung type typ kind company shop store tenant program programm")

_EVIDENCE = {
    FindingKind.CONSTRAINT: N_("foreign key"),
    FindingKind.NAME: N_("by its name; {keys} of {distinct} values are keys of customers"),
    FindingKind.TYPE_COLUMN: N_("by its type column; {keys} of {distinct} values are keys of customers"),
    FindingKind.TEXT: N_("{keys} of {distinct} texts of this form have a customer's key in them"),
    FindingKind.LIST: N_("{keys} of {distinct} values inside are keys of customers"),
    FindingKind.VALUES: N_("by its values; {keys} of {distinct} are keys of customers"),
}

Remark = tuple[str, dict[str, str]]
"""A template that is marked for translation, and what it is filled with."""


@dataclass(frozen=True, slots=True)
class ReferenceGuess:
    """An entry that is proposed."""

    finding: Finding
    policy: Policy
    remarks: tuple[Remark, ...]
    """The evidence, then what to consider."""
    unique: tuple[str, ...] | None = None
    """Empty: one row for each customer. None: a constraint says it, or nothing has to."""
    add: tuple[str, ...] = ()
    set: tuple[tuple[str, bool | int], ...] = ()
    """What else the rows that move get."""
    is_question: bool = False
    """Whether the policy itself has to be confirmed."""


def reference_guess(schema: HostSchema, finding: Finding, sample: Sample | None) -> ReferenceGuess:
    """Return what is proposed for a column that holds customers' keys."""
    table = schema.tables[finding.table]
    evidence = (evidence_of(finding),)
    kind = kind_of_table(table)
    if kind is not None:
        # Whatever it is, it stays: nobody has to be asked.
        return ReferenceGuess(replace(finding, is_sure=True), Policy.LEAVE, (*evidence, (kind, {})))
    if has_secrets(table):
        remark = N_("its columns look like credentials: a row that moves may open the survivor's account")
        return ReferenceGuess(finding, Policy.LEAVE, (*evidence, (remark, {})), is_question=True)
    if finding.by is FindingKind.LIST:
        remark = N_("keys inside a list or JSON aren't changed")
        return ReferenceGuess(finding, Policy.LEAVE, (*evidence, (remark, {})))
    return _where_rows_change(table, finding, sample)


def _where_rows_change(table: HostTable, finding: Finding, sample: Sample | None) -> ReferenceGuess:
    evidence = evidence_of(finding)
    if not table.row_key:
        remark = N_("nothing tells its rows from one another: as long as there are some, the order is refused")
        return ReferenceGuess(finding, Policy.REFUSE, (evidence, (remark, {})), is_question=True)
    balance, clashing = _balance(table, finding, sample), next(iter(can_clash(table, finding.column)), None)
    if balance is not None:
        unique, add = balance
        remark = N_("one row for each customer ({columns}): is the second one added to the first?")
        told = (evidence, (remark, {"columns": ", ".join((finding.column, *unique))}))
        # A constraint says itself what is unique.
        of_entry = None if clashing else unique
        return ReferenceGuess(finding, Policy.ADD, told, unique=of_entry, add=add, is_question=True)
    if clashing is None:
        return ReferenceGuess(finding, Policy.MOVE, (evidence,))
    if clashing.kind is UniqueKind.EXCLUSION:
        remark = N_("{name} may refuse a row that moves: then the order is refused")
        return ReferenceGuess(finding, Policy.MOVE, (evidence, (remark, {"name": clashing.name or table.name})))
    remark = N_("one row for each {columns}: where both customers have it, the absorbed number's is dropped")
    columns = ", ".join(column or "…" for column in clashing.columns)
    dropped = (evidence, (remark, {"columns": columns}))
    return ReferenceGuess(finding, Policy.DROP, dropped, is_question=is_money(table))


def evidence_of(finding: Finding) -> Remark:
    """Return the sentence that says why a column is taken for a reference."""
    tested = finding.tested
    numbers = {"distinct": str(tested.distinct), "keys": str(tested.keys)}
    if finding.by is FindingKind.NAME and not tested.distinct:
        return N_("by its name and type; there are no values"), {}
    return _EVIDENCE[finding.by], numbers


def _balance(
    table: HostTable, finding: Finding, sample: Sample | None
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return what tells the rows of a customer apart, and the sums, where there is one row of each kind only."""
    if sample is None or finding.where is not None or not frozenset(words(table.plain_name)) & BALANCES:
        return None
    add = tuple(
        column.name
        for column in table.columns
        if column.kind in (Kind.NUMBER, Kind.INTEGER) and frozenset(words(column.name)[-1:]) & AMOUNTS
    )
    if not add or finding.column not in sample.columns:
        return None
    kinds = tuple(
        column.name
        for column in table.columns
        if column.name in sample.columns
        and column.name != finding.column
        and frozenset(words(column.name)) & _KINDS_OF_BALANCE
    )
    places = [sample.columns.index(name) for name in (finding.column, *kinds)]
    rows = Counter(tuple(row[place] for place in places) for row in sample.rows if row[places[0]] is not None)
    # A few may be there twice by mistake; a list of bookings has most of them often.
    repeated = sum(count > 1 for count in rows.values())
    if len(rows) < _FEWEST_BALANCES or repeated > len(rows) * _MISTAKES:
        return None
    return kinds, add

"""What a mapping comes to: fields, references, and what is in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, _, literal, ngettext, visible
from custmerge.cli.render.text.parts import BLANK, Column, Grid, Line, Part, Table
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import field_label, filled
from custmerge.errors import N_
from custmerge.rules.attach.problems import Problem
from custmerge.rules.attach.references import FoundBy
from custmerge.rules.mapping import Policy
from custmerge.rules.proofs import ProofBy

if TYPE_CHECKING:
    from custmerge.rules.guessing.proposal import Question
    from custmerge.rules.mapping import HostMapping, Value
    from custmerge.services.attach.check import Checked, CheckedReference

_FOUND_BY = {FoundBy.FOREIGN_KEY: N_("foreign key"), FoundBy.MAPPING: N_("mapping")}


def checked_parts(checked: Checked, file: str) -> list[Part]:
    """Return what would hold, what is in its way, and what to do next."""
    count = ngettext("{name}: {count} customer", "{name}: {count} customers", checked.customers)
    parts: list[Part] = [count.format(name=checked.name, count=checked.customers), _proof(checked.proof), BLANK]
    parts.append(Grid([(field_label(field), source or "–") for field, source in checked.fields.items()]))
    if conditions := _conditions(checked.resolved.mapping):
        parts += [BLANK, Grid(conditions)]
    parts += [part for table in _read_first(checked) for part in (BLANK, Line(table, Style.PROBLEM))]
    if checked.hashes:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in checked.hashes.items())
        parts += [BLANK, _("Passwords with these hashes prove nothing: {kinds}").format(kinds=kinds)]
    if checked.references:
        parts += [BLANK, references_table(checked.references)]
    for question in checked.questions:
        parts += [BLANK, *_question_parts(question)]
    if checked.problems:
        parts += [BLANK, problems_grid(checked.problems)]
        pasted = [_pasted(each.subject, each.paste) for each in checked.problems if each.paste is not None]
        parts += [part for block in pasted for part in block]
    return [*parts, BLANK, *_verdict(checked, file)]


def _conditions(mapping: HostMapping) -> list[tuple[SafeText, str]]:
    """Return what the mapping says of orders besides the references, as it stands there."""
    customer = mapping.customer
    written = (
        (_("Customers are rows where"), customer.where or ""),
        (_("Equal in both numbers"), ", ".join(customer.same)),
        (_("The absorbed row gets"), _values(customer.retire)),
        (_("Changed rows get"), _values(customer.touch)),
        *((_("No merge while"), refuse.why) for refuse in mapping.refuse),
    )
    return [(label, text) for label, text in written if text]


def _read_first(checked: Checked) -> list[SafeText]:
    """Return a sentence for each table of which fields are read and whose rows follow: another may come first."""
    follow = {each.reference.name for each in checked.references if each.reference.policy is not Policy.LEAVE}
    tables = {each.table for each in checked.resolved.mapping.related.values() if f"{each.table}.{each.on}" in follow}
    careful = _(
        "Careful: fields are read from the first row of {table}, and rows of it follow. See to it by `order`, "
        "`where` or `set` that the survivor's own stays the first."
    )
    return [careful.format(table=table) for table in sorted(tables)]


def _values(values: Mapping[str, Value]) -> str:
    # Truth values as the mapping writes them.
    written = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    return ", ".join(f"{column} = {value}" for column, value in written.items())


def references_table(references: Sequence[CheckedReference]) -> Table:
    """Return a row for each reference; without the last column if no entry says why."""
    columns = (Column(_("Reference"), is_key=True), _("Policy"), _("Rows"), _("Found by"), _("Index"))
    rows = [
        (
            each.reference.name,
            # As it stands in a mapping.
            each.reference.policy.value,
            each.rows,
            _(_FOUND_BY[each.reference.found_by]),
            _("yes") if each.is_indexed else _("no"),
        )
        for each in references
    ]
    if not any(each.reference.why for each in references):
        return Table(columns, rows)
    with_reasons = [(*row, each.reference.why) for row, each in zip(rows, references, strict=True)]
    return Table((*columns, Column(_("Why"), is_wide=True)), with_reasons)


def problems_grid(problems: Sequence[Problem]) -> Grid:
    """Return a row for each problem: where it is and what it is."""
    return Grid([(Line(literal("✗"), Style.PROBLEM), each.subject, problem_text(each)) for each in problems])


def problem_text(problem: Problem, *, for_data: bool = False) -> SafeText:
    """Return a problem's sentence, with the line of the mapping where it has one."""
    text = filled(problem.message, problem.details, for_data=for_data)
    if problem.line is None:
        return text
    return _("line {line}: {what}").format(line=problem.line, what=text)


def _proof(proof: ProofBy) -> SafeText:
    match proof:
        case ProofBy.DOMAIN:
            return _("A number is proved by a domain and its password.")
        case ProofBy.PASSWORD:
            return _("A number is proved by its own password.")
        case ProofBy.NOTHING:
            return _("Nothing proves a number: only transfers and approved files stand in for it.")


def _question_parts(question: Question) -> list[Part]:
    """Return what is asked, and the lines that answer it in a mapping."""
    asked = ngettext(
        "{column}: does it hold keys of customers? {keys} of {distinct} values are, {orphans} aren't ({count} row).",
        "{column}: does it hold keys of customers? {keys} of {distinct} values are, {orphans} aren't ({count} rows).",
        question.rows,
    ).format(
        column=question.column,
        keys=question.keys,
        distinct=question.distinct,
        orphans=question.orphans,
        count=question.rows,
    )
    return [
        Line(asked, Style.PROBLEM),
        _("If so, paste this; if not, name it in `[ignore]`:"),
        *_block(question.paste),
    ]


def _pasted(subject: str, paste: str) -> list[Part]:
    """Return the lines that put a problem right in a mapping."""
    said = _("For {column} paste this, perhaps with another policy:").format(column=subject)
    return [BLANK, said, *_block(paste)]


def _block(paste: str) -> list[Part]:
    return [visible(line) for line in paste.split("\n")]


def _verdict(checked: Checked, file: str) -> list[Part]:
    if checked.is_ready:
        return [Line(_("Ready: `custmerge attach {file}`.").format(file=file), Style.GOOD)]
    parts: list[Part] = []
    if count := len(checked.problems):
        text = ngettext("Not ready: {count} problem.", "Not ready: {count} problems.", count).format(count=count)
        parts.append(Line(text, Style.PROBLEM))
    if count := len(checked.questions):
        text = ngettext("Not ready: {count} question.", "Not ready: {count} questions.", count).format(count=count)
        parts.append(Line(text, Style.PROBLEM))
    return parts

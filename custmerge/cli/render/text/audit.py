"""What an audit came to."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import (
    _,
    filled,
    ngettext,
)
from custmerge.cli.render.escape import visible
from custmerge.errors import N_
from custmerge.rules.audit import DESCRIPTIONS, Audit, Checked, CheckName, Finding, Severity, Verdict, next_step

FILE_WIDTH = 10_000
"""Columns of a table that goes to a file or a pipe: what looks for words in it is to find a finding in one line."""
_MARKS = {Verdict.OK: "✓", Verdict.WARNING: "!", Verdict.CRITICAL: "✗"}
_STYLES = {
    Verdict.OK: Style(color="green"),
    Verdict.WARNING: Style(color="yellow"),
    Verdict.CRITICAL: Style(color="red", bold=True),
}
_SEVERITY_LABELS = {Severity.WARNING: N_("warning"), Severity.CRITICAL: N_("critical")}
_VERDICT_LABELS = {
    Verdict.OK: N_("Everything is as custmerge left it."),
    Verdict.WARNING: N_("Nothing was touched, but somebody should look after something."),
    Verdict.CRITICAL: N_("Something isn't as custmerge left it."),
}


def audit_parts(done: Audit) -> list[RenderableType]:
    """Return a line for each check, then the findings, then the verdict and the head of the history."""
    parts: list[RenderableType] = [_grid(_check_row(checked) for checked in done.checks)]
    if done.findings:
        parts += [Text(), _grid(row for checked in done.checks for row in _finding_rows(checked))]
    verdict = Text(_(_VERDICT_LABELS[done.verdict]), style=_STYLES[done.verdict])
    took = _("{summary}, {seconds} s").format(summary=summary(done), seconds=f"{done.seconds:.1f}")
    head = _("Last entry: {seq}, {hash}").format(seq=done.head.seq, hash=visible(done.head.hash))
    return [*parts, Text(), verdict, Text(took), Text(head, overflow="fold")]


def checks_parts() -> list[RenderableType]:
    """Return every check that there is."""
    return [_grid((Text(name.value), Text(_(DESCRIPTIONS[name]))) for name in CheckName)]


def as_text(parts: Iterable[RenderableType]) -> str:
    """Return what goes to a file or a pipe in place of a terminal."""
    console = Console(color_system=None, width=FILE_WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def message(found: Finding) -> str:
    """Return what was found and what to do about it, translated, its values made visible."""
    said = filled(found.message, found.details)
    return (
        " ".join((f"{said.rstrip('.')}.", _(next_step(found.check)))) if found.severity is Severity.CRITICAL else said
    )


def messages(done: Audit) -> list[str]:
    """Return the sentences of an audit's findings, in their order."""
    return [message(found) for found in done.findings]


def summary(done: Audit) -> str:
    """Return how much was looked at and found: `2 findings, 123 entries, 19 checks`."""
    counts = {
        "findings": sum(checked.count for checked in done.checks),
        "entries": done.head.seq,
        "checks": len(done.checks),
    }
    parts = [
        ngettext("{count} finding", "{count} findings", counts["findings"]).format(count=counts["findings"]),
        ngettext("{count} entry", "{count} entries", counts["entries"]).format(count=counts["entries"]),
        ngettext("{count} check", "{count} checks", counts["checks"]).format(count=counts["checks"]),
    ]
    return ", ".join(parts if counts["findings"] else parts[1:])


def left_out(checked: Checked) -> str:
    """Return how many findings of a check aren't listed."""
    said = ngettext("{count} finding more", "{count} findings more", checked.more)
    return said.format(count=checked.more)


def _grid(rows: Iterable[tuple[RenderableType, ...]]) -> Table:
    found = list(rows)
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _column in found[0]:
        # The last one takes the room that the others leave; a long row's name is folded, not cut.
        grid.add_column(overflow="fold")
    for row in found:
        grid.add_row(*row)
    return grid


def _check_row(checked: Checked) -> tuple[Text, ...]:
    verdict = Verdict.OK
    if checked.count:
        severities = {found.severity for found in checked.findings}
        verdict = Verdict.CRITICAL if Severity.CRITICAL in severities else Verdict.WARNING
    mark = Text(_MARKS[verdict], style=_STYLES[verdict])
    return mark, Text(checked.check.value), Text(_(DESCRIPTIONS[checked.check]))


def _finding_rows(checked: Checked) -> Iterable[tuple[Text, ...]]:
    for found in checked.findings:
        label = Text(_(_SEVERITY_LABELS[found.severity]), style=_STYLES[Verdict[found.severity.name]])
        yield label, Text(visible(found.subject)), Text(message(found))
    if checked.more:
        yield Text(), Text(checked.check.value), Text(left_out(checked))

"""What an audit came to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from custmerge.cli.language import SafeText, _, literal, ngettext, visible
from custmerge.cli.render.text.parts import BLANK, Cell, Grid, Line, Part
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import decimal, filled
from custmerge.errors import N_
from custmerge.rules.audit import DESCRIPTIONS, Audit, Checked, Finding, Severity, Verdict, next_step

_MARKS = {Verdict.OK: literal("✓"), Verdict.WARNING: literal("!"), Verdict.CRITICAL: literal("✗")}
_STYLES = {Verdict.OK: Style.GOOD, Verdict.WARNING: Style.NOTICE, Verdict.CRITICAL: Style.PROBLEM}
_SEVERITY_LABELS = {Severity.WARNING: N_("warning"), Severity.CRITICAL: N_("critical")}
_VERDICT_LABELS = {
    Verdict.OK: N_("Everything is as custmerge left it."),
    Verdict.WARNING: N_("Nothing was touched, but somebody should look after something."),
    Verdict.CRITICAL: N_("Something isn't as custmerge left it."),
}

_SUBJECTS = {
    "before-images": N_("before-images"),
    "head": N_("newest entry"),
    "login": N_("logins"),
    "signed forms": N_("signed forms"),
    "batch": N_("batch {name}"),
    "before-image": N_("before-image {name}"),
    "checkpoint line": N_("checkpoint line {name}"),
    "column": N_("column {name}"),
    "customer": N_("customer {name}"),
    "domain": N_("domain {name}"),
    "history": N_("history {name}"),
    "order": N_("order {name}"),
    "package": N_("package {name}"),
    "rows of": N_("rows of {name}"),
    "table": N_("table {name}"),
    "token": N_("token {name}"),
    "transfer": N_("transfer {name}"),
}
"""What a finding is about, by the first words of its subject."""
_SUBJECT = re.compile(rf"({'|'.join(sorted(_SUBJECTS, key=len, reverse=True))})(?: (.*))?", re.DOTALL)


def audit_parts(audit: Audit) -> list[Part]:
    """Return a line for each check, then the findings, then the verdict and the head of the history."""
    parts: list[Part] = [Grid([_check_row(checked) for checked in audit.checks])]
    if audit.findings:
        parts += [BLANK, Grid([row for checked in audit.checks for row in _finding_rows(checked)])]
    verdict = Line(_(_VERDICT_LABELS[audit.verdict]), _STYLES[audit.verdict])
    took = _("{summary}, {seconds} s").format(summary=summary(audit), seconds=decimal(audit.seconds))
    head = _("Last entry: {seq}, {hash}").format(seq=audit.head.seq, hash=audit.head.hash)
    return [*parts, BLANK, verdict, took, head]


def message(finding: Finding, *, for_data: bool = False) -> SafeText:
    """Return a finding's sentence, see `filled`; a critical one with what to do about it."""
    text = filled(finding.message, finding.details, for_data=for_data)
    if finding.severity is not Severity.CRITICAL:
        return text
    return literal("{text}. {next_step}").format(text=text.rstrip("."), next_step=_(next_step(finding.check)))


def summary(audit: Audit) -> SafeText:
    """Return how much was checked and found: `2 findings, 123 entries, 19 checks`."""
    findings, entries, checks = sum(c.count for c in audit.checks), audit.head.seq, len(audit.checks)
    parts = [
        ngettext("{count} finding", "{count} findings", findings).format(count=findings),
        ngettext("{count} entry", "{count} entries", entries).format(count=entries),
        ngettext("{count} check", "{count} checks", checks).format(count=checks),
    ]
    return literal(", ").join(parts if findings else parts[1:])


def left_out(checked: Checked) -> SafeText:
    """Return how many findings of a check aren't listed."""
    return ngettext("{count} finding more", "{count} findings more", checked.more).format(count=checked.more)


def worst_severity(checked: Checked) -> Severity:
    """Return the severity of a check's worst finding."""
    is_critical = any(finding.severity is Severity.CRITICAL for finding in checked.findings)
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _check_row(checked: Checked) -> tuple[Cell, ...]:
    verdict = Verdict[worst_severity(checked).name] if checked.count else Verdict.OK
    description = _(DESCRIPTIONS[checked.check])
    if checked.count:
        description = _("doesn't hold: {what}").format(what=description)
    return Line(_MARKS[verdict], _STYLES[verdict]), checked.check.value, description


def _finding_rows(checked: Checked) -> Iterable[tuple[Cell, ...]]:
    for finding in checked.findings:
        label = Line(_(_SEVERITY_LABELS[finding.severity]), _STYLES[Verdict[finding.severity.name]])
        yield label, _subject(finding.subject), message(finding)
    if checked.more:
        yield "", checked.check.value, left_out(checked)


def _subject(subject: str) -> SafeText:
    """Return what a finding is about, as people read it; scripts see the English words."""
    if match := _SUBJECT.fullmatch(subject):
        return _(_SUBJECTS[match[1]]).format(name=match[2])
    return visible(subject)

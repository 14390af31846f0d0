"""What an audit came to: for people, for scripts, as a Nagios plugin's output, in Prometheus' text format.

Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"; Prometheus, "Exposition formats",
text-based format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from custmerge.cli.language import SafeText, _, filled, literal, ngettext, visible
from custmerge.cli.render.parts import BLANK, Cell, Grid, Line, Part
from custmerge.cli.render.writing import Shape
from custmerge.errors import N_
from custmerge.rules.audit import DESCRIPTIONS, Audit, Checked, Finding, Severity, Verdict, next_step
from custmerge.rules.history import NO_HASH

_MARKS = {Verdict.OK: literal("✓"), Verdict.WARNING: literal("!"), Verdict.CRITICAL: literal("✗")}
_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.CRITICAL: "bold red"}
_SEVERITY_LABELS = {Severity.WARNING: N_("warning"), Severity.CRITICAL: N_("critical")}
_VERDICT_LABELS = {
    Verdict.OK: N_("Everything is as custmerge left it."),
    Verdict.WARNING: N_("Nothing was touched, but somebody should look after something."),
    Verdict.CRITICAL: N_("Something isn't as custmerge left it."),
}
_STATUS = "The verdict: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (the database could not be looked at)."
_TIMESTAMP = "When the audit began, as a Unix time."


def audit_parts(audit: Audit) -> list[Part]:
    """Return a line for each check, then the findings, then the verdict and the head of the history."""
    parts: list[Part] = [Grid([_check_row(checked) for checked in audit.checks])]
    if audit.findings:
        parts += [BLANK, Grid([row for checked in audit.checks for row in _finding_rows(checked)])]
    verdict = Line(_(_VERDICT_LABELS[audit.verdict]), _STYLES[audit.verdict])
    took = _("{summary}, {seconds} s").format(summary=summary(audit), seconds=f"{audit.seconds:.1f}")
    head = _("Last entry: {seq}, {hash}").format(seq=audit.head.seq, hash=audit.head.hash)
    return [*parts, BLANK, verdict, took, head]


def message(finding: Finding) -> SafeText:
    """Return a finding's sentence; a critical one with what to do about it."""
    text = filled(finding.message, finding.details)
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


def _check_row(checked: Checked) -> tuple[Cell, ...]:
    verdict = Verdict[_worst(checked).name] if checked.count else Verdict.OK
    return Line(_MARKS[verdict], _STYLES[verdict]), checked.check.value, _(DESCRIPTIONS[checked.check])


def _finding_rows(checked: Checked) -> Iterable[tuple[Cell, ...]]:
    for finding in checked.findings:
        label = Line(_(_SEVERITY_LABELS[finding.severity]), _STYLES[Verdict[finding.severity.name]])
        yield label, finding.subject, message(finding)
    if checked.more:
        yield "", checked.check.value, left_out(checked)


def audit(audit: Audit) -> Shape:
    """Return what an audit came to."""
    return {
        "status": audit.verdict.name.lower(),
        "entries": audit.head.seq,
        "checks": [{"check": c.check.value, "ok": c.count == 0, "findings": c.count} for c in audit.checks],
        "findings": [
            {"check": f.check.value, "severity": f.severity.value, "subject": f.subject, "message": message(f)}
            for f in audit.findings
        ],
        "head": {"seq": audit.head.seq, "hash": audit.head.hash},
        "seconds": round(audit.seconds, 3),
    }


def audit_unknown() -> Shape:
    """Return what an audit says that couldn't check anything."""
    return {
        "status": Verdict.UNKNOWN.name.lower(),
        "entries": 0,
        "checks": [],
        "findings": [],
        "head": {"seq": 0, "hash": NO_HASH},
        "seconds": 0.0,
    }


def nagios(audit: Audit) -> SafeText:
    """Return a plugin's output: one line with performance data, then a line for each finding."""
    verdict = audit.verdict
    first = f"CUSTMERGE {verdict.name} - {_line(summary(audit))}"
    worst = [finding for finding in audit.findings if finding.severity.name == verdict.name]
    if worst:
        first = f"{first}; {_finding_line(worst[0])}"
    count = sum(checked.count for checked in audit.checks)
    measured = f"entries={audit.head.seq};;;0 findings={count};0;;0 seconds={audit.seconds:.3f}s;;;0"
    lines = [f"{first} | {measured}"]
    for checked in audit.checks:
        lines += [f"{finding.severity.name} {checked.check} {_finding_line(finding)}" for finding in checked.findings]
        if checked.more:
            lines.append(f"{_worst(checked).name} {checked.check} {_line(left_out(checked))}")
    return literal("\n").join([*lines, ""])


def nagios_unknown(sentence: str) -> SafeText:
    """Return a plugin's output where nothing could be looked at, and why."""
    return visible(f"CUSTMERGE UNKNOWN - {_line(sentence)}")


def prometheus(audit: Audit, now: datetime) -> SafeText:
    """Return the metrics of an audit that was begun at `now`, for node_exporter's textfile collector."""
    findings = [
        ({"check": checked.check.value, "severity": severity.value}, _count(checked, severity))
        for checked in audit.checks
        for severity in Severity
    ]
    return _document(
        _metric("status", _STATUS, [({}, int(audit.verdict))]),
        _metric("entries", "Entries of the history.", [({}, audit.head.seq)]),
        _metric("head_seq", "The number of the last entry.", [({}, audit.head.seq)]),
        _metric("findings", "What was found, by check and severity.", findings),
        _metric("seconds", "How long the audit took.", [({}, round(audit.seconds, 3))]),
        _metric("timestamp_seconds", _TIMESTAMP, [({}, int(now.timestamp()))]),
    )


def prometheus_unknown(now: datetime) -> SafeText:
    """Return the metrics of an audit that couldn't look at the database: they say nothing of the history."""
    return _document(
        _metric("status", _STATUS, [({}, int(Verdict.UNKNOWN))]),
        _metric("timestamp_seconds", _TIMESTAMP, [({}, int(now.timestamp()))]),
    )


def _finding_line(finding: Finding) -> str:
    return f"{_line(finding.subject)}: {_line(message(finding))}"


def _line(text: str) -> str:
    """Return `text` as a part of a plugin's line: `|` would begin performance data, a line end other output."""
    return visible(text).replace("|", "\\x7c")


def _count(checked: Checked, severity: Severity) -> int:
    # What isn't listed is counted where it is worst.
    more = checked.more if severity is _worst(checked) else 0
    return more + sum(finding.severity is severity for finding in checked.findings)


def _worst(checked: Checked) -> Severity:
    is_critical = any(finding.severity is Severity.CRITICAL for finding in checked.findings)
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _metric(name: str, says: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    name = f"custmerge_audit_{name}"
    lines = [f"# HELP {name} {says}", f"# TYPE {name} gauge"]
    return [*lines, *(f"{name}{_labels(labels)} {value}" for labels, value in samples)]


def _document(*metrics: Sequence[str]) -> SafeText:
    return literal("\n").join([*chain.from_iterable(metrics), ""])


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_label_value(value)}"' for name, value in labels.items()) + "}"


def _label_value(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

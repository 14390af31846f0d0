"""What an audit came to, for scripts, as a Nagios plugin's output and in Prometheus' text format.

Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"; Prometheus, "Exposition formats",
text-based format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from custmerge.cli.language import SafeText, literal, visible
from custmerge.cli.render.data.writing import Shape
from custmerge.cli.render.text.audit import left_out, message, summary, worst_severity
from custmerge.rules.audit import Audit, Checked, Finding, Severity, Verdict
from custmerge.rules.history import NO_HASH

_STATUS = "The verdict: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (the database could not be looked at)."
_TIMESTAMP = "When the audit began, as a Unix time."


def audit_shape(audit: Audit) -> Shape:
    """Return what an audit came to."""
    return {
        "status": audit.verdict.name.lower(),
        "entries": audit.head.seq,
        "checks": [{"check": c.check.value, "ok": c.count == 0, "findings": c.count} for c in audit.checks],
        "findings": [
            {
                "check": f.check.value,
                "severity": f.severity.value,
                "subject": f.subject,
                "message": message(f, for_data=True),
            }
            for f in audit.findings
        ],
        "head": {"seq": audit.head.seq, "hash": audit.head.hash},
        "seconds": round(audit.seconds, 3),
    }


def unknown_shape() -> Shape:
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
            lines.append(f"{worst_severity(checked).name} {checked.check} {_line(left_out(checked))}")
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
    return f"{_line(finding.subject)}: {_line(message(finding, for_data=True))}"


def _line(text: str) -> str:
    """Return `text` as a part of a plugin's line: `|` would begin performance data, a line end other output."""
    return visible(text).replace("|", "\\x7c")


def _count(checked: Checked, severity: Severity) -> int:
    # What isn't listed is counted where it is worst.
    more = checked.more if severity is worst_severity(checked) else 0
    return more + sum(finding.severity is severity for finding in checked.findings)


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

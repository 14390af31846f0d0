"""What an audit came to, as monitoring systems read it: a Nagios plugin's output, Prometheus' text format.

Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"; Prometheus, "Exposition formats",
text-based format 0.0.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.language import _, filled, ngettext
from custmerge.cli.render.escape import visible
from custmerge.rules.audit import Severity, Verdict, next_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from custmerge.rules.audit import Audit, Checked, Finding

_STATUS = "The verdict: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (the database could not be looked at)."
_TIMESTAMP = "When the audit began, as a Unix time."


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


def nagios(done: Audit) -> str:
    """Return a plugin's output: one line with performance data, then a line for each finding."""
    verdict = done.verdict
    first = f"CUSTMERGE {verdict.name} - {_line(summary(done))}"
    worst = [found for found in done.findings if found.severity.name == verdict.name]
    if worst:
        first = f"{first}; {_finding_line(worst[0])}"
    count = sum(checked.count for checked in done.checks)
    measured = f"entries={done.head.seq};;;0 findings={count};0;;0 seconds={done.seconds:.3f}s;;;0"
    lines = [f"{first} | {measured}"]
    for checked in done.checks:
        lines += [f"{found.severity.name} {checked.check} {_finding_line(found)}" for found in checked.findings]
        if checked.more:
            lines.append(f"{_worst(checked).name} {checked.check} {_line(left_out(checked))}")
    return "\n".join(lines) + "\n"


def nagios_unknown(sentence: str) -> str:
    """Return a plugin's output where nothing could be looked at, and why."""
    return f"CUSTMERGE UNKNOWN - {_line(sentence)}\n"


def prometheus(done: Audit, now: datetime) -> str:
    """Return the metrics of an audit that was begun at `now`, for node_exporter's textfile collector."""
    findings = [
        ({"check": checked.check.value, "severity": severity.value}, _count(checked, severity))
        for checked in done.checks
        for severity in Severity
    ]
    return "".join(
        (
            _metric("status", _STATUS, [({}, int(done.verdict))]),
            _metric("entries", "Entries of the history.", [({}, done.head.seq)]),
            _metric("head_seq", "The number of the last entry.", [({}, done.head.seq)]),
            _metric("findings", "What was found, by check and severity.", findings),
            _metric("seconds", "How long the audit took.", [({}, round(done.seconds, 3))]),
            _metric("timestamp_seconds", _TIMESTAMP, [({}, int(now.timestamp()))]),
        )
    )


def prometheus_unknown(now: datetime) -> str:
    """Return the metrics of an audit that couldn't look at the database: they say nothing of the history."""
    status = _metric("status", _STATUS, [({}, int(Verdict.UNKNOWN))])
    return status + _metric("timestamp_seconds", _TIMESTAMP, [({}, int(now.timestamp()))])


def _finding_line(found: Finding) -> str:
    return f"{_line(found.subject)}: {_line(message(found))}"


def _line(text: str) -> str:
    """Return `text` as a part of a plugin's line: `|` would begin performance data, a line end other output."""
    return visible(text).replace("|", "\\x7c")


def _count(checked: Checked, severity: Severity) -> int:
    # What isn't listed is counted where it is worst.
    more = checked.more if severity is _worst(checked) else 0
    return more + sum(found.severity is severity for found in checked.findings)


def _worst(checked: Checked) -> Severity:
    is_critical = any(found.severity is Severity.CRITICAL for found in checked.findings)
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _metric(name: str, says: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> str:
    name = f"custmerge_audit_{name}"
    lines = [f"# HELP {name} {says}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_label_value(value)}"' for name, value in labels.items()) + "}"


def _label_value(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

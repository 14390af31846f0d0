"""Candidates and dismissals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, _, literal, visible
from custmerge.cli.render.text.parts import Cell, Column, Line, Row, Table, moments
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import decimal, filled, moment, pair
from custmerge.errors import N_
from custmerge.rules.compare import Status
from custmerge.rules.duplicates.agreement import NOTHING_BESIDE
from custmerge.rules.duplicates.candidate import Candidate, Kind
from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.duplicates.reasons import OTHER_PHONE_AND_EMAIL

if TYPE_CHECKING:
    from custmerge.services.duplicates.dismissals import Dismissed

_KINDS = {Kind.SAME: N_("one customer"), Kind.RELATED: N_("related")}
_IDENTITIES = {
    Status.SAME: N_("the same"),
    Status.EQUIVALENT: N_("written differently"),
    Status.BLOCKED: N_("different, needs a contract transfer"),
}
_DOUBTS = NOTHING_BESIDE | {OTHER_PHONE_AND_EMAIL}
"""Reasons that speak for two people of one name."""
_REACHED_OTHERWISE = frozenset((N_("other phone"), N_("other e-mail")))
"""Two reasons that do so together."""


def candidates_table(candidates: Sequence[Candidate]) -> Table:
    """Return candidates, a line each; what a model says is there only where one was asked."""
    columns = {
        "pair": Column(_("Numbers"), is_key=True),
        "kind": Column(_("Kind")),
        "probability": Column(literal("%")),
        "identity": Column(_("Identity"), is_wide=True),
        "packages": Column(_("Packages")),
        "why": Column(_("Why"), is_wide=True),
    }
    if all(candidate.kind is Kind.SAME for candidate in candidates):
        del columns["kind"]
    if all(candidate.probability is None for candidate in candidates):
        del columns["probability"]
    rows = [(candidate, _cells(candidate)) for candidate in candidates]
    return Table(
        [*columns.values()], [Row([cells[name] for name in columns], _style(candidate)) for candidate, cells in rows]
    )


def _cells(candidate: Candidate) -> dict[str, Cell]:
    return {
        "pair": pair(candidate.survivor, candidate.absorbed),
        "kind": _(_KINDS[candidate.kind]),
        "probability": _percent(candidate.probability),
        "identity": _identity(candidate),
        "packages": candidate.packages,
        "why": literal(", ").join(_reasons(candidate)),
    }


def _identity(candidate: Candidate) -> SafeText:
    """Return how the identities compare: a contract transfer isn't what a household needs."""
    if candidate.kind is Kind.RELATED and candidate.identity is Status.BLOCKED:
        return _("different")
    return _(_IDENTITIES[candidate.identity])


def _style(candidate: Candidate) -> Style | None:
    """Return how a row stands out that nobody should merge without looking."""
    is_doubtful = not _DOUBTS.isdisjoint(candidate.why) or _REACHED_OTHERWISE.issubset(candidate.why)
    needs_a_look = is_doubtful or candidate.dismissal is not None or candidate.via is not None
    return Style.NOTICE if needs_a_look or candidate.identity is Status.BLOCKED else None


def _reasons(candidate: Candidate) -> list[SafeText]:
    reasons = [filled(text, {}) for text in candidate.why]
    if candidate.via is not None:
        reasons.insert(0, _("only by way of {number}: not merged").format(number=candidate.via))
    if candidate.dismissal is not None:
        reason, third = _reason(candidate.dismissal), candidate.dismissed_third
        if third is None:
            reasons.append(_("dismissed before: {reason}").format(reason=reason))
        else:
            reasons.append(_("dismissed from {number} before: {reason}").format(number=third, reason=reason))
    return reasons


def _percent(probability: float | None) -> SafeText:
    """Return a probability in percent, never rounded up to certainty."""
    return literal("–") if probability is None else decimal(min(999, int(probability * 1000)) / 10)


def _reason(dismissal: Dismissal) -> SafeText:
    return _("the reason was purged") if dismissal.reason is None else visible(dismissal.reason)


def dismissal_lines(dismissal: Dismissal) -> list[SafeText]:
    """Return what a dismissal does."""
    text = _("{number} and {other} are two customers: no search finds them again until a name of one changes.")
    return [text.format(number=dismissal.number, other=dismissal.other)]


def undismissal_lines(dismissal: Dismissal) -> list[SafeText]:
    """Return what the end of a dismissal does."""
    text = _("{number} and {other} may be found again; they were dismissed by {by}: {reason}")
    values = {"number": dismissal.number, "other": dismissal.other, "by": dismissal.by}
    return [text.format(**values, reason=_reason(dismissal))]


def dismissed_table(dismissed: Sequence[Dismissed]) -> Table:
    """Return dismissals, a line each; one that doesn't hold any more stands out."""
    columns = (Column(_("Numbers"), is_key=True), moments(_("At")), _("By"), Column(_("Reason"), is_wide=True))
    return Table(columns, [_dismissed_row(each) for each in dismissed])


def _dismissed_row(dismissed: Dismissed) -> Row:
    dismissal = dismissed.dismissal
    numbers = literal("{number} ≠ {other}").format(number=dismissal.number, other=dismissal.other)
    reason = Line(_reason(dismissal))
    if not dismissed.holds:
        lapsed = _("doesn't hold any more: a name or a number has changed")
        reason = Line(literal("{reason}\n").format(reason=reason.text), more=(Line(lapsed, Style.NOTICE),))
    return Row((numbers, moment(dismissal.at), dismissal.by, reason))

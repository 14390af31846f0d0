"""Staff, service tokens and contract transfers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from custmerge.cli.language import (
    _,
    moment,
    pair,
    word,
)
from custmerge.cli.render.escape import visible
from custmerge.cli.render.text.records import table_of
from custmerge.errors import N_
from custmerge.rules.people import Person, Service
from custmerge.rules.transfers import Status, Transfer

_STATUS_LABELS = {
    Status.FILED: N_("filed"),
    Status.APPROVED: N_("approved"),
    Status.REJECTED: N_("rejected"),
    Status.USED: N_("used"),
    Status.VOID: N_("void"),
}


def staff_table(people: Sequence[Person]) -> Table:
    """Return everybody who works here."""
    rows = ((p.name, word(p.role.value), moment(p.created_at), moment(p.disabled_at)) for p in people)
    return table_of((_("Name"), _("Role"), _("Since"), _("Disabled")), rows)


def services_table(services: Sequence[Service]) -> Table:
    """Return service tokens."""
    rows = (
        (
            s.name,
            word(s.role.value),
            s.created_by_name,
            moment(s.created_at),
            moment(s.expires_at),
            moment(s.revoked_at),
        )
        for s in services
    )
    return table_of((_("Name"), _("Role"), _("By"), _("Since"), _("Until"), _("Ended")), rows)


def transfers_table(transfers: Sequence[Transfer]) -> Table:
    """Return contract transfers, a line each."""
    rows = (
        (t.id, pair(t.survivor, t.absorbed), _(_STATUS_LABELS[t.status]), t.filed_by, moment(t.at), t.decided_by)
        for t in transfers
    )
    return table_of((_("No."), _("Numbers"), _("Status"), _("Filed by"), _("At (UTC)"), _("Decided by")), rows)


def transfer_parts(found: Transfer) -> list[RenderableType]:
    """Return one contract transfer, line by line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    heading = _("Contract transfer {id}").format(id=found.id)
    size = _("{type}, {size} bytes").format(type=found.form.type, size=found.form.size)
    lines = [
        (_("Numbers"), pair(found.survivor, found.absorbed)),
        (_("Status"), _(_STATUS_LABELS[found.status])),
        (_("Filed by"), f"{found.filed_by}, {moment(found.at)}"),
        (_("Decided by"), found.decided_by or "–"),
        (_("Form"), size),
        ("SHA-256", found.form.sha256),
    ]
    if found.reason:
        lines.append((_("Reason"), found.reason))
    for label, value in lines:
        grid.add_row(label, Text(visible(value)))
    return [Text(heading, style=Style(bold=True)), grid]

"""Sessions, proofs, staff, service tokens and contract transfers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from custmerge.cli.language import SafeText, _, ngettext, visible
from custmerge.cli.render.text.parts import Grid, Line, Part, Table, moments
from custmerge.cli.render.text.styles import Style
from custmerge.cli.words import moment, pair, word
from custmerge.errors import N_
from custmerge.rules.people import Person, Proof, Service
from custmerge.rules.transfers import Status, Transfer
from custmerge.services.access import Caller

if TYPE_CHECKING:
    # What it rests on is heavy, and others need none of it.
    from custmerge.services.waiting import OpenWork

_STATUS_LABELS = {
    Status.FILED: N_("filed"),
    Status.APPROVED: N_("approved"),
    Status.REJECTED: N_("rejected"),
    Status.USED: N_("used"),
    Status.VOID: N_("void"),
}


def caller_lines(caller: Caller) -> list[SafeText]:
    """Return who is logged in."""
    text = _("{name} ({role}), until {until}")
    return [text.format(name=caller.name, role=word(caller.role), until=moment(caller.expires_at))]


def waiting_lines(waiting: OpenWork) -> list[SafeText]:
    """Return what waits for somebody, and the commands that list it."""
    transfers = ngettext(
        "{count} contract transfer waits for your decision: `custmerge transfer list`.",
        "{count} contract transfers wait for your decision: `custmerge transfer list`.",
        waiting.transfers,
    )
    batches = ngettext(
        "{count} approved bulk file waits to be run: `custmerge bulk status`.",
        "{count} approved bulk files wait to be run: `custmerge bulk status`.",
        waiting.batches,
    )
    counted = ((transfers, waiting.transfers), (batches, waiting.batches))
    return [text.format(count=count) for text, count in counted if count]


def proof_lines(proof: Proof) -> list[SafeText]:
    """Return a proof that holds."""
    text = _("Verified: {absorbed} may be taken over into {survivor} until {until}.")
    return [text.format(absorbed=proof.absorbed, survivor=proof.survivor, until=moment(proof.valid_until))]


def staff_table(people: Sequence[Person]) -> Table:
    """Return everybody who works here, a line each."""
    rows = [(p.name, word(p.role), moment(p.created_at), moment(p.disabled_at)) for p in people]
    return Table((_("Name"), _("Role"), moments(_("Since")), moments(_("Disabled"))), rows)


def services_table(services: Sequence[Service]) -> Table:
    """Return service tokens, a line each."""
    rows = [
        (
            *(s.name, word(s.role), s.created_by_name),
            *(moment(s.created_at), moment(s.expires_at), moment(s.revoked_at)),
        )
        for s in services
    ]
    columns = (_("Name"), _("Role"), _("By"), moments(_("Since")), moments(_("Until")), moments(_("Ended")))
    return Table(columns, rows)


def transfers_table(transfers: Sequence[Transfer]) -> Table:
    """Return contract transfers, a line each."""
    rows = [
        (t.id, pair(t.survivor, t.absorbed), _(_STATUS_LABELS[t.status]), t.filed_by, moment(t.at), t.decided_by)
        for t in transfers
    ]
    columns = (_("No."), _("Numbers"), _("Status"), _("Filed by"), moments(_("At")), _("Decided by"))
    return Table(columns, rows)


def transfer_parts(transfer: Transfer) -> list[Part]:
    """Return a contract transfer, line by line."""
    form = _("{type}, {size} bytes").format(type=transfer.form.type, size=transfer.form.size)
    rows = [
        (_("Numbers"), pair(transfer.survivor, transfer.absorbed)),
        (_("Status"), _(_STATUS_LABELS[transfer.status])),
        (_("Filed by"), visible(transfer.filed_by)),
        (_("At"), moment(transfer.at)),
        (_("Decided by"), visible(transfer.decided_by or "–")),
        (_("Form"), form),
        ("SHA-256", visible(transfer.form.sha256)),
    ]
    if transfer.reason:
        rows.append((_("Reason"), visible(transfer.reason)))
    return [Line(_("Contract transfer {id}").format(id=transfer.id), Style.HEADING), Grid(rows)]

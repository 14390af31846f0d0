"""custmerge audit."""

import os
from datetime import datetime
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli.app import single
from custmerge.cli.context import Context
from custmerge.cli.drawing import as_text
from custmerge.cli.language import SafeText, _, json_safe
from custmerge.cli.render.data.audit import audit_shape, nagios, prometheus, prometheus_unknown, unknown_shape
from custmerge.cli.render.data.writing import AuditFormat, Format, json_line, whole_file, write_many
from custmerge.cli.render.text.audit import audit_parts
from custmerge.cli.render.text.parts import Grid
from custmerge.cli.streams import write_lines, write_text
from custmerge.errors import BadUsage, DatabaseError, ProcessLost
from custmerge.rules.audit import DESCRIPTIONS, Audit, CheckName, Verdict, checkpoint_line

STDOUT = "-"
FOR_A_COLLECTOR = 0o644
"""A Prometheus textfile is read by another user; it holds nothing but counts."""
FOR_ITS_OWNER = 0o600


def audit(
    ctx: typer.Context,
    only: Annotated[list[CheckName] | None, typer.Option(metavar="CHECK", help=_("Only this check."))] = None,
    skip: Annotated[list[CheckName] | None, typer.Option(metavar="CHECK", help=_("Not this check."))] = None,
    list_checks: Annotated[bool, typer.Option("--list-checks", help=_("List the checks."))] = False,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=_("Compare with the checkpoints in this file and add one; - prints it.")),
    ] = None,
    since_checkpoint: Annotated[
        bool, typer.Option("--since-checkpoint", help=_("Verify only what is newer than the last checkpoint."))
    ] = False,
    sign_key: Annotated[str | None, typer.Option(metavar="FILE", help=_("Sign with this private key."))] = None,
    verify_key: Annotated[str | None, typer.Option(metavar="FILE", help=_("Demand signatures of this key."))] = None,
    form: Annotated[AuditFormat, typer.Option("--format", "-f", help=_("How to print."))] = AuditFormat.TABLE,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help=_("Write to this file, whole or not at all."))
    ] = None,
) -> None:
    """Prove that history and data hold; 0 OK, 1 warning, 2 critical, 3 unknown."""
    context: Context = ctx.obj
    if list_checks:
        _list_checks(context, form)
        return
    checks = _chosen(only or [], skip or [])
    _demand_file(checkpoint, since_checkpoint, sign_key, verify_key)
    if out is not None and checkpoint not in (None, STDOUT) and _is_same(out, str(checkpoint)):
        raise BadUsage(problem=_("--out and --checkpoint name the same file."))
    if out is not None and any(key is not None and _is_same(out, key) for key in (sign_key, verify_key)):
        raise BadUsage(problem=_("--out would take the place of a key."))
    if out not in (None, STDOUT):
        files.demand_place(str(out))
    from custmerge.services import audit as audit_service
    from custmerge.services.audit import CheckpointBook

    try:
        now = context.now()
        path = None if checkpoint == STDOUT else checkpoint
        book = CheckpointBook(path, sign_key=sign_key, verify_key=verify_key, environ=context.environ)
        wanted = audit_service.Wanted(checks, book.checkpoints, since_checkpoint, context.settings.retention_days)
        outcome = book.verified(audit_service.audit(context.database, context.caller(), wanted, now))
    except (DatabaseError, ProcessLost):
        _write_unknown(form, out, context.machine_time())
        raise
    # --verify-key would refuse a checkpoint without a signature.
    is_kept = checkpoint is not None and (sign_key is not None or verify_key is None)
    new = book.following(outcome, now) if is_kept else None
    if new:
        book.keep(new)
    elif is_kept and outcome.verdict is not Verdict.CRITICAL:
        context.terminal.warn(_("No checkpoint was added: the checks chain and checkpoint are needed for one."))
    _write(context, outcome, form, out, now)
    if new and checkpoint == STDOUT:
        write_lines([json_safe(checkpoint_line(new))])
    raise typer.Exit(outcome.verdict)


def _chosen(only: list[CheckName], skip: list[CheckName]) -> frozenset[CheckName]:
    checks = frozenset(only or CheckName).difference(skip)
    if not checks:
        raise BadUsage(problem=_("--skip leaves no check."))
    return checks


def _is_same(path: str, other_path: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other_path)


def _demand_file(checkpoint: str | None, since: bool, sign_key: str | None, verify_key: str | None) -> None:
    """Raise BadUsage for options that need a checkpoint file to read, or to write, and have none."""
    if checkpoint == "":
        raise BadUsage(problem=_("--checkpoint needs the name of a file, or - for standard output."))
    is_read = checkpoint not in (None, STDOUT)
    if since and not is_read:
        raise BadUsage(problem=_("--since-checkpoint needs --checkpoint with a file."))
    if verify_key and not is_read:
        raise BadUsage(problem=_("--verify-key needs --checkpoint with a file."))
    if sign_key and checkpoint is None:
        raise BadUsage(problem=_("--sign-key needs --checkpoint."))


def _list_checks(context: Context, form: AuditFormat) -> None:
    described = [(name.value, _(DESCRIPTIONS[name])) for name in CheckName]
    match form:
        case AuditFormat.TABLE:
            context.terminal.print(Grid(described))
        case AuditFormat.JSON:
            write_many(({"check": name, "description": text} for name, text in described), Format.JSON)
        case _:
            raise BadUsage(problem=_("--list-checks prints a table or JSON."))


def _write(context: Context, outcome: Audit, form: AuditFormat, out: str | None, now: datetime) -> None:
    if form is AuditFormat.TABLE and out is None:
        if context.terminal.is_quiet and outcome.verdict is Verdict.OK:
            return
        if context.terminal.is_screen:
            context.terminal.print(*audit_parts(outcome))
            return
    _put(_document(outcome, form, now), form, out)


def _document(outcome: Audit, form: AuditFormat, now: datetime) -> SafeText:
    match form:
        case AuditFormat.TABLE:
            return as_text(audit_parts(outcome))
        case AuditFormat.NAGIOS:
            return nagios(outcome)
        case AuditFormat.PROMETHEUS:
            return prometheus(outcome, now)
        case AuditFormat.JSON:
            return json_line(audit_shape(outcome))


def _write_unknown(form: AuditFormat, out: str | None, now: datetime) -> None:
    """Write that nothing could be checked; for a plugin the root command says it, whatever the error is."""
    if form is AuditFormat.JSON:
        _put(json_line(unknown_shape()), form, out)
    elif form is AuditFormat.PROMETHEUS:
        _put(prometheus_unknown(now), form, out)


def _put(text: SafeText, form: AuditFormat, out: str | None) -> None:
    if out is None or out == STDOUT:
        write_text(text)
        return
    with whole_file(out, FOR_A_COLLECTOR if form is AuditFormat.PROMETHEUS else FOR_ITS_OWNER) as file:
        file.write(text)


app = single(
    audit,
    "custmerge audit",
    "custmerge --quiet audit --checkpoint /mnt/worm/checkpoints",
    "custmerge audit --checkpoint checkpoints --since-checkpoint",
    "custmerge audit --format nagios",
    "custmerge audit --format prometheus --out custmerge.prom",
)

"""What a shell completes: words that an option takes, and numbers of orders, bulk runs and transfers.

It asks nothing, says nothing, and shows nothing where it can't: file names are then what the shell offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

from custmerge.rules.numbered import Numbered

if TYPE_CHECKING:
    from custmerge.cli.context import Context

VARIABLE = "_CUSTMERGE_COMPLETE"
"""Set by the shell while somebody presses Tab."""
Completer = Callable[[typer.Context, str], list[str]]


def words(known: Iterable[str]) -> Completer:
    """Return what completes one of some words."""
    listed = [str(word) for word in known]

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 (Typer gives both)
        return [word for word in listed if word.startswith(incomplete)]

    return complete


def numbers(what: Numbered) -> Completer:
    """Return what completes the number of something."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            known = _numbers(ctx.obj, what)
        except Exception:  # noqa: BLE001 (whatever is wrong is told when the command is run, not while it is typed)
            return []
        return [number for number in known if number.startswith(incomplete)]

    return complete


def _numbers(context: Context, what: Numbered) -> list[str]:
    # Not the keyring's, which might ask for its own password.
    token = context.environ.get("CUSTMERGE_TOKEN", "").strip() or context.tokens.read_files()
    if not token:
        return []
    # Imported here: who completes a word needs no database.
    from custmerge.services import completion

    found = completion.numbers(context.settings.database_url, token, what, context.machine_time())
    return [str(number) for number in found]

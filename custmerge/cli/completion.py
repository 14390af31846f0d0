"""What a shell completes: words that an option takes, and numbers of orders, bulk runs and transfers.

It asks nothing, says nothing, and shows nothing where it can't: file names are then what the shell offers.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import typer

from custmerge.cli.language import _, visible
from custmerge.cli.terminal import print_sentence
from custmerge.errors import BadUsage
from custmerge.rules.numbered import Numbered

if TYPE_CHECKING:
    from custmerge.cli.context import Context

VARIABLE = "_CUSTMERGE_COMPLETE"
"""Set by the shell while somebody presses Tab."""
_INSTALLED = re.compile(r"(\w+) completion installed in (.*)")
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


# Any: Typer keeps the classes of a callback private.
def installed_in_words(install: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return Typer's callback that installs completion, saying in the person's language what it says in English.

    It raises BadUsage for a shell that Typer doesn't know.
    """

    def callback(ctx: Any, option: Any, value: Any) -> Any:  # noqa: ANN401
        with redirect_stdout(io.StringIO()) as told:
            try:
                return install(ctx, option, value)
            except typer.Exit:
                raise BadUsage(problem=_("Completion is there for bash, zsh, fish and PowerShell only.")) from None
            except SystemExit:
                # Typer ends like this, and says it at the end.
                pass
        shell, file = _INSTALLED.findall(told.getvalue())[0]
        said = _("Completion for {shell} is in {file}: it works in every terminal that is opened from now on.")
        print_sentence(said.format(shell=visible(shell), file=visible(file)))
        raise SystemExit(0)

    return callback


def _numbers(context: Context, what: Numbered) -> list[str]:
    # Not the keyring's, which might ask for its own password.
    token = context.environ.get("CUSTMERGE_TOKEN", "").strip() or context.tokens.read_files()
    if not token:
        return []
    # Imported here: who completes a word needs no database.
    from custmerge.services import completion

    found = completion.numbers(context.settings.database_url, token, what, context.machine_time())
    return [str(number) for number in found]

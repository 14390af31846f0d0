"""What is higher than the screen, in the program that a person reads such things with."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping

DEFAULT = "less -R"
_SECRETS = ("CUSTMERGE_TOKEN", "CUSTMERGE_DATABASE_URL", "PGPASSWORD")
LESS = "FRX"
"""As git does: colours, and nothing is cleared away; where $LESS says nothing else."""


def show_in_pager(text: bytes, environ: Mapping[str, str]) -> bool:
    """Show `text` in $PAGER or less and return when the person has left it; False where there is no such program.

    An empty $PAGER means none. Raises KeyboardInterrupt where the pager was ended by Ctrl-C.
    """
    command = _command(environ.get("PAGER", DEFAULT))
    if not command:
        return False
    # Until the pager has ended Ctrl-C is its own; a handler, because what is ignored would be ignored by it too.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment(environ))  # noqa: S603 (theirs to choose)
        # A pager that is left early reads no more; that is no error.
        process.communicate(text)
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, previous)
    if process.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    return True


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a pager needs: it is somebody else's program, and may run others.

    Source: less(1), "Security": LESSSECURE=1 turns off shell, editor, and files of other names.
    """
    kept = {name: value for name, value in environ.items() if name not in _SECRETS}
    return {"LESS": LESS, **kept, "LESSSECURE": "1"}


def _command(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words if words and shutil.which(words[0]) else []

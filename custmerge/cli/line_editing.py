"""Answers that can be edited while they are typed: arrow keys, Home, Ctrl-W, pasted text, over ssh too.

By GNU readline or libedit through Python's own module: no dependency, no start-up, and inputrc(5) counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from custmerge.cli.language import SafeText

BACK = "<"
"""The answer that goes a step back; Ctrl-B gives it at once."""
CTRL_B = "\x02"
"""What a line has that is read as it is typed, as a password is."""
_PLAIN_KEYS = "set convert-meta off", "set input-meta on", "set output-meta on"
"""Else ä and the like can't be typed in the locale C."""


def can_edit(environ: Mapping[str, str]) -> bool:
    """Return whether somebody sits in front of a terminal that can move its cursor."""
    return (
        environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
        and sys.stdin.isatty()
        and sys.stderr.isatty()
        and (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno()) == (0, 1, 2)
    )


def edited_line(prompt: SafeText, *, can_go_back: bool) -> str:
    """Ask on stderr and return the line that was typed; with `can_go_back` Ctrl-B gives `BACK` at once.

    Raises EOFError for Ctrl-D, and ImportError where Python was built without readline.
    """
    import readline

    is_libedit = "libedit" in (readline.__doc__ or "")
    # What was typed before belongs to nobody who comes behind and presses ↑.
    readline.set_auto_history(False)
    if not is_libedit:
        for line in _PLAIN_KEYS:
            readline.parse_and_bind(line)
    if can_go_back:
        readline.parse_and_bind(f"bind -s ^B {BACK}^M" if is_libedit else rf'"\C-b": "\C-e\C-u{BACK}\C-m"')
    else:
        readline.parse_and_bind("bind ^B ed-prev-char" if is_libedit else r'"\C-b": backward-char')
    with _stdout_is_stderr():
        return input(prompt)


@contextmanager
def _stdout_is_stderr() -> Iterator[None]:
    """Let what is written to descriptor 1 meanwhile go to where messages go.

    `input` edits on descriptor 1 alone, and only if it is a terminal; data may go to a file there.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)

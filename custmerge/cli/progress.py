"""How far long work is: a bar on a terminal, lines in a log."""

import time
from dataclasses import dataclass

from custmerge.cli.language import _
from custmerge.cli.terminal import ProgressBar, Terminal
from custmerge.errors import N_

SAY_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted, as a log says it."""

    so_many: str
    with_rate: str


ROWS = Counted(
    N_("{done} of {total} rows"),
    N_("{done} of {total} rows, {rate} a second, {left} s left"),
)
ORDERS = Counted(
    N_("{done} of {total} orders"),
    N_("{done} of {total} orders, {rate} a second, {left} s left"),
)


class Progress:
    """Moves a bar and, where nobody can see it, says every ten seconds how far it is."""

    def __init__(self, terminal: Terminal, bar: ProgressBar, counted: Counted) -> None:
        self._terminal = terminal
        self._bar = bar
        self._counted = counted
        self._first: tuple[int, float] | None = None
        self._said = 0.0

    def advanced(self, done: int, total: int) -> None:
        """Take note that `done` of `total` are done."""
        self._bar.update(done, total)
        now = time.monotonic()
        if self._first is None:
            # What an earlier run has done is none of this one's speed.
            self._first, self._said = (done, now), now
        if self._bar.is_shown or now - self._said < SAY_EVERY_SECONDS:
            return
        self._said = now
        first, began = self._first
        rate = (done - first) / (now - began)
        if not rate:
            self._terminal.say(_(self._counted.so_many).format(done=done, total=total))
            return
        left = round((total - done) / rate)
        said = _(self._counted.with_rate)
        self._terminal.say(said.format(done=done, total=total, rate=round(rate), left=left))

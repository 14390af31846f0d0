"""How far long work is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Self, TypeVar

from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.terminal import Terminal
from custmerge.cli.words import decimal
from custmerge.errors import N_

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

T = TypeVar("T")
SHOW_BAR_AFTER_SECONDS = 1.0
COUNTED_PER_UPDATE = 1_000
LINE_EVERY_SECONDS = 10.0


class Unit(Enum):
    """What is counted."""

    ROWS = "rows"
    ORDERS = "orders"
    BYTES = "bytes"
    """Of a file, which are shown as its size; no lines of a log count them."""


_LINES = {Unit.ROWS: N_("{done} of {total} rows"), Unit.ORDERS: N_("{done} of {total} orders")}
_LINES_WITH_RATE = {
    Unit.ROWS: N_("{done} of {total} rows, {rate} a second, {left} s left"),
    Unit.ORDERS: N_("{done} of {total} orders, {rate} a second, {left} s left"),
}


class Progress:
    """Shows a bar as soon as the work takes longer than a second; where nobody can see it, a line every ten seconds.

    Lines are only printed for rows and orders.
    """

    def __init__(self, terminal: Terminal, label: SafeText, unit: Unit | None = None) -> None:
        self._terminal = terminal
        self._label = label
        self._unit = unit
        self._started = time.monotonic()
        self._first: tuple[int, float] | None = None
        """What was done at the first call, and when: what an earlier run did doesn't count for this one's rate."""
        self._last_line = 0.0
        self._bar: Bar | None = None
        self.done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advanced(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` is done; `total` is None where it isn't known."""
        self.done = done
        now = time.monotonic()
        if self._first is None:
            self._first, self._last_line = (done, now), now
        first, began = self._first
        rate = (done - first) / (now - began) if now > began else 0.0
        left = round((total - done) / rate) if rate and total is not None else None
        if self._terminal.has_bars:
            if now - self._started >= SHOW_BAR_AFTER_SECONDS:
                self._move_bar(done, total, rate, left)
        elif self._unit is not None and self._unit in _LINES and now - self._last_line >= LINE_EVERY_SECONDS:
            self._last_line = now
            line = _(_LINES[self._unit]) if left is None else _(_LINES_WITH_RATE[self._unit])
            self._terminal.say(line, done=done, total=total, rate=round(rate), left=left)

    def _move_bar(self, done: int, total: int | None, rate: float, left: int | None) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = [TextColumn("{task.description}"), BarColumn()]
            columns.append(TextColumn("{task.fields[size]}") if self._unit is Unit.BYTES else MofNCompleteColumn())
            if self._unit is Unit.ROWS:
                columns.append(TextColumn("{task.fields[rate]}"))
            columns.append(TextColumn("{task.fields[left]}", style="progress.remaining"))
            self._bar = Progress(*columns, console=self._terminal.messages, transient=True)
            self._bar.add_task(self._label, total=total, completed=done, rate="", left="", size="")
            self._bar.start()
        self._bar.update(
            self._bar.task_ids[0],
            completed=done,
            rate=_("{rate} a second").format(rate=round(rate)),
            size=_size(done, total),
            left="-:--:--" if left is None else str(timedelta(seconds=left)),
        )


class Counted(Iterator[T]):
    """What goes by, counted; from time to time the count is shown."""

    def __init__(self, values: Iterator[T], progress: Progress) -> None:
        self._values = values
        self._progress = progress
        self.count = 0

    def __next__(self) -> T:
        value = next(self._values)
        self.count += 1
        if self.count % COUNTED_PER_UPDATE == 0:
            self._progress.advanced(self.count, None)
        return value


def _size(done: int, total: int | None) -> SafeText:
    """Return how much of a file is read, in the unit that its whole size has: `1.2/3.4 MiB`."""
    whole = done if total is None else total
    shift, unit = next(
        ((shift, unit) for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")) if whole >> shift), (0, "B")
    )
    read, of = (decimal(count / (1 << shift)) if shift else literal("{n}").format(n=count) for count in (done, whole))
    text = literal("{read} {unit}") if total is None else literal("{read}/{of} {unit}")
    return text.format(read=read, of=of, unit=unit)

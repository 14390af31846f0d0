"""Medians and minima of things that take turns, so that a busy moment of the machine hits all of them alike."""

import csv
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FLOORS = HERE / "floors"
PYTHON = sys.executable
BYTES_IN_KILOBYTE = 1024


@dataclass(frozen=True)
class Finished:
    """A child process that ended well."""

    seconds: float
    cpu_seconds: float
    """What it computed itself, in user and system mode: hardly more on a busy machine than on a quiet one."""
    out: str
    peak_bytes: int
    """The most memory that it had at a time."""


def finished(
    command: Sequence[str | Path], environ: Mapping[str, str], *, stdin: str = "", codes: Sequence[int] = (0,)
) -> Finished:
    """Run a child process to its end; an exit code that isn't among `codes` ends the benchmark."""
    start = time.perf_counter()
    with subprocess.Popen(
        list(map(str, command)), env=dict(environ), stdin=-1, stdout=-1, stderr=-1, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdin.write(stdin)
        child.stdin.close()
        out, err = child.stdout.read(), child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if child.returncode not in codes:
        sys.exit(f"{command} ended with {child.returncode}:\n{err}")
    return Finished(seconds, usage.ru_utime + usage.ru_stime, out, usage.ru_maxrss * BYTES_IN_KILOBYTE)


def medians(things: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median of the seconds that each of `things` returns; each has its turn in each round."""
    return {name: statistics.median(seconds) for name, seconds in _in_turns(things, rounds).items()}


def minima(things: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the least of the seconds that each of `things` returns, likewise."""
    return {name: min(seconds) for name, seconds in _in_turns(things, rounds).items()}


def _in_turns(things: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(rounds):
        for name, thing in things.items():
            taken[name].append(thing())
    return taken


def written(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Path:
    """Write a CSV file and return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def line(name: str, value: str, ratio: float | None = None, goal: str = "", *, met: bool | None = None) -> None:
    """Print one result, its ratio to its floor, the goal and whether it is met."""
    shown = "" if ratio is None else f"{ratio:6.2f} x"
    verdict = "" if met is None else "met" if met else "NOT MET"
    print(f"  {name:<58} {value:>12} {shown:>9}  {goal:<14} {verdict}".rstrip(), flush=True)

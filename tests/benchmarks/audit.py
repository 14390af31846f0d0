"""The audit against the bare loop that fetches the history and chains SHA-256 over it."""

import json
from pathlib import Path

from databases import Kind, Ready, furnished
from measuring import FLOORS, HERE, PYTHON, finished, heading, line

ROUNDS = 3
NEW_ENTRIES = 1_000


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    sizes = (2_000, 4_000) if quick else (100_000, 1_000_000)
    for kind in kinds:
        ready = furnished(kind, folder)
        peaks, rates, made = [], [], 0
        for size in sizes:
            merged(ready, made, size)
            made = size
            heading(f"Audit of {size} merges with two packages and two domains each, {kind.name}")
            peak, rate = measured(ready, size)
            peaks.append(peak)
            rates.append(rate)
        growth = peaks[1] / peaks[0]
        line(f"peak memory, {sizes[1]} to {sizes[0]}", f"{peaks[1] >> 20} MB", growth, "<= 1.20", met=growth <= 1.2)
        line("entries a second of the whole, likewise", f"{rates[1]:.0f} /s", rates[1] / rates[0])
        measured_since(ready, folder, made)


def measured(ready: Ready, size: int) -> tuple[int, float]:
    """Print the audit of a database against its floor; returns peak bytes and entries a second of the whole."""
    floor, chain, whole = [], [], []
    peak = 0
    for _ in range(ROUNDS):
        loop = finished((PYTHON, FLOORS / "chain_loop.py", ready.url), ready.environ)
        floor.append(float(loop.out.split()[0]))
        chain.append(json.loads(ready("audit", "--only", "chain", "--format", "json").out)["seconds"])
        done = ready("audit", "--format", "json")
        whole.append(json.loads(done.out)["seconds"])
        peak = max(peak, done.peak_bytes)
    bare = min(floor)
    line("the bare loop", f"{bare:.2f} s, {loop.peak_bytes >> 20} MB")
    for name, seconds, goal in (("chain", min(chain), 1.5), ("the whole audit", min(whole), 2.5)):
        line(name, f"{seconds:.2f} s", seconds / bare, f"<= {goal}", met=seconds <= goal * bare)
    line("peak memory of one of its processes", f"{peak >> 20} MB")
    return peak, size / min(whole)


def measured_since(ready: Ready, folder: Path, made: int) -> None:
    """Print what an audit takes that goes on from a checkpoint, with start-up."""
    points = folder / f"points-{made}"
    points.unlink(missing_ok=True)
    ready("audit", "--checkpoint", points)
    merged(ready, made, made + NEW_ENTRIES)
    start_up = min(ready("whoami").seconds for _ in range(ROUNDS))
    since = ready("audit", "--checkpoint", points, "--since-checkpoint").seconds
    goal = start_up + 1
    line(
        f"--since-checkpoint, {NEW_ENTRIES} new entries, with start-up",
        f"{since:.2f} s",
        None,
        f"<= {goal:.2f} s",
        met=since <= goal,
    )


def merged(ready: Ready, first: int, last: int) -> None:
    """Write orders in a process of its own: what this one has in memory a child's peak would include."""
    finished((PYTHON, HERE / "audit_child.py", ready.url, str(first), str(last)), ready.environ)

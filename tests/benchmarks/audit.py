"""The audit against `git fsck --full` over as many commits in a chain."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

from databases import Kind, Ready, furnished
from measuring import HERE, PYTHON, finished, heading, line, medians

ROUNDS = 3
NEW_ENTRIES = 1_000
GOALS = {"SQLite": 1.7, "PostgreSQL": 3.0}
MESSAGE = (
    '{{"absorbed":"A{0}","action":"merge","at":"2026-11-24T00:00:00Z","by":"ben","by_kind":"staff",'
    '"choice":"identical","domains":2,"image_sha256":"{1}","order":{0},"packages":2,"seq":{0},"survivor":"S{0}",'
    '"taken":[],"v":1}}'
)
"""As the body of a merge's history entry."""


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    sizes = (2_000, 4_000) if quick else (100_000, 1_000_000)
    repositories = {size: with_commits(folder / f"commits-{size}", size) for size in sizes}
    for kind in kinds:
        ready = furnished(kind, folder)
        peaks, rates, made = [], [], 0
        for size in sizes:
            merged(ready, made, size)
            made = size
            heading(f"Audit of {size} merges with two packages and two domains each, {kind.name}")
            peak, rate = measured(ready, size, repositories[size], GOALS[kind.name])
            peaks.append(peak)
            rates.append(rate)
        growth = peaks[1] / peaks[0]
        line(f"peak memory, {sizes[1]} to {sizes[0]}", f"{peaks[1] >> 20} MB", growth, "<= 1.20", met=growth <= 1.2)
        line("entries a second of the whole, likewise", f"{rates[1]:.0f} /s", rates[1] / rates[0])
        measured_since(ready, folder, made)


def measured(ready: Ready, size: int, repository: Path, goal: float) -> tuple[int, float]:
    """Print the audit of a database against its floor; returns peak bytes and entries a second of the whole."""
    peaks: list[int] = []

    def audit(*options: str) -> float:
        done = ready("audit", *options, "--format", "json")
        peaks.append(done.peak_bytes)
        return float(json.loads(done.out)["seconds"])

    fsck = ("git", "-C", repository, "fsck", "--full")
    seconds = medians(
        {
            "git fsck --full": lambda: finished(fsck, dict(os.environ)).seconds,
            "chain": lambda: audit("--only", "chain"),
            "the whole audit": audit,
        },
        ROUNDS,
    )
    floor, chain, whole = seconds.values()
    line("git fsck --full", f"{floor:.2f} s")
    line("chain", f"{chain:.2f} s", chain / floor)
    line("the whole audit", f"{whole:.2f} s", whole / floor, f"<= {goal}", met=whole <= goal * floor)
    line("peak memory of one of its processes", f"{max(peaks) >> 20} MB")
    return max(peaks), size / whole


def with_commits(repository: Path, count: int) -> Path:
    """Return a repository of so many commits in a chain, made anew."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", repository], check=True)
    with subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importing:
        assert importing.stdin
        for number in range(count):
            message = MESSAGE.format(number, hashlib.sha256(str(number).encode()).hexdigest()).encode()
            head = f"commit refs/heads/main\ncommitter ben <ben@git.example> {number} +0000\ndata {len(message)}\n"
            importing.stdin.write(head.encode() + message + b"\n")
    assert importing.returncode == 0
    return repository


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

"""Merges in a host's 12 tables, against the bare SQL that re-points the same rows and keeps what was there before."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median

from attach_host import FULL, QUICK, USUAL, Size, key, load, mapping
from databases import CUSTMERGE, PASSWORD, Kind, Ready, environment, with_token
from measuring import FLOORS, HERE, PYTHON, Finished, finished, heading, line, written

CHUNK = 500
"""Pairs that have one transaction in a bulk run, and in its floor."""
ROUNDS = 5
SINGLE_GOAL, BULK_GOAL, LINEAR_GOAL, MEMORY_GOAL, CHECK_GOAL_SECONDS = 2.0, 1.5, 1.2, 1.2, 10.0


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    size = QUICK if quick else FULL
    for kind in kinds:
        heading(f"A host's register with 12 references and {size.rows:,} rows in each, {kind.name}")
        loaded, floor = kind.fresh(), kind.fresh()
        load(loaded, size)
        load(floor, size)
        seconds = _checked(loaded, folder)
        _line("attach --check, with start-up", f"{seconds:.2f} s", seconds / CHECK_GOAL_SECONDS, 1)
        _Measurement(_attached(loaded, folder), floor, folder, size).print_all()


class _Measurement:
    """An attached register, one alike for the floor, and the pairs that nobody has merged yet."""

    def __init__(self, ready: Ready, floor: str, folder: Path, size: Size) -> None:
        self._ready, self._floor, self._folder = ready, floor, folder
        pairs = size.pairs()
        self._largest = max(pairs)
        self._kept = pairs[self._largest].pop()
        self._usual = iter(pairs.pop(USUAL))
        self._large = pairs
        self._usual_a_round = size.rows // 5_000

    def print_all(self) -> None:
        usual = [list(islice(self._usual, self._usual_a_round)) for _ in range(ROUNDS)]
        a_row = {USUAL: self._print_singles(USUAL, usual) / USUAL}
        for rows, pairs in self._large.items():
            if pairs:
                a_row[rows] = self._print_singles(rows, [[pair] for pair in pairs]) / rows
        for (fewer, before), (more, after) in zip(a_row.items(), list(a_row.items())[1:], strict=False):
            _line(f"time of a row, {more:,} to {fewer:,}", f"{after * 1e6:.0f} us", after / before, LINEAR_GOAL)
        little = self._merged(list(islice(self._usual, 1))).peak_bytes
        large = self._merged([self._kept]).peak_bytes
        bulk = self._print_bulk(list(self._usual))
        line(f"peak memory, a merge of {USUAL} rows", f"{little >> 20} MB")
        line(f"peak memory, a bulk run with {CHUNK * USUAL:,} rows a chunk", f"{bulk >> 20} MB")
        _line(f"peak memory, a merge of {self._largest:,} rows", f"{large >> 20} MB", large / bulk, MEMORY_GOAL)

    def _print_singles(self, rows: int, rounds: Sequence[Sequence[int]]) -> float:
        """Print merges of customers with so many rows against their floor; returns the seconds of one."""
        taken: dict[str, list[float]] = {"floor": [], "service": []}
        for pairs in rounds:
            # One more, for the first opens the connection.
            some = [*islice(self._usual, 1), *pairs]
            taken["floor"] += self._floors(some, 1)[1:]
            taken["service"] += [float(text) for text in self._merged(some).out.split()][1:]
        floor, service = map(median, taken.values())
        line(f"single, {rows:,} rows, bare SQL", f"{1 / floor:.1f} /s")
        _line(f"single, {rows:,} rows", f"{1 / service:.1f} /s", service / floor, SINGLE_GOAL)
        return service

    def _print_bulk(self, pairs: Sequence[int]) -> int:
        """Print a bulk run against its floor; returns its peak in bytes."""
        floor = sum(self._floors(pairs, CHUNK)) / len(pairs)
        numbers = ([f"S{pair}", f"A{pair}"] for pair in pairs)
        file = written(self._folder / "attached-pairs.csv", ("survivor", "absorbed"), numbers)
        anna, words = self._ready, [f"{PASSWORD}-{word}" for word in ("zwei", "drei")]
        anna("user", "add", "ben", "--role", "agent", "--password-stdin", stdin=words[0])
        # What somebody else chose is changed at the first login: the second line.
        login = anna("login", "--staff", "ben", "--password-stdin", "--print-token", stdin="\n".join(words))
        anna("bulk", "approve", file, "--yes")
        ran = with_token(anna.url, login.out.strip(), self._folder)("bulk", "run", file, "--format", "json")
        summary = json.loads(ran.out)
        assert summary["merged"] == len(pairs), ran.out
        service = summary["seconds"] / len(pairs)
        line(f"bulk, {len(pairs):,} pairs, {USUAL} rows each, bare SQL", f"{1 / floor:.0f} /s")
        _line(f"bulk, {len(pairs):,} pairs, {USUAL} rows each", f"{1 / service:.0f} /s", service / floor, BULK_GOAL)
        return ran.peak_bytes

    def _merged(self, pairs: Sequence[int]) -> Finished:
        command = (PYTHON, HERE / "attach_child.py", self._ready.url, self._ready.token, ",".join(map(str, pairs)))
        return finished(command, self._ready.environ)

    def _floors(self, pairs: Sequence[int], chunk: int) -> list[float]:
        """Return the seconds of each transaction of bare SQL."""
        spelt = ",".join(f"{key(pair, absorbed=False)}:{key(pair, absorbed=True)}" for pair in pairs)
        done = finished((PYTHON, FLOORS / "attach.py", self._floor, spelt, str(chunk)), self._ready.environ)
        return [float(text) for text in done.out.split()]


def _line(name: str, value: str, ratio: float, at_most: float) -> None:
    """Print a result with a ratio that is to be small."""
    line(name, value, ratio, f"goal: <= {at_most}", met=ratio <= at_most)


def _checked(url: str, folder: Path) -> float:
    """Return the seconds of a check of the mapping."""
    done = finished((*CUSTMERGE, "attach", mapping(folder), "--check", "--format", "json"), environment(url, folder))
    assert json.loads(done.out)["ready"], done.out
    return done.seconds


def _attached(url: str, folder: Path) -> Ready:
    """Attach a host's database and return it with a supervisor who is logged in."""
    environ = environment(url, folder)
    finished((*CUSTMERGE, "attach", mapping(folder)), environ)
    finished((*CUSTMERGE, "init", "--supervisor", "anna", "--password-stdin"), environ, stdin=PASSWORD)
    login = (*CUSTMERGE, "login", "--staff", "anna", "--password-stdin", "--print-token")
    return with_token(url, finished(login, environ, stdin=PASSWORD).out.strip(), folder)

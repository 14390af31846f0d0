"""Duplicates among made-up customers: what finding them takes, and how good what is found is."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duplicates_quality
from databases import Kind, Ready, furnished
from duplicates_sets import population_file, truth_of
from importing import imported
from measuring import FLOORS, HERE, PYTHON, Finished, finished, heading, line, minima

EXACT_ROUNDS, READING_ROUNDS = 5, 2
"""Of which the least counts: a busy moment of the machine makes each of them only longer."""
EXACT_GOAL, EXACT_MEMORY_GOAL = 1.5, 150
READING_GOAL_SECONDS, READING_MEMORY_GOAL = 12, 400
FUZZY_GOAL_SECONDS, FUZZY_MEMORY_GOAL, SPLINK_GOAL, RECALL_GOAL, GROWTH_GOAL = 250, 1_536, 1.2, 0.985, 8
"""For a million customers; memory in MB."""


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool, seed: int) -> None:
    sizes = (2_000, 5_000) if quick else (100_000, 1_000_000)
    for kind in kinds:
        taken = []
        for size in sizes:
            heading(f"Duplicates among {size:,} made-up customers, seed {seed}, {kind.name}")
            file = population_file(folder, size, seed)
            ready = furnished(kind, folder)
            imported(ready, file)
            with tempfile.TemporaryDirectory(dir=folder) as name:
                register = _Register(ready, file, Path(name), is_large=size == sizes[-1])
                register.print_exact()
                register.print_reading()
                taken.append(register.print_fuzzy())
                # The model is the same on both databases.
                if kind is kinds[0]:
                    register.print_against_splink()
        growth = taken[1].cpu_seconds / taken[0].cpu_seconds
        _at_most(f"fuzzy, CPU seconds, {sizes[0]:,} to {sizes[1]:,}", "", growth, GROWTH_GOAL)
    duplicates_quality.measure(kinds[0], folder, quick=quick, seed=seed)


@dataclass(frozen=True)
class _Register:
    """A database with a population in it."""

    ready: Ready
    file: Path
    folder: Path
    is_large: bool
    """Whether the goals that are for a million customers are printed."""

    def print_exact(self) -> None:
        """Print the search by equal identity against a GROUP BY on its stored key, both writing all numbers.

        Both are timed inside their processes, from the connection to the last row: start-up is the same for every
        command, and `startup` measures it.
        """
        out, groups = self.folder / "exact.csv", self.folder / "groups.txt"

        def exact() -> float:
            return float(self._child("exact", self.ready.token, out).out)

        def floor() -> float:
            return float(finished((PYTHON, FLOORS / "group_by.py", self.ready.url, groups), self.ready.environ).out)

        seconds = minima({"floor": floor, "exact": exact}, EXACT_ROUNDS)
        line("GROUP BY on the stored key", f"{seconds['floor']:.2f} s")
        _at_most("exact", f"{seconds['exact']:.2f} s", seconds["exact"] / seconds["floor"], EXACT_GOAL)
        whole = self.ready("duplicates", "--out", self.folder / "whole.csv")
        _megabytes(f"exact, the whole command in {whole.seconds:.1f} s, peak", whole.peak_bytes, EXACT_MEMORY_GOAL)

    def print_reading(self) -> None:
        """Print the step that writes the register as the model reads it."""
        done = [self._child("read") for _ in range(READING_ROUNDS)]
        seconds = min(float(each.out) for each in done)
        goal = f"<= {READING_GOAL_SECONDS} s" if self.is_large else ""
        line("reading", f"{seconds:.1f} s", None, goal, met=seconds <= READING_GOAL_SECONDS if goal else None)
        _megabytes("reading, peak memory", max(each.peak_bytes for each in done), READING_MEMORY_GOAL)

    def print_fuzzy(self) -> Finished:
        """Print the whole search by the model, as it is typed; returns how it ended."""
        done = self.ready("duplicates", "--fuzzy", "--memory", "1GB", "--out", self.folder / "fuzzy.csv")
        line("fuzzy --memory 1GB, whole command", f"{done.seconds:.0f} s")
        goal = f"<= {FUZZY_GOAL_SECONDS} s" if self.is_large else ""
        met = done.cpu_seconds <= FUZZY_GOAL_SECONDS if goal else None
        line("fuzzy, CPU seconds", f"{done.cpu_seconds:.0f} s", None, goal, met=met)
        _megabytes("fuzzy, peak memory", done.peak_bytes, FUZZY_MEMORY_GOAL)
        return done

    def print_against_splink(self) -> None:
        """Print how long each part computes, the scores against Splink alone, and what blocking loses."""
        parts = json.loads(self._child("parts", self.folder).out)["seconds"]
        for name, seconds in parts.items():
            line(f"of it {name}, CPU seconds", f"{seconds:.1f} s")
        floor = float(finished((PYTHON, FLOORS / "splink_pairs.py", self.folder), self.ready.environ).out)
        line("Splink on the same pairs, CPU seconds", f"{floor:.1f} s")
        _at_most("scores, CPU seconds", f"{parts['scores']:.1f} s", parts["scores"] / floor, SPLINK_GOAL)
        command = (PYTHON, HERE / "duplicates_child.py", "recall", self.folder, truth_of(self.file))
        kept = json.loads(finished(command, self.ready.environ).out)
        recall = kept["recall"]
        goal = f">= {RECALL_GOAL}"
        line(f"recall of {kept['pairs']:,} candidate pairs", f"{recall:.4f}", None, goal, met=recall >= RECALL_GOAL)

    def _child(self, what: str, *arguments: str | Path) -> Finished:
        command = (PYTHON, HERE / "duplicates_child.py", what, self.ready.url, *arguments)
        return finished(command, self.ready.environ)


def _at_most(name: str, value: str, ratio: float, goal: float) -> None:
    line(name, value, ratio, f"goal: <= {goal}", met=ratio <= goal)


def _megabytes(name: str, size: int, goal: int) -> None:
    line(name, f"{size >> 20} MB", None, f"<= {goal} MB", met=size >> 20 <= goal)

"""Import of customers without passwords."""

import csv
import random
import sys
from pathlib import Path

from databases import Kind, Ready, copied, furnished
from measuring import FLOORS, HERE, PYTHON, Finished, finished, heading, line, medians

# What tests and benchmarks both use.
sys.path.append(str(HERE.parent))

from support.population import FIELDS

COLUMNS = ("number", *FIELDS)
GOAL = 0.5
FIRST = ("Katrin", "Jörg", "Mehmet", "Jutta", "Ümit", "Thomas")
CITIES = ("Karlsruhe", "Köln", "Stuttgart", "Berlin", "München", "Ulm")


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    sizes = (1_000, 10_000, 20_000) if quick else (10_000, 100_000, 200_000)
    rounds = 1 if quick else 5
    files = {size: made_file(folder, size) for size in sizes}
    heading(f"Import of {sizes[1]:,} customers, medians of {rounds} rounds; ratio: how fast against executemany")
    for kind in kinds:
        empty = furnished(kind, folder)
        _speed(kind, empty, files[sizes[1]], folder, rounds)
    heading("Import: peak memory of the process")
    for kind in kinds:
        empty = furnished(kind, folder)
        for size, file in files.items():
            done = imported(copied(kind, empty, folder), file)
            line(f"{size:,} customers ({file.stat().st_size / 1e6:.0f} MB), {kind.name}", _mb(done.peak_bytes))


def _speed(kind: Kind, empty: Ready, file: Path, folder: Path, rounds: int) -> None:
    peaks = {}

    def service() -> float:
        done = imported(copied(kind, empty, folder), file)
        peaks["service"] = done.peak_bytes
        return float(done.out)

    def executemany(*options: str) -> float:
        command = (PYTHON, FLOORS / "executemany.py", file, copied(kind, empty, folder).url, *options)
        return float(finished(command, empty.environ).out)

    found = medians(
        {
            "service": service,
            "executemany, the same rows": executemany,
            "executemany, search left empty": lambda: executemany("--no-search"),
        },
        rounds,
    )
    line(f"custmerge import, {kind.name}, peak {_mb(peaks['service'])}", _s(found["service"]))
    same, unequal = list(found)[1:]
    ratio = found[same] / found["service"]
    line(f"{same}, {kind.name}", _s(found[same]), ratio, f"goal: >= {GOAL}", met=ratio >= GOAL)
    line(f"{unequal}, {kind.name}", _s(found[unequal]), found[unequal] / found["service"])


def imported(ready: Ready, file: Path) -> Finished:
    """Import a file in a child process; prints the seconds without its start-up."""
    return finished((PYTHON, HERE / "import_child.py", file, ready.url, ready.token), ready.environ)


def made_file(folder: Path, size: int) -> Path:
    """Write a file of lifelike customers, the same in every run."""
    chance = random.Random(size)  # noqa: S311 (no secret)
    path = folder / f"customers-{size}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_customer(chance, number) for number in range(size))
    return path


def _customer(chance: random.Random, number: int) -> list[str]:
    company = f"Sonnentau {number} GmbH" if number % 3 else ""
    person = [chance.choice(FIRST), f"Vogelsang-{chance.randrange(10_000)}"]
    place = [f"Marktstr. {number % 200}", f"{chance.randrange(10_000, 99_999)}", chance.choice(CITIES)]
    phones = [f"0721 {chance.randrange(10**7)}", f"0171 {chance.randrange(10**7)}" if number % 2 else ""]
    bank = [f"{chance.randrange(10**10):010}", "37040044"]
    return [f"{100_000 + number}", company, *person, *place, *phones, f"kunde{number}@sonnentau.example", *bank]


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"

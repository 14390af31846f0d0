"""Bulk runs of approved files, and of files with passwords."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from databases import PASSWORD, Kind, Ready, copied, furnished, with_token
from importing import COLUMNS, FIRST
from measuring import FLOORS, PYTHON, Finished, finished, heading, line, written

GOALS = {"identical": 0.7, "three details differ": 0.5}
KINDS_OF_PAIRS = tuple(GOALS)


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    sizes = (2_000, 4_000) if quick else (20_000, 200_000)
    rates: dict[tuple[str, str], list[float]] = {}
    heading("Bulk runs of an approved file; two packages and two domains a customer; ratio: against the floor")
    for size in sizes:
        for pairs in KINDS_OF_PAIRS:
            files = made(folder, size, differing=pairs != "identical")
            for kind in kinds:
                rates.setdefault((kind.name, pairs), []).append(_speed(kind, files, folder, size, pairs))
    for (name, pairs), (small, large) in rates.items():
        ratio = large / small
        line(
            f"rate at {sizes[1]:,} against {sizes[0]:,}, {name}, {pairs}", "", ratio, "goal: >= 0.9", met=ratio >= 0.9
        )

    _passwords(kinds, folder, 100 if quick else 2_000)


def _passwords(kinds: tuple[Kind, ...], folder: Path, size: int) -> None:
    heading(f"Bulk runs of {size:,} rows with passwords; ratio: against bare argon2 on all cores")
    files = made(folder, size, differing=False)
    secrets = written(
        folder / "bulk-secrets.csv", ("number", "password"), ([f"A{n}", f"secret-{n}"] for n in range(size))
    )
    proofs = ((f"S{n}", f"A{n}", f"a{n}-1.example", f"secret-{n}") for n in range(size))
    pairs = written(folder / "bulk-proofs.csv", ("survivor", "absorbed", "domain", "password"), proofs)
    pairs.chmod(0o600)
    for kind in kinds:
        ready = furnished(kind, folder)
        ready("import", "customers", files["customers"])
        ready("import", "packages", files["packages"])
        ready("import", "customers", secrets, "--update")
        seconds = json.loads(run(ready, pairs).out)["seconds"]
        floor = float(finished((PYTHON, FLOORS / "argon2_all_cores.py", str(size)), ready.environ).out)
        ratio = floor / seconds
        line(f"bare argon2, {kind.name}", f"{size / floor:.0f} /s")
        line(f"bulk run, {kind.name}", f"{size / seconds:.0f} /s", ratio, "goal: >= 0.9", met=ratio >= 0.9)


def _speed(kind: Kind, files: dict[str, Path], folder: Path, size: int, pairs: str) -> float:
    loaded = furnished(kind, folder)
    loaded("import", "customers", files["customers"])
    loaded("import", "packages", files["packages"])
    loaded("user", "add", "ben", "--role", "agent", "--password-stdin", stdin=PASSWORD + "-zwei")
    # What somebody else chose is changed at the first login: the second line.
    both = f"{PASSWORD}-zwei\n{PASSWORD}-drei"
    login = loaded("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=both)
    plain = copied(kind, loaded, folder)
    loaded("bulk", "approve", files["pairs"], "--yes")
    floor = float(finished((PYTHON, FLOORS / "bulk.py", files["pairs"], plain.url), plain.environ).out)
    ran = run(with_token(loaded.url, login.out.strip(), folder), files["pairs"])
    seconds = json.loads(ran.out)["seconds"]
    assert json.loads(ran.out)["merged"] == size, ran.out
    line(f"{size:,} {pairs}, floor, {kind.name}", f"{size / floor:.0f} /s")
    ratio, goal = floor / seconds, GOALS[pairs]
    name = f"{size:,} {pairs}, {kind.name}, peak {ran.peak_bytes / 1e6:.0f} MB"
    line(name, f"{size / seconds:.0f} /s", ratio, f"goal: >= {goal}", met=ratio >= goal)
    return size / seconds


def run(ready: Ready, pairs: Path) -> Finished:
    return ready("bulk", "run", pairs, "--format", "json")


def made(folder: Path, size: int, *, differing: bool) -> dict[str, Path]:
    """Write customers, packages and pairs, the same in every run."""
    chance = random.Random(size)  # noqa: S311 (no secret)
    customers = folder / "bulk-customers.csv", COLUMNS, _customers(chance, size, differing=differing)
    packages = folder / "bulk-packages.csv", ("package", "number", "domains"), _packages(size)
    choice = "adopt" if differing else ""
    pairs = (
        folder / "bulk-pairs.csv",
        ("survivor", "absorbed", "choice"),
        ([f"S{n}", f"A{n}", choice] for n in range(size)),
    )
    return {
        name: written(*file) for name, file in (("customers", customers), ("packages", packages), ("pairs", pairs))
    }


def _customers(chance: random.Random, size: int, *, differing: bool) -> Iterator[list[str]]:
    for n in range(size):
        person = [f"Sonnentau {n} GmbH", chance.choice(FIRST), f"Vogelsang-{n}"]
        details = [
            f"Marktstr. {n}",
            "76131",
            "Karlsruhe",
            f"0721 {n + 10_000}",
            "",
            f"k{n}@sonnentau.example",
            f"{n}",
            "37040044",
        ]
        yield [f"S{n}", *person, *details]
        if differing:
            details = [f"Weg {n}", "76131", "Ulm", f"0731 {chance.randrange(10**5, 10**7)}", *details[4:]]
        yield [f"A{n}", *person, *details]


def _packages(size: int) -> Iterator[list[str]]:
    for number in (f"{side}{n}" for n in range(size) for side in "SA"):
        for k in (1, 2):
            yield [f"{number}-{k}", number, f"{number}-{k}.example".lower()]

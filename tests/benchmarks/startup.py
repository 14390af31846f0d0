"""What whole processes compute until they end, against the least that the libraries they are made of allow."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from argon2 import PasswordHasher
from databases import CUSTMERGE, Kind, Ready, environment, furnished
from importing import COLUMNS
from measuring import FLOORS, HERE, PYTHON, finished, heading, line, minima, written

EXAMPLES = HERE.parents[1] / "examples"
GOALS = {"--help": 1.2, "--version": 1.1, "completion": 1.1}
COMMAND_GOAL = 1.2
COMPLETION = {"_CUSTMERGE_COMPLETE": "complete_bash", "COMP_WORDS": "custmerge di", "COMP_CWORD": "1"}
PASSWORD = "nur-fuer-messungen"
DIFFERENT = "20003"
"""Against 10001: street, postcode, phone and mobile differ."""
EQUIVALENT = "20002"
"""Against 10001: every field is the same, but written in another way, so that every parser is loaded."""
RECORD = ["Sonnentau GmbH", "Katrin", "Vogelsang", "Marktstr. 12", "76131", "Karlsruhe", *[""] * 5]
DIFFERS = 1


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    rounds = 5 if quick else 11
    heading(f"Start-up: CPU time of whole processes, minima of {rounds} rounds")
    _without_a_database(folder, rounds)
    for kind in kinds:
        ready = furnished(kind, folder)
        ready("import", "customers", EXAMPLES / "customers.csv")
        _with_a_database(kind, ready, folder, rounds)


def _without_a_database(folder: Path, rounds: int) -> None:
    environ = environment("sqlite:///none.db", folder)

    def custmerge(*arguments: str, **more: str) -> Callable[[], float]:
        return lambda: finished((*CUSTMERGE, *arguments), environ | more).cpu_seconds

    found = minima(
        {
            "floor": lambda: finished((PYTHON, FLOORS / "two_lines.py", "--help"), environ).cpu_seconds,
            "--help": custmerge("--help"),
            "--version": custmerge("--version"),
            "completion": custmerge(**COMPLETION),
        },
        rounds,
    )
    _compare("two-line Typer program --help", found)


def _with_a_database(kind: Kind, ready: Ready, folder: Path, rounds: int) -> None:
    pairs, proved = count(), count(rounds)
    _import_pairs(ready, folder, 2 * rounds)
    for number in range(rounds, 2 * rounds):
        # The proof is there before the merge.
        ready("verify", f"A{number}", "--into", f"S{number}", *_proof(number), stdin=PASSWORD)
    floor = (PYTHON, FLOORS / "open_database.py", ready.url.replace("postgresql:", "postgresql+psycopg:"))

    def diff(number: str) -> float:
        return ready("diff", number, "--into", "10001", codes=(0, DIFFERS)).cpu_seconds

    def merge(number: int, *proof: str) -> float:
        return ready("merge", f"A{number}", "--into", f"S{number}", *proof, "--yes", stdin=PASSWORD).cpu_seconds

    def merge_with_proof() -> float:
        number = next(pairs)
        return merge(number, *_proof(number))

    found = minima(
        {
            "floor": lambda: finished(floor, ready.environ).cpu_seconds,
            "diff, details differ": lambda: diff(DIFFERENT),
            "diff, written differently": lambda: diff(EQUIVALENT),
            "merge --yes, proved before": lambda: merge(next(proved)),
        },
        rounds,
    )
    _compare(f"empty script with SQLModel, {kind.name}", found)
    found = minima(
        {
            "floor": lambda: finished((*floor, _HASH), ready.environ, stdin=PASSWORD).cpu_seconds,
            "merge --yes --domain": merge_with_proof,
        },
        rounds,
    )
    _compare(f"empty script with SQLModel and a hash, {kind.name}", found)


_HASH = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1).hash(PASSWORD)


def _import_pairs(ready: Ready, folder: Path, pairs: int) -> None:
    """Import S0 and A0, S1 and A1 …, who are the same, each with a package and a domain."""
    numbers = [f"{letter}{number}" for letter in "SA" for number in range(pairs)]
    rows = [[number, *RECORD, _HASH] for number in numbers]
    packages = [(f"P{number}", number, f"{number}.example".lower()) for number in numbers]
    ready("import", "customers", written(folder / "pairs.csv", (*COLUMNS, "password_hash"), rows))
    ready("import", "packages", written(folder / "packages.csv", ("package", "number", "domains"), packages))


def _proof(number: int) -> tuple[str, ...]:
    return "--domain", f"a{number}.example", "--password-stdin"


def _compare(floor: str, found: Mapping[str, float]) -> None:
    """Print a floor and how far what was found is from it."""
    line(floor, _ms(found["floor"]))
    for name, seconds in found.items():
        if name != "floor":
            ratio, goal = seconds / found["floor"], GOALS.get(name, COMMAND_GOAL)
            line(f"custmerge {name}", _ms(seconds), ratio, f"goal: <= {goal}", met=ratio <= goal)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"

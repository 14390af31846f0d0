"""Start-up of whole processes."""

from pathlib import Path

from databases import CUSTMERGE, Kind, Ready, environment, furnished
from measuring import FLOORS, HERE, PYTHON, finished, heading, line, medians

EXAMPLES = HERE.parents[1] / "examples"
HELP_GOAL, DIFF_GOAL = 1.5, 1.3
DIFFERENT = "20003"
"""Against 10001: street, postcode, phone and mobile differ."""
EQUIVALENT = "20002"
"""Against 10001: every field is the same, but written in another way, so that every parser is loaded."""
DIFFERS = 1


def measure(kinds: tuple[Kind, ...], folder: Path, *, quick: bool) -> None:
    rounds = 5 if quick else 21
    heading(f"Start-up: whole processes, medians of {rounds} rounds")
    _help(folder, rounds)
    for kind in kinds:
        ready = furnished(kind, folder)
        ready("import", "customers", EXAMPLES / "customers.csv")
        _diff(kind, ready, rounds)


def _help(folder: Path, rounds: int) -> None:
    environ = environment("sqlite:///none.db", folder)
    found = medians(
        {
            "python": lambda: finished((PYTHON, "-c", "pass"), environ).seconds,
            "typer": lambda: finished((PYTHON, FLOORS / "two_lines.py", "--help"), environ).seconds,
            "help": lambda: finished((*CUSTMERGE, "--help"), environ).seconds,
        },
        rounds,
    )
    line("python -c pass", _ms(found["python"]))
    line("two-line Typer program --help", _ms(found["typer"]))
    ratio = found["help"] / found["typer"]
    line("custmerge --help", _ms(found["help"]), ratio, f"goal: <= {HELP_GOAL}", met=ratio <= HELP_GOAL)


def _diff(kind: Kind, ready: Ready, rounds: int) -> None:
    floor = (PYTHON, FLOORS / "open_database.py", ready.url.replace("postgresql:", "postgresql+psycopg:"))

    def diff(number: str) -> float:
        return ready("diff", number, "--into", "10001", codes=(0, DIFFERS)).seconds

    found = medians(
        {
            "floor": lambda: finished(floor, ready.environ).seconds,
            "details differ": lambda: diff(DIFFERENT),
            "written differently": lambda: diff(EQUIVALENT),
        },
        rounds,
    )
    line(f"empty script with SQLModel, {kind.name}", _ms(found["floor"]))
    for pair in ("details differ", "written differently"):
        ratio = found[pair] / found["floor"]
        name = f"custmerge diff, {kind.name}, {pair}"
        line(name, _ms(found[pair]), ratio, f"goal: <= {DIFF_GOAL}", met=ratio <= DIFF_GOAL)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"

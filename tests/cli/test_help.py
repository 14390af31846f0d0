"""Every command explains itself, is in the README, and starts fast."""

import subprocess
import sys

import pytest

from custmerge.cli.app import VERBS

COMMANDS = [
    *((verb,) for verb in VERBS),
    *(("import", kind) for kind in ("customers", "packages")),
    *(("export", kind) for kind in ("customers", "packages", "history")),
    *(("user", verb) for verb in ("add", "list", "role", "password", "disable", "unlock")),
    *(("bulk", verb) for verb in ("check", "approve", "run", "status")),
    *(("token", verb) for verb in ("create", "list", "revoke")),
    *(("transfer", verb) for verb in ("file", "list", "show", "approve", "reject")),
    ("config", "path"),
]
WITH_COMMANDS_OF_THEIR_OWN = {("import",), ("export",), ("user",), ("bulk",), ("token",), ("transfer",), ("config",)}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_ends_with_examples(sqlite_cli, command):
    done = sqlite_cli(*command, "--help")
    assert (done.code, done.err) == (0, "")
    if command not in WITH_COMMANDS_OF_THEIR_OWN:
        assert f"custmerge {' '.join(command)}" in done.out.partition("Examples:")[2]


def test_help_lists_every_verb_with_its_summary(sqlite_cli):
    out = sqlite_cli("--help").out
    for verb, (_, summary) in VERBS.items():
        assert f"  {verb} " in out
        assert summary[:30] in out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_readme(repository, command):
    assert f"custmerge {' '.join(command)}" in (repository / "README.md").read_text("utf-8")


def test_every_error_code_is_in_the_readme(repository):
    from custmerge import errors

    text = (repository / "README.md").read_text("utf-8")
    codes = {error.code for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "code")}
    assert [code for code in codes if f"`{code}`" not in text] == []


def test_every_option_fits_into_60_columns(sqlite_cli):
    for command in COMMANDS:
        out = sqlite_cli(*command, "--help", COLUMNS="60").out
        wide = [line for line in out.partition("Examples:")[0].splitlines() if len(line) > 60]
        assert wide == [], command


def imported_by(arguments, environ):
    program = (
        "import sys; from custmerge.cli.app import run; code = run(sys.argv[1:]);"
        "print('MODULES', *sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return set(done.stderr.rpartition("MODULES ")[2].split())


HEAVY = {"sqlalchemy", "sqlmodel", "alembic", "keyring", "psycopg", "phonenumbers", "schwifty", "argon2"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["diff", "--help"], ["merge", "--help"], ["--version"], ["nonsense"]]
)
def test_help_and_wrong_use_load_nothing_heavy(sqlite_cli, arguments):
    assert not imported_by(arguments, sqlite_cli.environ()) & (HEAVY | {"rich.table"})


@pytest.mark.parametrize(("words", "found"), [("custmerge di", "diff"), ("custmerge merge --ta", "--take")])
def test_completion_loads_nothing_heavy(sqlite_cli, words, found):
    shell = {"_CUSTMERGE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert sqlite_cli(**shell).out.split() == [found]
    assert not imported_by([], sqlite_cli.environ() | shell) & (HEAVY | {"rich.table"})


def test_diff_loads_only_what_it_needs(sqlite_cli):
    loaded = imported_by(["diff", "2", "--into", "1"], sqlite_cli.as_("ben").environ())
    assert "sqlalchemy" in loaded
    assert not loaded & {"alembic", "keyring", "psycopg", "phonenumbers", "schwifty", "argon2"}

"""Every command explains itself, is in the manual, and starts fast."""

import re
import subprocess
import sys

import pytest

from custmerge.cli.app import GROUPS, VERBS
from custmerge.rules.fields import DETAIL_FIELDS
from custmerge.rules.history import Action
from custmerge.rules.people import STAFF_ROLES
from custmerge.rules.transfers import Status

COMMANDS = [
    *((verb,) for verb in VERBS),
    *(("import", kind) for kind in ("customers", "packages")),
    *(("export", kind) for kind in ("customers", "packages", "history")),
    *(("user", verb) for verb in ("add", "list", "role", "password", "disable", "unlock")),
    *(("bulk", verb) for verb in ("check", "approve", "run", "status")),
    *(("token", verb) for verb in ("create", "list", "revoke")),
    *(("transfer", verb) for verb in ("file", "list", "show", "approve", "reject", "withdraw")),
    *(("config", verb) for verb in ("path", "show")),
    *(("duplicates", verb) for verb in ("dismiss", "undismiss", "dismissed")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_ends_with_examples(sqlite_cli, command):
    done = sqlite_cli(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"custmerge {' '.join(command)}" in done.out.partition("Examples:")[2]
    assert done.out.splitlines()[-1].startswith("    ")
    # Neither Python's types nor numbers that nobody comes near.
    assert not re.search(r"<list|<str>|<int|x<=|2147483647", done.out)


def test_help_lists_every_verb_with_its_summary_in_a_group(sqlite_cli):
    out = sqlite_cli("--help").out
    assert [line for line in out.splitlines() if re.fullmatch(r"[A-Z][a-z ]+:", line)] == [
        *("Options:", "To begin:", "Look:", "Merge:", "Data:", "Run it:")
    ]
    assert out.partition("Examples:")[2].split("\n")[1] == "    custmerge demo"
    assert {verb for names in GROUPS.values() for verb in names} == {*VERBS}
    for verb, (_, summary) in VERBS.items():
        assert f"  {verb} " in out
        assert summary[:30] in out


def test_choices_are_listed_where_they_are_chosen_from(sqlite_cli):
    for command, words in (
        (("merge",), DETAIL_FIELDS),
        (("history",), Action),
        (("user", "add"), STAFF_ROLES),
        (("transfer", "list"), Status),
    ):
        out = " ".join(sqlite_cli(*command, "--help").out.split())
        assert [word for word in words if not re.search(rf"\b{word}\b", out)] == []
    assert "[default: 50; at most 1000]" in " ".join(sqlite_cli("find", "--help").out.split())


def test_version_has_a_short_option(sqlite_cli):
    assert sqlite_cli("-V").out == sqlite_cli("--version").out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_manual(repository, command):
    assert f"custmerge {' '.join(command)}" in (repository / "custmerge/help/en/commands.md").read_text("utf-8")


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_error_code_is_in_the_manual_behind_its_exit_code(repository, language):
    from custmerge import errors

    rows = (repository / f"custmerge/help/{language}/exit-codes.md").read_text("utf-8").splitlines()
    told = {
        int(cells[1]): cells[3] for row in rows if len(cells := row.split("|")) == 5 and cells[1].strip().isdigit()
    }
    known = [error for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "code")]
    assert {int(code) for code in errors.ExitCode} == told.keys()
    assert [error.code for error in known if f"`{error.code}`" not in told[int(error.exit)]] == []


def test_every_check_action_setting_and_version_is_in_the_manual(repository):
    from custmerge.rules.audit import CheckName
    from custmerge.rules.history import Action
    from custmerge.storage.tables import VERSIONS

    def page(topic):
        return (repository / f"custmerge/help/en/{topic}.md").read_text("utf-8")

    variables = {
        name
        for path in (repository / "custmerge").rglob("*.py")
        for name in re.findall(r'"(CUSTMERGE_[A-Z_]+)"', path.read_text("utf-8"))
    }
    assert [name for name in variables if f"`{name}`" not in page("settings")] == []
    assert [version for version in VERSIONS if f"| {version} |" not in page("versions")] == []
    assert [check for check in CheckName if f"| `{check}` |" not in page("audit")] == []
    assert [action for action in Action if f"`{action}`" not in page("history")] == []


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
    "arguments", [["--help"], ["help", "rules"], ["diff", "--help"], ["merge", "--help"], ["--version"], ["nonsense"]]
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


SEARCHES = re.compile(
    r"custmerge\.(services\.duplicates|storage\.matching|cli\.duplicates|cli\.render\.\w+\.duplicates)\b|"
    r"splink\b|duckdb\b|pyarrow\b|pyspark\b"
)


@pytest.mark.parametrize(
    "arguments", [["diff", "2", "--into", "1"], ["merge", "2", "--into", "1"], ["audit"]], ids=str
)
def test_other_commands_load_nothing_of_a_search_for_duplicates(sqlite_cli, arguments):
    loaded = imported_by(arguments, sqlite_cli.as_("anna").environ())
    assert "sqlalchemy" in loaded
    assert [module for module in loaded if SEARCHES.match(module)] == []

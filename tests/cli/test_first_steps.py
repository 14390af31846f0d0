"""The first minutes: `init` names the next command; whoever isn't logged in is told that first."""

import pytest
from support.databases import STAFF_PASSWORD
from support.typist import Typist

from custmerge.cli.app import VERBS, WITHOUT_LOGIN

NEW = "rosmarin-und-thymian"
NOBODY = {"CUSTMERGE_TOKEN": None}


@pytest.fixture
def new(sqlite_cli):
    sqlite_cli.url = "sqlite:///new one.db"
    return sqlite_cli


def test_init_asks_who_the_first_supervisor_is_and_names_the_next_command(new):
    person = Typist(new, "--database", "sqlite:///new one.db", "init", PYTHON_KEYRING_BACKEND="x.Y")
    person.answers("Staff name of the first supervisor: ", "an na")
    person.sees("✗ name an na")
    person.answers("Staff name of the first supervisor: ", "anna")
    person.answers("Password for anna: ", NEW)
    person.answers("The same password once more: ", NEW)
    person.sees("Next: custmerge --database 'sqlite:///new one.db' login --staff anna")
    assert person.ends() == 0
    assert new("login", "--staff", "anna", "--password-stdin", "--print-token", stdin=NEW).code == 0


def test_init_names_the_next_command_whatever_it_did(new):
    assert new("init").err == "The database sqlite:///new one.db is ready.\nNext: custmerge init --supervisor NAME\n"
    person = Typist(new, "init")
    person.answers("Staff name of the first supervisor: ", "")
    person.sees("Next: custmerge init --supervisor NAME")
    assert person.ends() == 0
    for arguments in (("init", "--supervisor", "anna", "--password-stdin"), ("init",), ("init", "--lang", "de")):
        done = new(*arguments, stdin=NEW)
        assert done.code == 0
        assert done.err.splitlines()[-1].endswith(": custmerge login --staff anna")


GROUPS = ("import", "export", "bulk", "user", "token", "transfer")
ARGUMENTS = [
    *((verb,) for verb in VERBS if verb not in WITHOUT_LOGIN and verb not in GROUPS),
    *(("merge", "--adopt", "--keep"), ("merge", "2", "--take", "nothing"), ("purge", "--older-than", "x")),
    *(("transfer", "reject", "3"), ("transfer", "file", "2"), ("transfer", "list", "--status", "x")),
    *(("user", "add"), ("token", "create", "x", "--role", "nobody"), ("import", "customers"), ("bulk", "run")),
    *(
        ("history", "--since", "yesterday"),
        ("audit", "--sign-key", "nowhere"),
        ("export", "packages"),
    ),
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_whoever_is_not_logged_in_is_told_that_first(sqlite_cli, arguments):
    done = sqlite_cli(*arguments, **NOBODY)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("custmerge: You aren't logged in: run `custmerge login NUMBER`")


def test_a_keyring_that_fails_leaves_nobody_logged_in(sqlite_cli):
    done = sqlite_cli("whoami", "-f", "json", **NOBODY, PYTHON_KEYRING_BACKEND="nowhere.at.all.Keyring")
    assert (done.code, done.error["code"]) == (4, "not_logged_in")
    assert done.error["message"].startswith("You aren't logged in: no login can be read from the keyring (")


@pytest.mark.parametrize("place", ["environment", "config file"])
def test_a_setting_keeps_every_login_in_a_file_and_asks_no_keyring(sqlite_cli, place):
    (sqlite_cli.folder / "config.toml").write_text('token_store = "file"\n')
    given = {"CUSTMERGE_CONFIG": str(sqlite_cli.folder / "config.toml")}
    given = {"CUSTMERGE_TOKEN_STORE": "file"} if place == "environment" else given
    given |= {**NOBODY, "PYTHON_KEYRING_BACKEND": "nowhere.at.all.Keyring"}
    done = sqlite_cli("login", "--staff", "ben", "--password-stdin", stdin=STAFF_PASSWORD, **given)
    assert done.code == 0, done.err
    (kept,) = (sqlite_cli.folder / "data" / "custmerge" / "tokens").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert sqlite_cli("whoami", **given).out.startswith("ben")
    assert "a file that only you can read" in sqlite_cli("doctor", **given).out
    assert (sqlite_cli("logout", **given).code, kept.exists()) == (0, False)
    assert sqlite_cli("whoami", **given).code == 4


def test_a_token_store_that_is_none_is_refused(sqlite_cli):
    done = sqlite_cli("whoami", CUSTMERGE_TOKEN_STORE="cloud")
    assert (done.code, done.err) == (2, "custmerge: token_store cloud: choose keyring or file.\n")

"""A user without a home directory and without an entry in /etc/passwd: a container, systemd's DynamicUser."""

import os
import pwd

import pytest
from support.cli_process import run_command_line
from support.databases import STAFF_PASSWORD

NOWHERE = {"HOME": None, "XDG_DATA_HOME": None, "CUSTMERGE_CONFIG": None}


def run_without_a_home(*call):
    def unknown(_user):
        raise KeyError("getpwuid(): uid not found")

    pwd.getpwuid = unknown
    run_command_line(*call)


@pytest.mark.parametrize("name", ["HOME", "XDG_CONFIG_HOME"])
def test_a_home_that_is_no_folder_is_none(cli, world, name):
    done = cli.as_("ben")("whoami", **{**NOWHERE, name: "/dev/null"})
    assert (done.code, done.err) == (0, "")


@pytest.fixture
def homeless(cli):
    def run(*arguments, stdin="", **changes):
        streams = cli.start(*arguments, stdin=stdin, target=run_without_a_home, **NOWHERE, **changes)
        process, (_, out, err) = streams
        process.join()
        return process.exitcode, out.read_text(), err.read_text()

    return run


def test_with_database_and_token_everything_works(homeless, world):
    world.customer("10001", domains=["eins.example"], password="pw")
    world.customer("20001", domains=["zwei.example"], password="pw")
    given = {"CUSTMERGE_TOKEN": "token-of-ben"}
    proof = ("--domain", "zwei.example", "--password-stdin")
    code, _out, err = homeless("merge", "20001", "--into", "10001", *proof, "--yes", stdin="pw", **given)
    assert (code, err) == (0, "")
    code, out, _err = homeless("login", "10001", "--password-stdin", "--print-token", stdin="pw")
    assert (code, len(out.strip()) > 40) == (0, True)
    (world.folder / "rows.csv").write_text("survivor,absorbed,domain,password\n10001,20001,zwei.example,pw\n")
    (world.folder / "rows.csv").chmod(0o600)
    assert homeless("bulk", "run", "rows.csv", **given)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("whoami",), "custmerge login"),
        (("login", "10001", "--password-stdin", "--insecure-storage"), "CUSTMERGE_TOKEN"),
        (("config", "path"), "HOME"),
    ],
)
def test_what_needs_a_home_says_so_in_a_sentence(homeless, arguments, named):
    code, _out, err = homeless(*arguments, stdin="pw")
    assert code in (2, 4)
    assert (err.count("\n"), named in err) == (1, True)


def test_without_a_database_either_it_is_asked_for(homeless):
    code, _out, err = homeless("whoami", CUSTMERGE_DATABASE_URL=None)
    assert (code, "CUSTMERGE_DATABASE_URL" in err) == (2, True)


def test_a_home_that_cannot_be_written_is_no_fault_of_ours(sqlite_cli, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "custmerge").write_text("a file in the place of the folder")
    done = sqlite_cli("login", "--staff", "ben", "--password-stdin", "--insecure-storage", stdin="x")
    assert (done.code, "Unexpected" in done.err, done.err.count("\n")) == (4, False, 1)


def test_lock_files_of_somebody_else_in_this_home_are_no_limit(cli):
    for number in range(os.cpu_count() + 1):
        # Like a file of root's: it can't be opened for writing, by root neither.
        (cli.folder / "data" / "custmerge" / "slots" / f"hash-{number}").mkdir(parents=True)
    login = ("login", "--staff", "ben", "--password-stdin", "--print-token")
    done = cli(*login, stdin=STAFF_PASSWORD)
    assert (done.code, bool(done.out.strip())) == (0, True), done.err


@pytest.mark.parametrize(("path", "code"), [("~nobody-is-called-this/x.db", 2), ("a/" * 3_000, 8), ("a" * 300, 8)])
def test_a_file_that_can_be_nowhere_is_one_sentence(sqlite_cli, path, code):
    url = {"CUSTMERGE_DATABASE_URL": f"sqlite:///{path}"}
    for words in (("whoami",), ("init",), ("find", "x"), ("doctor",)):
        done = sqlite_cli(*words, CUSTMERGE_TOKEN="x", **url)
        assert done.code == code, (words, done)
        assert "Unexpected" not in done.err + done.out

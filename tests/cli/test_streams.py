"""Streams, formats, settings and exit codes: what scripts rely on."""

import json
import subprocess
import sys

import pytest
from support.scenes import scene

HOSTILE = "\x1b[31mrot\x1b[0m\x07\x9b2J\u202egnp.exe\u200b\u2028[bold]fett[/bold]\r\n\t\x7f:smile:"


@scene
def hostile(world):
    """A customer whose every text would like to reach the terminal."""
    for number in ("10001", "20002"):
        row = dict.fromkeys(("company", "first_name", "last_name", "street", "city", "email"), HOSTILE + number)
        world.customer(number, domains=[f"n{number}.example"], contact={"street": HOSTILE}, **row)
    world.package("Q", "10001", name=HOSTILE)
    return world


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "10001"),
        ("find", "10001"),
        ("diff", "20002", "--into", "10001", "--all"),
        ("history",),
        ("show", HOSTILE.replace("\x7f", "")),
        ("find", HOSTILE),
        ("diff", "20002", "--into", HOSTILE),
        ("import", "customers", HOSTILE),
        (HOSTILE,),
        ("--lang", HOSTILE, "whoami"),
        ("--database", HOSTILE, "whoami"),
    ],
)
def test_no_control_character_but_newline_reaches_a_terminal(hostile, supervisor, arguments):
    done = supervisor(*arguments)
    for text in (done.out, done.err):
        assert not [
            c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u202e\u200b\u2028"
        ]


def test_markup_in_data_is_shown_as_it_is(hostile, agent):
    out = agent("show", "10001").out
    assert "[bold]fett[/bold]" in out
    assert ":smile:" in out


def test_json_says_the_true_value_without_raw_control_characters(hostile, agent):
    done = agent("show", "10001", "-f", "json")
    assert done.json["company"] == HOSTILE + "10001"
    assert not [c for c in done.out if ord(c) < 32 and c != "\n"]


def test_hidden_characters_are_shown_visibly(world, agent):
    world.customer("10001")
    world.customer("20002", company="Sonnentau\u200b GmbH")
    done = agent("diff", "20002", "--into", "10001", COLUMNS="120")
    assert done.code == 3
    assert "Sonnentau\\u200b GmbH" in done.out


def test_letters_that_look_like_latin_ones_are_shown_visibly(world, agent):
    world.customer("10001", first_name="Λέων")
    world.customer("20002", first_name="Λέων", last_name="Vogels\u0430ng")
    done = agent("diff", "20002", "--into", "10001", "--all")
    assert done.code == 3
    assert "Vogels\\u0430ng" in done.out
    assert "Λέων" in done.out


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_data_goes_to_stdout_and_messages_to_stderr(world, agent, form):
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", password="pw", domains=["zwei.example"])
    proof = ("--domain", "zwei.example", "--password-stdin")
    done = agent("merge", "20002", "--into", "10001", *proof, "--yes", "-f", form, stdin="pw")
    assert (done.code, done.err) == (0, "")
    assert "20002" in done.out


def test_with_format_json_an_error_is_one_json_object_on_stderr(agent):
    done = agent("show", "99999", "--format", "json")
    assert (done.code, done.out) == (5, "")
    assert json.loads(done.err) == {
        "error": {
            "code": "unknown_number",
            "exit": 5,
            "message": "There is no customer number 99999: look it up with `custmerge find`.",
            "details": {"number": "99999"},
        }
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "--format", "json"),
        ("show", "1", "--nonsense", "-f", "json"),
        ("diff", "1", "2", "3", "--format=json"),
        ("nonsense", "-fjson"),
    ],
)
def test_wrong_use_is_a_json_error_too(sqlite_cli, arguments):
    done = sqlite_cli.as_("ben")(*arguments)
    assert (done.code, done.error["exit"]) == (2, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("login", "1", "--staff", "ben"),
        ("show", "1", "-f", "xml"),
        ("--quiet", "--verbose", "whoami"),
        ("--lang", "fr", "whoami"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(sqlite_cli, arguments):
    done = sqlite_cli(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("login", "10001", "--print-token"), "--password-stdin"),
        (("verify", "20002", "--into", "10001", "--domain", "zwei.example"), "--password-stdin"),
        (("merge",), "NUMBER"),
        (("merge", "20002", "--into", "10001", "--adopt"), "--yes"),
        (("init", "--supervisor", "eva"), "--password-stdin"),
    ],
)
def test_without_a_terminal_nothing_is_asked_and_the_option_is_named(world, agent, arguments, option):
    world.customer("10001", password="pw")
    world.customer("20002", password="pw", domains=["zwei.example"])
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw")
    environment = {"CUSTMERGE_DATABASE_URL": f"sqlite:///{agent.folder}/new.db"} if arguments[0] == "init" else {}
    done = agent(*arguments, **environment)
    assert (done.code, done.out) == (2, "")
    assert option in done.err
    assert world.customers()["20002"]["merged_into"] is None


def test_quiet_says_nothing_but_data_and_errors(cli, tmp_path):
    done = cli("--quiet", "--database", f"sqlite:///{tmp_path}/new.db", "init")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_piped_output_has_no_colour_whatever_the_environment_says(world, agent):
    world.customer("10001")
    world.customer("20002", city="Ulm")
    assert "\x1b" not in agent("diff", "20002", "--into", "10001", FORCE_COLOR="1", CLICOLOR_FORCE="1").out


def test_the_language_follows_option_then_environment(sqlite_cli):
    assert "nicht angemeldet" in sqlite_cli("--lang", "de", "whoami", CUSTMERGE_TOKEN=None, **NULL).err
    assert "nicht angemeldet" in sqlite_cli("whoami", LANG="de_DE.UTF-8", **NULL).err
    assert "aren't logged in" in sqlite_cli("whoami", LANG="de_DE.UTF-8", CUSTMERGE_LANG="en", **NULL).err
    assert "nicht angemeldet" in sqlite_cli("--lang=de", "whoami", LANG="en_US.UTF-8", **NULL).err


NULL = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def test_the_first_setting_that_is_given_wins(sqlite_cli, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('database_url = "sqlite:///from-file.db"\nlang = "de"\n')
    environment = {"CUSTMERGE_CONFIG": str(config), **NULL}
    done = sqlite_cli("doctor", CUSTMERGE_DATABASE_URL=None, **environment)
    assert "from-file.db" in done.out
    assert "gibt es keine Datenbank" in done.out
    done = sqlite_cli("--lang", "en", "doctor", CUSTMERGE_DATABASE_URL="sqlite:///from-env.db", **environment)
    assert "from-env.db" in done.out
    assert "no database" in done.out
    done = sqlite_cli("--database", "sqlite:///from-option.db", "doctor", **environment)
    assert "from-option.db" in done.out
    assert sqlite_cli("config", "path", **environment).out.strip() == str(config)


@pytest.mark.parametrize("content", ["database_url = 3", "colour = 'red'", "=", "lang = 'fr'", "\udcff"])
def test_a_wrong_config_file_is_one_sentence(sqlite_cli, tmp_path, content):
    config = tmp_path / "config.toml"
    config.write_bytes(content.encode("utf-8", "surrogateescape"))
    done = sqlite_cli("whoami", CUSTMERGE_CONFIG=str(config))
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_a_named_config_file_that_is_missing_is_one_sentence(sqlite_cli):
    assert sqlite_cli("whoami", CUSTMERGE_CONFIG="nowhere.toml").code == 2


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "sqlite://", "sqlite:///", "nonsense", "sqlite:///:memory:"])
def test_a_database_that_custmerge_cannot_use_is_one_sentence(sqlite_cli, url):
    done = sqlite_cli("--database", url, "whoami")
    assert (done.code, "geheim" in done.err) == (2, False)


def test_an_argument_that_is_no_text_is_one_sentence(sqlite_cli):
    command = f"{sys.executable} -m custmerge show $'\\xff'"
    done = subprocess.run(["bash", "-c", command], env=sqlite_cli.environ(), capture_output=True, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_a_terminal_that_knows_no_unicode_gets_no_traceback(world, agent):
    world.customer("10001")
    world.customer("20002", city="Ulm")
    done = agent.subprocess("diff", "20002", "--into", "10001", PYTHONIOENCODING="ascii")
    assert (done.code, done.err) == (1, "")


def test_details_of_an_error_hold_no_blanks_to_fill(agent):
    error = agent("merge", "2", "--into", "1", "--take", "company", "-f", "json").error
    assert error["details"]["why"].startswith("is no detail field; they are street, postcode")

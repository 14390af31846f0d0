"""Global options stand before or after a command, and mean the same."""

import pytest
from support.marks import on_sqlite_alone

NULL = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


@on_sqlite_alone
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("--lang", "de", "show", "9"), ("show", "9", "--lang", "de")),
        (("--lang", "de", "show", "9"), ("show", "--lang=de", "9")),
        (("--quiet", "find", "x"), ("find", "x", "--quiet")),
        (("-q", "find", "x"), ("find", "-q", "x")),
        (("--verbose", "find", "x"), ("find", "x", "-v")),
        (("--no-input", "merge"), ("merge", "--no-input")),
        (("--no-color", "bulk", "status"), ("bulk", "--no-color", "status")),
        (("--no-color", "bulk", "status"), ("bulk", "status", "--no-color")),
        (("--quiet", "--verbose", "whoami"), ("--quiet", "whoami", "--verbose")),
    ],
)
def test_a_global_option_means_the_same_wherever_it_stands(agent, before, after):
    assert agent(*before) == agent(*after)


def test_the_database_may_be_named_behind_the_command(agent, sqlite_cli, tmp_path):
    done = agent("whoami", "--database", f"sqlite:///{tmp_path}/elsewhere.db")
    assert (done.code, "elsewhere.db" in done.err) == (8, True)


def test_a_value_that_looks_like_a_global_option_is_a_value(world, supervisor):
    done = supervisor("transfer", "reject", "1", "--reason", "--quiet", "--yes")
    assert (done.code, "contract transfer 1" in done.err) == (5, True)
    assert supervisor("find", "--", "--quiet").err != ""


@on_sqlite_alone
def test_a_wrong_language_behind_the_command_is_one_sentence(agent):
    done = agent("whoami", "--lang", "fr")
    assert (done.code, done.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("mrege",), "Did you mean merge?"),
        (("audit", "--databse", "x"), "Did you mean --database?"),
        (("bulk", "chek"), "Did you mean check?"),
        (("xyzzy",), None),
        (("show", "1", "--full"), None),
        (("show", "1", "--lost"), None),
        (("logs",), None),
    ],
)
def test_what_is_suggested_is_near_or_nothing(sqlite_cli, arguments, meant):
    done = sqlite_cli(*arguments)
    assert done.code == 2
    assert done.err.rstrip().endswith(meant) if meant else "mean" not in done.err


@pytest.mark.parametrize(
    ("environ", "is_german"),
    [
        ({"LANGUAGE": "de", "LANG": "en_US.UTF-8"}, True),
        ({"LANGUAGE": "fr:de:en", "LANG": "en_US.UTF-8"}, True),
        ({"LANGUAGE": "en:de", "LANG": "de_DE.UTF-8"}, False),
        ({"LANGUAGE": "fr", "LANG": "de_DE.UTF-8"}, False),
        ({"LANGUAGE": "de", "LC_ALL": "C"}, False),
        ({"LANGUAGE": "de", "LANG": "C.UTF-8"}, True),
        ({"LANGUAGE": "de", "CUSTMERGE_LANG": "en", "LANG": "de_DE.UTF-8"}, False),
        ({"LANGUAGE": "", "LC_MESSAGES": "de_AT", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "den_CA"}, False),
    ],
)
def test_the_language_is_chosen_as_gettext_does(sqlite_cli, environ, is_german):
    assert ("nicht angemeldet" in sqlite_cli("whoami", **NULL, **{"LANG": None, **environ}).err) is is_german


@on_sqlite_alone
@pytest.mark.parametrize(
    "arguments",
    [
        ("login", "10001", "geheimes-passwort"),
        ("find", "x", "postgresql://u:geheim@h/d"),
        ("audit", "-f", "nagios", "postgresql://u:geheim@h/d"),
        ("postgresql://u:geheim@h/d",),
        ("find", "x", "--postgresql://u:geheim@h/d"),
        ("whoami", "--lang", "postgresql://u:geheim@h/d"),
        ("whoami", "--format", "postgresql://u:geheim@h/d"),
        ("whoami", "-f", "json", "--lang", "postgresql://u:ge heim@h/d"),
        ("undo", "postgresql://u:geheim@h/d"),
        ("show", "postgresql:///d?pass%77ord=geheim"),
        ("show", "postgresql://u@h:ge geheim@h/d"),
        ("whoami", "--lang", "postgresql://u:geheim/d"),
        ("whoami", "-f", "postgresql://h/d?scram_client_key=geheim"),
        ("verify", "20002", "--into", "10001", "--domain", "postgresql://u:geheim@h/d"),
        ("verify", "20002", "--into", "10001", "--domain", "postgresql://u:geheim@h/d", "-f", "json"),
        ("--database", "host=h user=u scram_client_key=geheim", "whoami"),
        ("whoami", "--lang", "postgresql://u:geheim@h " * 1_200),
    ],
)
def test_what_stands_in_a_wrong_place_is_not_repeated(agent, arguments):
    done = agent(*arguments)
    assert done.code in {2, 3, 5}
    assert "geheim" not in done.out + done.err


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_url_in_the_place_of_the_config_files_name_is_shown_without_its_password(sqlite_cli, form):
    done = sqlite_cli("whoami", "-f", form, CUSTMERGE_CONFIG="postgresql://anna:geheim@h/db")
    assert (done.code, "geheim" in done.out + done.err) == (2, False)


@on_sqlite_alone
@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "--checkpoint", "points", "--verify-key", ""),
        ("audit", "--checkpoint", "points", "--sign-key", ""),
        ("audit", "--checkpoint", ""),
        ("history", "--since", ""),
        ("export", "history", "--out", ""),
    ],
    ids=str,
)
def test_an_option_of_a_command_that_is_given_empty_is_not_left_out(supervisor, tmp_path, arguments):
    done = supervisor(*arguments)
    assert (done.code, "is empty" in done.err, done.out) == (2, True, "")
    assert not (tmp_path / "points").exists()


@on_sqlite_alone
@pytest.mark.parametrize("option", ["--database", "--lang"])
def test_an_option_that_is_given_empty_is_not_left_out(agent, option):
    for arguments in ((option, "", "whoami"), ("whoami", option, "")):
        assert agent(*arguments, "-f", "json").error["code"] == "bad_value"

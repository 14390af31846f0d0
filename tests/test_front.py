"""The door of examples/own-user: everybody runs custmerge through it as a user of its own."""

import contextlib
import fcntl
import importlib
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
import time

import pytest
import typer

from custmerge.cli.app import VERBS

TOKEN = {"CUSTMERGE_TOKEN": "t"}


@pytest.fixture
def front_path(repository, tmp_path):
    """The front of custmerge as a user of its own, with a program behind it that prints what it was given."""
    source = (repository / "examples" / "own-user" / "custmerge-front").read_text("utf-8")
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable} -I\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n"
        "options = dict(zip(sys.argv, sys.argv[1:]))\n"
        "for word in sys.argv:\n if word.startswith('/dev/fd/'): print(open(word).read())\n"
        "for option in {'--save', '--report'} & options.keys(): open(options[option], 'x').write('written')\n"
    )
    program.chmod(0o755)
    path = tmp_path / "front"
    path.write_text(source.replace('"/usr/local/bin/custmerge"', repr(str(program))))
    return path


@pytest.fixture
def front(front_path, tmp_path):
    def run(*words, stdin="", **environ):
        line, environ = [sys.executable, "-I", str(front_path), *words], {**TOKEN, **environ}
        return subprocess.run(
            line, capture_output=True, text=True, check=False, env=environ, cwd=tmp_path, input=stdin
        )

    return run


def test_the_front_lets_three_variables_through_and_nothing_else(front):
    given = {"CUSTMERGE_TOKEN": "t", "LANG": "de_DE.UTF-8", "TERM": "xterm"}
    hostile = {
        "PAGER": "sh",
        "LESSOPEN": "|sh",
        "PYTHONPATH": "/evil",
        "CUSTMERGE_DATABASE_URL": "x",
        "PATH": "/evil",
    }
    words, environ = json.loads(front("merge", "20002", "--into", "10001", **given, **hostile).stdout)
    assert words == ["merge", "20002", "--into", "10001"]
    assert {name: environ[name] for name in given} == given
    assert environ.keys() - given.keys() - {"LC_CTYPE"} == {"PATH", "HOME", "CUSTMERGE_CONFIG"}
    assert "evil" not in environ["PATH"]


@pytest.mark.parametrize("token", ["", " ", "\u00a0", "\u00c2\u00a0", "a b"])
def test_the_front_lets_nobody_without_a_token_use_a_login_that_its_user_has_kept(front, token):
    for words in (("whoami",), ("logout",), ("export", "customers")):
        done = front(*words, CUSTMERGE_TOKEN=token)
        assert (done.returncode, done.stdout) == (4, "")
    for words in (("login", "10001", "--print-token"), ("merge", "--help")):
        assert json.loads(front(*words, CUSTMERGE_TOKEN=token).stdout)[0] == list(words)


def test_the_front_says_that_a_quotation_mark_is_open(front):
    done = front(SSH_ORIGINAL_COMMAND="custmerge find 'x")
    assert (done.returncode, done.stderr) == (2, "custmerge-front: a quotation mark is open\n")


def test_the_front_knows_every_option_of_the_program_but_those_that_name_a_file_or_a_cluster_of_its_user(repository):
    path = repository / "examples" / "own-user" / "custmerge-front"
    known = runpy.run_path(str(path))
    with_value, flags = set(), set()
    for verb in known["VERBS"] & VERBS.keys():
        module = importlib.import_module(f"custmerge.cli.{VERBS[verb][0]}")
        for option in options(typer.main.get_command(module.app)):
            (flags if option.is_flag else with_value).update(option.opts)
    assert with_value - known["WITH_VALUE"] == {
        "--database",
        "--checkpoint",
        "--sign-key",
        "--verify-key",
        "--receipt",
        "--explain",
        "--model",
        "--save-model",
        "--engine",
        "--spark-master",
    }
    assert flags - known["FLAGS"] == {"--insecure-storage"}
    assert (known["WITH_VALUE"] - with_value, known["FLAGS"] - flags) == (set(), {"--help"})


def options(command):
    """Return the options of a command and of those below it."""
    below = [option for one in getattr(command, "commands", {}).values() for option in options(one)]
    return [one for one in command.params if one.param_type_name == "option"] + below


@pytest.mark.parametrize("words", [("bulk", "run", "-", "--report", "-"), ("transfer", "show", "1", "--save", "-")])
def test_a_reader_of_the_front_that_goes_away_changes_no_exit_code(front_path, words):
    line = f"{shlex.join([sys.executable, '-I', str(front_path), *words])} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, input="", env=TOKEN)
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (0, False, False)


def test_with_a_closed_output_the_front_runs_nothing(front_path):
    line = f"{shlex.join([sys.executable, '-I', str(front_path), 'bulk', 'run', '-', '--report', '-'])} >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, input="", env=TOKEN)
    assert (done.returncode, done.stderr) == (1, "custmerge-front: standard output is closed\n")


@pytest.mark.parametrize("words", [("bulk", "run", "-", "--report", "-"), ("transfer", "show", "1", "--save", "-")])
def test_messages_that_nobody_reads_do_not_stand_in_a_file_that_the_front_hands_on(front_path, words):
    line = f"{shlex.join([sys.executable, '-I', str(front_path), *words])} 2>&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, input="", env=TOKEN)
    assert (done.returncode, done.stdout) == (0, "written")


def test_an_input_that_the_front_cannot_read_is_one_sentence(front_path):
    line = f"{shlex.join([sys.executable, '-I', str(front_path), 'bulk', 'check', '-'])} 0>/dev/null"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, env=TOKEN)
    said = "custmerge-front: standard input can't be read: Bad file descriptor\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_the_front_cuts_no_word_that_ends_like_a_stream(front):
    words = ["transfer", "reject", "2", "--reason", "unleserlich=-", "--yes"]
    assert json.loads(front(*words).stdout)[0] == words


def test_a_front_that_is_interrupted_while_it_reads_ends_quietly(front_path):
    words = [sys.executable, "-I", str(front_path), "bulk", "check", "-"]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, env=TOKEN, **streams) as front:
        front.stdin.write(b"survivor,absorbed\n" * 10_000)
        front.send_signal(signal.SIGINT)
        out, err = front.communicate(timeout=300)
    assert (front.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("ending", [signal.SIGHUP, signal.SIGTERM])
def test_a_front_that_is_ended_while_its_reader_waits_leaves_no_file_behind(front_path, tmp_path, ending):
    (tmp_path / "temporary").mkdir()
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, bytes(4096))
    words = [sys.executable, "-I", str(front_path), "transfer", "show", "1", "--save", "-"]
    environ = {**TOKEN, "TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(words, env=environ, stdout=writer, stderr=subprocess.PIPE) as front:
        # What the program itself says is there before its file is written.
        assert front.stderr.readline()
        time.sleep(0.5)
        assert list((tmp_path / "temporary").iterdir())
        front.send_signal(ending)
        front.communicate(timeout=300)
    for end in (reader, writer):
        os.close(end)
    assert (front.returncode, list((tmp_path / "temporary").iterdir())) == (128 + ending, [])


def test_a_front_whose_input_pauses_and_is_non_blocking_reads_it_to_its_end(front_path):
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    words = [sys.executable, "-I", str(front_path), "bulk", "check", "-"]
    with subprocess.Popen(words, env=TOKEN, stdin=reader, stdout=subprocess.PIPE) as front:
        os.close(reader)
        with contextlib.suppress(BrokenPipeError), os.fdopen(writer, "wb") as stream:
            for row in (b"one\n", b"two\n"):
                time.sleep(0.5)
                stream.write(row)
                stream.flush()
        out, _err = front.communicate(timeout=300)
    assert (front.returncode, out.endswith(b"one\ntwo\n\n")) == (0, True)


def test_a_front_whose_output_is_full_and_non_blocking_waits_until_it_is_read(front_path):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(1024))
    words = [sys.executable, "-I", str(front_path), "transfer", "show", "1", "--save", "-"]
    with subprocess.Popen(words, env=TOKEN, stdout=writer, stderr=subprocess.PIPE) as front:
        os.close(writer)
        # What the program itself says is there before its file is written.
        assert front.stderr.readline()
        time.sleep(0.5)
        with os.fdopen(reader, "rb") as stream:
            assert stream.read().lstrip(b"\0") == b"written"
    assert front.returncode == 0


def test_a_closed_input_of_the_front_is_an_empty_one(front_path):
    line = f"{shlex.join([sys.executable, '-I', str(front_path), 'bulk', 'check', '-'])} <&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, env=TOKEN)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("before", "words", "behind", "code", "says"),
    [
        ("", ("bulk", "run", "-", "--report", "-"), ">/dev/full", 1, "standard output can't be written"),
        ("ulimit -f 1; yes |", ("bulk", "check", "-"), "", 8, "no room for what is read, in "),
        ("ulimit -f 0;", ("bulk", "check", "-"), "", 8, "no room for what is read, in "),
        ("ulimit -f 0;", ("transfer", "show", "1", "--save", "-"), "", 8, "no room for what is written, in "),
    ],
)
def test_what_the_front_cannot_write_is_one_sentence(front_path, before, words, behind, code, says):
    line = f"{before} {shlex.join([sys.executable, '-I', str(front_path), *words])} {behind}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, input="", env=TOKEN)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"custmerge-front: {says}")
    assert "Traceback" not in done.stderr


def test_the_front_takes_what_sshd_hands_over(front):
    done = front(SSH_ORIGINAL_COMMAND="custmerge find 'müller ulm'; id")
    assert json.loads(done.stdout)[0] == ["find", "müller ulm;", "id"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("init", "--unlock", "ben"),
        ("doctor",),
        ("login", "--staff", "ben"),
        ("login", "--staff", "ben", "--print-token", "--insecure-storage"),
        ("find", "x", "--database", "sqlite:////tmp/x"),
        ("find", "x", "--database=sqlite:////tmp/x"),
        ("export", "history", "--out", "/var/lib/custmerge/custmerge.db"),
        ("export", "history", "-o/var/lib/custmerge/custmerge.db"),
        ("export", "history", "-qo", "/var/lib/custmerge/custmerge.db"),
        ("export", "history", "--out=x"),
        ("import", "customers", "/etc/custmerge/config.toml"),
        ("import", "--quiet", "customers", "/etc/custmerge/config.toml"),
        ("import", "customers", "--", "-d/config.toml"),
        ("bulk", "check", "--", "-d/config.toml"),
        ("bulk", "check", "x"),
        ("bulk", "status", "x"),
        ("bulk", "run", "-", "--report", "x"),
        ("transfer", "file", "2", "--into", "1", "--form", "/etc/shadow"),
        ("transfer", "file", "2", "--into", "1", "--form=/etc/shadow"),
        ("transfer", "show", "1", "--save", "x"),
        ("audit", "--checkpoint", "/var/lib/custmerge/custmerge.db"),
        ("audit", "--checkpoint=-"),
        # What it takes for an option, the program takes for a value, and the other way round.
        ("bulk", "check", "--lang", "--format", "/etc/custmerge/config.toml", "--lang", "en"),
        ("import", "customers", "--chunk", "-f", "/etc/custmerge/config.toml"),
        ("login", "--staff", "--print-token", "--staff", "anna", "--password-stdin"),
        ("login", "--staff", "anna", "--password-stdin", "--print-token=x"),
        ("bulk", "run", "--unknown", "/etc/custmerge/config.toml"),
        ("export", "history", "--out", "-", "--out", "/var/lib/custmerge/custmerge.db"),
        ("export", "history", "--out"),
    ],
)
def test_the_front_refuses_what_would_use_the_rights_of_its_user(front, words):
    done = front(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("custmerge-front: ")


@pytest.mark.parametrize(
    "words",
    [
        ("login", "--staff", "ben", "--print-token"),
        ("bulk", "status", "-fjson"),
        ("import", "customers", "-"),
        ("export", "customers", "-qo", "-"),
        ("history", "--order", "3", "-f", "json"),
    ],
)
def test_the_front_passes_daily_work_on_as_it_is(front, words):
    assert json.loads(front(*words).stdout)[0] == list(words)


@pytest.mark.parametrize("form", [("--form", "-"), ("--form=-",)])
def test_a_form_reaches_the_program_from_the_callers_standard_input(front, form):
    done = front("transfer", "file", "2", "--into", "1", *form, stdin="%PDF- signed")
    words, _environ = json.loads(done.stdout.splitlines()[0])
    assert words[:-1] == ["transfer", "file", "2", "--into", "1", "--form"]
    assert done.stdout.splitlines()[1] == "%PDF- signed"


@pytest.mark.parametrize(
    "words",
    [("transfer", "show", "1", "--save", "-"), ("bulk", "run", "-", "--report=-"), ("audit", "--report", "-")],
)
def test_a_file_that_the_program_writes_is_the_fronts_standard_output(front, words):
    done = front(*words)
    assert (done.returncode, done.stdout) == (0, "written")
    assert json.loads(done.stderr)[0][:2] == list(words[:2])


def test_the_sudo_rule_lets_the_front_alone_be_run_with_three_variables(repository):
    lines = (repository / "examples" / "own-user" / "sudoers").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    front = "/usr/local/lib/custmerge/custmerge-front"
    assert [rule.split("=", 1)[0].split()[0] for rule in rules] == [f"Defaults!{front}"] * 2 + ["%support"]
    assert all(option in rules[0] for option in ("env_reset", "!setenv", "secure_path="))
    assert rules[1].endswith('env_keep = "CUSTMERGE_TOKEN LANG TERM"')
    assert rules[2].endswith(f"NOSETENV: {front}")
    keys = (repository / "examples" / "own-user" / "authorized_keys").read_text("utf-8").splitlines()
    assert all(line.startswith(f'restrict,pty,command="{front}" ') for line in keys if not line.startswith("#"))

"""An import from standard input: a file or a pipe, which may take as long as it likes."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

# Much more than a pipe holds: once it is written, the command has read all but the rest.
MANY_ROWS = 100_000


@pytest.fixture
def anna(sqlite_cli):
    return sqlite_cli.as_("anna")


@contextmanager
def importing(anna, kind):
    """Start an import from a pipe and give its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "custmerge", "import", kind, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=anna.environ(),
        cwd=anna.folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def imported(command, kind, content):
    done = command("import", kind, "-", stdin=content)
    assert done.code == 0, done.err
    return done.out


@pytest.mark.parametrize("is_pipe", [False, True], ids=["file", "pipe"])
def test_a_minus_is_standard_input(anna, is_pipe):
    command = anna.subprocess if is_pipe else anna
    assert "1 row imported" in imported(command, "customers", "number,city,password\n1,Ulm,geheim\n")
    assert "1 row imported" in imported(command, "packages", "package,number,domains\nP,1,eins.example\n")
    (package,) = anna("export", "packages", "-f", "json").json
    assert (package["number"], package["domains"]) == ("1", ["eins.example"])


def test_bad_lines_of_a_pipe_are_named(anna):
    done = anna.subprocess("import", "customers", "-", stdin="number,merged_into\n1,\n2,2\n")
    assert (done.code, "-:3: merged_into: 2: is the number itself" in done.err) == (2, True), done.err


@pytest.mark.parametrize("is_pipe", [False, True], ids=["file", "pipe"])
def test_a_number_that_stands_twice_is_told_from_one_that_exists(anna, is_pipe):
    command = anna.subprocess if is_pipe else anna
    imported(anna, "customers", "number\nthere\n")
    # Further apart than what is looked at together.
    rows = "".join(f"{number}\n" for number in range(1_000, 2_000))
    done = command("import", "customers", "-", stdin=f"number\n{rows}1003\nthere\n")
    assert done.code == 2
    assert "-:1002: number: 1003: stands in line 5 already" in done.err
    assert "-:1003: number: there: exists already" in done.err


def test_a_file_that_is_called_like_standard_input_is_not_read_in_its_place(anna):
    imported(anna, "customers", "number\n1\n")
    (anna.folder / "-").touch()
    done = anna("import", "customers", "-", stdin="number\n1\n")
    assert "-:2: number: 1: exists already" in done.err


def test_a_pipe_that_stalls_keeps_nobody_from_writing(anna):
    (anna.folder / "own.csv").write_text("number\nx\n")
    with importing(anna, "customers") as process:
        process.stdin.write(b"number,city\n" + b"".join(b"%d,Ulm\n" % n for n in range(MANY_ROWS)))
        process.stdin.flush()
        assert anna("import", "customers", "own.csv").code == 0
        assert process.poll() is None
        out, err = process.communicate(b"last,Bonn\n")
        assert (process.returncode, err) == (0, b"")
        assert b"100001 rows imported" in out


def test_a_pipe_that_breaks_off_in_a_record_imports_nothing(anna):
    done = anna.subprocess("import", "customers", "-", stdin='number,city\n1,Ulm\n2,"Bo')
    assert (done.code, "-:3" in done.err) == (2, True), done.err
    assert anna("export", "customers", "-f", "json").json == []

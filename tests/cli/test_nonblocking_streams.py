"""Standard streams that another program has made non-blocking: nothing is taken for the end that is a pause."""

import os
import shlex
import subprocess
import sys
import time
from contextlib import suppress

from support.databases import STAFF_PASSWORD

PAUSE_SECONDS = 1.0
ROWS = "number,city\n" + "".join(f"{number},Ulm\n" for number in range(20_000))


def fed(words, cli, *parts):
    """Run a program whose standard input brings its parts with pauses; returns its exit code and outputs."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    streams = {"stdin": reader, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, **streams, env=cli.environ(), cwd=cli.folder) as process:
        os.close(reader)
        with suppress(BrokenPipeError), os.fdopen(writer, "wb") as stream:
            for part in parts:
                time.sleep(PAUSE_SECONDS)
                stream.write(part.encode())
                stream.flush()
        out, err = process.communicate(timeout=300)
    return process.returncode, out.decode(), err.decode()


def read_slowly(words, cli):
    """Run a program whose standard output is full before anybody reads; returns its exit code and what came."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen(words, stdout=writer, stderr=subprocess.PIPE, env=cli.environ(), cwd=cli.folder) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            time.sleep(3 * PAUSE_SECONDS)
            out = stream.read()
        err = process.stderr.read()
    return process.returncode, out, err


def program(*words):
    return [sys.executable, "-m", "custmerge", *words]


def test_a_feed_that_pauses_is_imported_whole(world, supervisor):
    half = ROWS.index("\n10000,") + 1
    code, out, err = fed(program("import", "customers", "-"), supervisor, ROWS[:half], ROWS[half:])
    assert (code, "20000 rows imported" in out) == (0, True), err


def test_a_password_that_comes_in_pieces_is_one(cli):
    words = program("login", "--staff", "anna", "--password-stdin", "--print-token")
    code, out, err = fed(words, cli, STAFF_PASSWORD[:5], STAFF_PASSWORD[5:])
    assert (code, bool(out.strip())) == (0, True), err


def test_an_input_that_cannot_be_read_is_no_lost_output(cli, agent):
    login = "login --staff anna --password-stdin --print-token"
    transfer = "transfer file 20001 --into 10001 --form -"
    for person, words in ((cli, login), (agent, transfer)):
        # A descriptor that is open for writing alone.
        line = f"{shlex.join(program())} {words} 0>/dev/null"
        done = subprocess.run(
            ["bash", "-c", line], env=person.environ(), cwd=cli.folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, "-: can't be read (Bad file descriptor)" in done.stderr) == (2, True), done.stderr


def test_an_export_that_is_read_slowly_comes_whole(world, supervisor):
    (supervisor.folder / "rows.csv").write_text(ROWS)
    assert supervisor("import", "customers", "rows.csv").code == 0
    code, out, err = read_slowly(program("export", "customers"), supervisor)
    assert (code, out.count(b"\n"), err) == (0, 20_001, b"")

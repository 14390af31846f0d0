"""Ctrl-C and kill -9: all or nothing."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from contextlib import closing

import pytest

from custmerge.storage.database import Database


@pytest.fixture
def long_file(tmp_path):
    """A file that takes a while: each password is hashed."""
    lines = [f"{number},geheim-{number}\n" for number in range(4000)]
    path = tmp_path / "long.csv"
    path.write_text("number,password\n" + "".join(lines))
    return path


@pytest.mark.usefixtures("true_hashes")
@pytest.mark.parametrize(("blow", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_import_that_is_struck_down_leaves_nothing_behind(world, supervisor, long_file, blow, code):
    world.customer("vorher")
    before = world.dump()
    process, (_, _, err) = supervisor.start("import", "customers", long_file.name)
    time.sleep(1.5)
    assert process.is_alive()
    os.kill(process.pid, blow)
    process.join(300)
    assert process.exitcode == code
    assert "Traceback" not in err.read_text()
    assert world.dump() == before
    assert supervisor.in_process("history", "--action", "import", "-f", "json").json == [
        entry for entry in supervisor.in_process("history", "-f", "json").json if entry["action"] == "import"
    ]
    assert supervisor.in_process("find", "vorher", "-f", "json").json[0]["number"] == "vorher"


def broken_off(database):
    """Leave a transaction in a place where nobody ends it, as Ctrl-C in the middle of a library may."""
    transaction = database.writing()
    transaction.__enter__().chain.lock()
    raise KeyboardInterrupt


def test_who_cleans_up_after_an_interrupt_does_not_wait_for_the_transaction_that_it_broke_off(database_url):
    with closing(Database(database_url)) as database:
        try:
            broken_off(database)
        except KeyboardInterrupt:
            assert database.try_once(lambda unit: unit.chain.lock())


def test_what_libraries_log_of_a_broken_connection_is_not_printed():
    log = "import custmerge.storage.dialect, logging; logging.getLogger('sqlalchemy.pool').error('closing')"
    done = subprocess.run((sys.executable, "-c", log), check=True, capture_output=True)
    assert done.stderr == b""


def test_an_interrupt_that_a_library_answers_with_an_error_of_its_own_is_one():
    program = """
from custmerge.cli import app

def broken(*_arguments):
    try:
        raise KeyboardInterrupt
    finally:
        raise AssertionError

app._run = broken
raise SystemExit(app.run(["whoami"]))
"""
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n"), "Interrupted" in done.stderr) == (130, 1, True), done.stderr


@pytest.mark.parametrize("streams", [("stdout",), ("stdout", "stderr")], ids="-".join)
def test_ctrl_c_does_not_wait_for_a_reader_who_looks_at_the_first_page(world, supervisor, streams):
    world.customers_like(*(str(number) for number in range(2_000)), street="x" * 100)
    reader, writer = os.pipe()
    other = {"stderr": subprocess.PIPE, **dict.fromkeys(streams, writer)}
    words = [sys.executable, "-m", "custmerge", "export", "customers"]
    with subprocess.Popen(words, env=supervisor.environ(), cwd=supervisor.folder, **other) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as unread:
            while held(unread) < 30_000:
                time.sleep(0.05)
            # As much as the pipe holds has come, and the program waits.
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            assert process.wait(300) == 130
            said = process.stderr.read() if process.stderr else b""
    assert said in (b"", b"custmerge: Interrupted: nothing half done was left behind.\n")


def held(pipe):
    """Return how many bytes a pipe holds that nobody has read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)

"""Runs the command line in a process of its own to which something happens.

Each function ends the process as `cli_process.run_command_line` does; `call` is what that one takes.
"""

import errno
import gc
import multiprocessing
import os
import resource
import signal
import sqlite3
import time
import types
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count

import psycopg
from sqlalchemy import Engine, event

from custmerge.services import access
from custmerge.storage.database import Database
from support.cli_process import run_command_line
from support.databases import restored

FATAL_CHUNK = 3


def interrupt(url):
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def kill(url):
    """Kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate(url):
    """Have the server end this command's connection."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE application_name = 'custmerge' AND datname = current_database()"
        )


def survived(work, demand_all_or_nothing, *, first=1, step=1):
    """Do `work` in processes of their own until one comes to its end; returns how many were killed before.

    `work` is given a function that has its process killed at the n-th thing that reaches the database, at the `first`
    and at each `step`th from there; after each process `demand_all_or_nothing` looks at what it left.
    """
    processes = multiprocessing.get_context("fork")
    # A process that looked for garbage in all of this would have to copy it.
    gc.freeze()
    for faults in count():
        process = processes.Process(target=_work_and_die, args=(work, first + step * faults))
        process.start()
        process.join()
        if process.exitcode == 0:
            return faults
        assert process.exitcode == -signal.SIGKILL
        demand_all_or_nothing()
    raise AssertionError


def work_of(url, name, do):
    """Return what `do`es something as somebody in a process that is to be killed.

    It is done here once before, so that each process finds what it executes compiled.
    """
    database = Database(url)

    def work(begin):
        caller = access.resume(database, f"token-of-{name}", datetime.now(UTC))
        begin()
        do(database, caller)

    with restored(url), closing(database):
        work(lambda: None)
    return work


def _work_and_die(work, fatal):
    work(lambda: die_at(fatal))
    os._exit(0)


def die_at(fatal):
    """From now on, be killed at the `fatal`th thing that reaches a database."""
    reached = 0

    def strike(*_):
        nonlocal reached
        reached += 1
        if reached == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", strike)
    event.listen(Engine, "commit", strike)


def killed_at_random(start, first, later):
    """Kill the processes that `start` starts, each a little later than the one before; returns how many.

    Ends when one comes to its own end before.
    """
    for kills in range(40):
        process = start()
        time.sleep(first + later * kills)
        if not process.is_alive():
            break
        process.kill()
        process.join()
    process.join()
    return kills


def run_with_few_attempts(*call):
    """Begin a transaction anew but a few times, at once."""
    from custmerge.storage import database

    database.RETRY_AFTER_SECONDS = (0.0,) * 3
    run_command_line(*call)


def run_struck(blow, moment, url, *call):
    """Strike once in the third chunk's transaction: at its `begin`, its `copy`, its last `write` or its `commit`.

    At `answer` at its first statement of ours, while the server's answer to another one is outstanding.
    """
    committed, is_written, is_struck = 0, False, False

    def strike(here, first=int):
        nonlocal is_struck
        if committed == FATAL_CHUNK - 1 and here == moment and not is_struck:
            is_struck = True
            first()
            blow(url)

    def before_statement(connection, _cursor, text, *_):
        nonlocal is_written
        strike("begin")
        if "FROM custmerge_version" in text:
            strike("answer", lambda: connection.connection.driver_connection.pgconn.send_query(b"SELECT 1"))
        if "INTO custmerge_batch_chunk" in text:
            is_written = True
            strike("write")

    def before_commit(_connection):
        nonlocal committed, is_written
        if is_written:
            strike("commit")
            committed, is_written = committed + 1, False

    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "commit", before_commit)
    _announce_copies(partial(strike, "copy"))
    run_command_line(*call)


def _announce_copies(announce):
    class Cursor(psycopg.Cursor):
        def copy(self, *arguments, **options):
            announce()
            return super().copy(*arguments, **options)

    def connected(connection, *_):
        if isinstance(connection, psycopg.Connection):
            connection.cursor_factory = Cursor

    event.listen(Engine, "connect", connected)


def run_struck_while_hashing(blow, url, *call):
    """Strike when the second password is compared."""
    from custmerge.services.people import passwords

    compare, compared = passwords.fits, count(1)

    def fits(*arguments):
        if next(compared) == 2:
            blow(url)
        return compare(*arguments)

    passwords.fits = fits
    run_command_line(*call)


def run_with_little_room(pages, *call):
    """Give an SQLite file room for so many pages."""
    connect = sqlite3.connect

    def connect_with_little_room(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    sqlite3.connect = connect_with_little_room
    run_command_line(*call)


def run_with_short_files(size, *call):
    """Have the system refuse what would make a file longer than `size` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    run_command_line(*call)


def run_with_lock_timeout(seconds, *call):
    """Wait so long for what others have locked, where the URL has no time-out: on a server."""
    from custmerge.storage.dialect import postgresql

    postgresql.LOCK_TIMEOUT_SECONDS = seconds
    run_command_line(*call)


def run_bulk_with_lock_timeout(seconds, *call):
    """Likewise, and begin a chunk anew no longer."""
    from custmerge.services.bulk import file_run

    file_run.WAITS_SECONDS = seconds
    run_with_lock_timeout(seconds, *call)


def run_patiently(*call):
    """Wait for locks as long as it takes."""
    run_with_lock_timeout(600, *call)


def run_impatiently(*call):
    """Ask only a moment for what became of a commit."""
    from custmerge.storage import database

    database.RECONNECT_AFTER_SECONDS = (0.0, 0.1)
    run_command_line(*call)


def run_frugally(memory, stdin, arguments, environ, folder, streams):
    """Have so many bytes of memory, and another file for standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    run_command_line(arguments, environ, folder, [stdin, *streams[1:]])


def run_by_the_clock(seconds, *call):
    """Let `seconds` go by whenever a command looks at the clock to say how far it is."""
    from custmerge.cli import progress

    ticks = count(step=seconds)
    progress.time = types.SimpleNamespace(monotonic=lambda: next(ticks))
    run_command_line(*call)


def run_with_full_temporary_files(*call, none=False):
    """Have no room for temporary files; with `none` no directory for them either."""
    import tempfile

    def unusable(mode=""):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    if none:
        tempfile.gettempdir = unusable
        tempfile._gettempdir = unusable
        tempfile.TemporaryFile = unusable
    else:
        tempfile.TemporaryFile = lambda mode="w+b": open("/dev/full", mode)  # noqa: PTH123, SIM115
    run_command_line(*call)


def run_undo_by_the_clock(seconds, chunk, *call):
    """Likewise, and undo a batch by so many orders."""
    from custmerge.services.undo import batch

    batch.Inputs.__init__.__defaults__ = (chunk,)
    run_by_the_clock(seconds, *call)


def run_undo_struck(blow, url, chunk, *call):
    """Undo a batch by so many orders, and strike when the third part of it is written."""
    # The first is the lease's.
    written = -1

    def before_statement(_connection, _cursor, text, *_):
        nonlocal written
        if text.startswith("UPDATE custmerge_batch"):
            written += 1
            if written == FATAL_CHUNK:
                blow(url)

    event.listen(Engine, "before_cursor_execute", before_statement)
    run_undo_by_the_clock(0, chunk, *call)

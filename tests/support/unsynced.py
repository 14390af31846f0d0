"""SQLite without waiting for the disk, which is most of the time that a test would take on one.

Nobody needs what is in a test's database after a crash of the machine; to whoever is killed, and to everybody else,
a file is the same. As in PostgreSQL, see `postgresql_server`; what the program itself asks of SQLite is tested in
`storage/test_schema.py`.
"""

import sqlite3

from sqlalchemy import Engine, event


def leave_to_the_system(connection, _record):
    """Have a new connection write to the system only."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def do_not_wait_for_disks():
    """From now on, no connection to an SQLite file in this process waits for the disk."""
    event.listen(Engine, "connect", leave_to_the_system)


def wait_for_disks():
    """From now on, new ones do as the program has them."""
    event.remove(Engine, "connect", leave_to_the_system)

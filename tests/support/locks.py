"""Who waits for whom on a PostgreSQL server."""

import time

import psycopg


def wait_for_waiting(url, count):
    """Return when so many of our connections wait for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            (found,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'custmerge' "
                "AND datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if found >= count:
                return
            time.sleep(0.01)

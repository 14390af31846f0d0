"""Who loses a domain to somebody who imports at the same time is told which package has it (contract §2, rule 7)."""

import threading
import time

import psycopg
import pytest
from conftest import execute

GIVE_UP_AFTER_SECONDS = 30
TAKEN = (
    "INSERT INTO package (package, number, name) VALUES ('OTHER', '10001', '')",
    "INSERT INTO domain (ascii_name, name, package) VALUES ('d.example', 'd.example', 'OTHER')",
)


@pytest.fixture
def done(world, supervisor, database_url, tmp_path):
    """What becomes of an import while somebody else has put its domain into a package and not yet committed."""
    world.customer("10001")
    (tmp_path / "p.csv").write_text("package,number,domains\nMINE,10001,d.example\n")
    if database_url.startswith("sqlite"):
        # It lets nobody begin to write meanwhile.
        execute(database_url, *TAKEN)
        return supervisor("import", "packages", "p.csv")
    found = []
    with psycopg.connect(database_url) as connection:
        for statement in TAKEN:
            connection.execute(statement)
        importing = threading.Thread(target=lambda: found.append(supervisor("import", "packages", "p.csv")))
        importing.start()
        until = time.monotonic() + GIVE_UP_AFTER_SECONDS
        while not connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
            assert time.monotonic() < until, "it doesn't wait"
            time.sleep(0.01)
    importing.join()
    return found[0]


def test_a_domain_that_somebody_has_just_taken_is_named_with_its_package(done, world):
    assert (done.code, done.out) == (2, "")
    assert "d.example: belongs to package OTHER" in done.err
    assert set(world.packages()) == {"OTHER"}

"""How much a run of tests does, and what is made once for all of its processes."""

import os
from collections import Counter, defaultdict
from zlib import crc32

from filelock import FileLock

NIGHTLY = os.environ.get("CUSTMERGE_NIGHTLY") == "1"
"""Whether tests that have a long form take it: more examples, each case alone, everything on both databases."""
DATABASES = ("sqlite", "postgresql")


def run_folder(tmp_path_factory):
    """Return the folder that all test processes of this run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(folder, name, make):
    """Call `make` in the first process that comes here with `name`; the others wait until it is done."""
    done = folder / f"{name}.done"
    with FileLock(folder / f"{name}.lock"):
        if not done.exists():
            make()
            done.touch()


def left_out_by_day(items):
    """Return the tests to leave out by day: those marked `by_night`, and on one of the two databases some for both.

    By day a test of commands or services runs on one of them, and so does each case of a list in other rooms: half of
    them on SQLite, half on PostgreSQL, by a checksum of the name. The tests of faults, but for those marked `on_one`,
    and those marked `on_both`, of several commands at once, stay on both.
    """
    if NIGHTLY:
        return []
    twins = defaultdict(dict)
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        for database in DATABASES:
            if database in parameters and item.get_closest_marker("on_both") is None:
                twins[item.nodeid.replace(database, "")][database] = item
    on_both = {name: on for name, on in twins.items() if len(on) == len(DATABASES)}
    cases = Counter(name.partition("[")[0] for name in on_both)
    nightly = [item for item in items if item.get_closest_marker("by_night") is not None]
    return nightly + [
        on[DATABASES[crc32(name.encode()) % len(DATABASES)]]
        for name, on in on_both.items()
        if on["sqlite"].get_closest_marker("on_one") is not None
        or (
            not name.startswith("tests/faults/")
            and (name.startswith(("tests/cli/", "tests/services/")) or cases[name.partition("[")[0]] > 1)
        )
    ]

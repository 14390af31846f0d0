"""How much a run of tests does, and what is made once for all of its processes."""

import os

from filelock import FileLock

NIGHTLY = os.environ.get("CUSTMERGE_NIGHTLY") == "1"
"""Whether tests that have a long form take it: more examples, each case alone."""


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

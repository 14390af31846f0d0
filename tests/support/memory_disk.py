"""Where tests put what nobody needs after them: in memory, where this machine has room there.

A copy of a database is 300 files; to make them is most of what a test on PostgreSQL takes on a disk, and a tenth of
it in memory.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 what is made there has names that nobody knows before
DEMANDED_BYTES = 6 << 30
"""What all databases, scenes and files of a run take at most, several times over."""


def quick_folder():
    """Return a folder for files that may be gone when the machine is: in memory, else the one for temporary files."""
    if _room_in_memory() >= DEMANDED_BYTES and os.access(MEMORY, os.W_OK | os.X_OK):
        return MEMORY
    return Path(tempfile.gettempdir())


def _room_in_memory():
    """Return how many bytes fit into memory beside everything that runs."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
        return min(shutil.disk_usage(MEMORY).free, free)
    except (OSError, StopIteration):
        return 0

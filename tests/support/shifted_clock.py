"""A command on a machine whose clock is wrong: every module of ours, and what it imports later, gets another time."""

import datetime as dt
import sys
import time
from functools import partial

from support.cli_process import run_command_line

TRUE_NOW = dt.datetime.now
TRUE_TIME = time.time


def run_shifted(seconds, *call):
    """End this process as `run_command_line` does, `seconds` away from what the time is."""
    shift = dt.timedelta(seconds=seconds)

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return TRUE_NOW(tz) + shift

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "custmerge" and getattr(module, "datetime", None) is dt.datetime:
            module.datetime = Shifted
    dt.datetime = Shifted
    time.time = lambda: TRUE_TIME() + seconds
    run_command_line(*call)


def shifted(**by):
    """Return what `CommandLine.start` takes as `target` for a command on such a machine."""
    return partial(run_shifted, dt.timedelta(**by).total_seconds())

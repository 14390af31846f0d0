"""Runs the command line in the process of the test, for what is arranged before the test's own command.

It takes half as long as a process. The command's environment, folder and streams are its own; what it leaves in
modules isn't, so a test's own command is a process, see `command_line`.
"""

import gc
import gettext
import io
import os
import sys
import warnings
from contextlib import ExitStack, chdir, contextmanager
from types import SimpleNamespace


def run_here(arguments, environ, folder, stdin):
    """Run `custmerge ARGUMENTS` in this process; returns its exit code and what it printed to stdout and stderr."""
    from custmerge.cli import context
    from custmerge.cli.app import run

    text = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")), "utf-8", errors="surrogateescape")
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="\n") for _ in range(2))
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        stack.enter_context(only_environ(environ))
        stack.enter_context(replaced(sys, stdin=text, stdout=out, stderr=err))
        # A process closes its database when it ends.
        at_exit = SimpleNamespace(register=stack.callback)
        stack.enter_context(replaced(context, atexit=at_exit))
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        stack.callback(gettext.textdomain, gettext.textdomain())
        # A bulk run ends for all of a process that garbage is looked for among less. To ask whether it has ended it
        # counts what is left alone, which takes as long as many a command.
        stack.enter_context(replaced(gc, unfreeze=lambda: None))
        code = int(run(arguments))
    for stream in (out, err):
        stream.flush()
    return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


@contextmanager
def only_environ(environ):
    """Have no other environment variables than `environ`."""
    outside = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(outside)


@contextmanager
def replaced(module, **attributes):
    """Have other attributes in a module."""
    before = {name: getattr(module, name) for name in attributes}
    vars(module).update(attributes)
    try:
        yield
    finally:
        vars(module).update(before)

"""Runs the command line in a process of its own, quickly: forked from one that has the libraries loaded.

The modules of `custmerge.cli` aren't among them: each process imports those itself, in its own language.
"""

import gc
import importlib
import io
import os
import pkgutil
import sys

import custmerge

LIBRARIES = (
    *("argon2", "concurrent.futures.thread", "filelock", "keyring.core", "phonenumbers", "platformdirs.unix"),
    *("psycopg", "rich.console", "rich.table", "schwifty", "sqlmodel", "tomllib", "typer._adapters", "typer.main"),
    *("_strptime", "typer._click.decorators"),
)
LEFT_OUT = ("custmerge.cli", "custmerge.__main__", "custmerge.storage.migrations")

for name in LIBRARIES:
    importlib.import_module(name)
for found in pkgutil.walk_packages(custmerge.__path__, "custmerge."):
    if not found.name.startswith(LEFT_OUT):
        importlib.import_module(found.name)
# Nothing of this is garbage in any of them: each would look through all of it.
gc.collect()
gc.freeze()


def run_command_line(arguments, environ, folder, streams):
    """End this process as `custmerge ARGUMENTS` does; `streams` are the files of stdin, stdout and stderr."""
    os.chdir(folder)
    for descriptor, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags), descriptor)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(descriptor, mode, closefd=False), encoding="utf-8", write_through=False)  # noqa: SIM115
        for descriptor, mode in ((0, "rb"), (1, "wb"), (2, "wb"))
    )
    from custmerge.cli.app import run

    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

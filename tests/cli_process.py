"""Runs the command line in a process of its own, quickly: forked from one that has the libraries loaded.

The modules of `custmerge.cli` aren't among them: each process imports those itself, in its own language.
"""

import io
import os
import sys

import argon2
import phonenumbers
import psycopg
import rich.table
import schwifty
import sqlmodel
import typer.main

import custmerge.services.importing
import custmerge.services.merging
import custmerge.storage.unit

PRELOADED = (argon2, phonenumbers, psycopg, rich.table, schwifty, sqlmodel, typer.main, custmerge)


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

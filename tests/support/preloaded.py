"""What a process of the command line is forked from: everything that it needs, imported in English.

Its passwords are hashed at little cost and its databases opened so, see `quick_hashes` and `quick_databases`. It has
done something of everything, see `warm_up`, so that what commands compile or keep when they first need it is there.
"""

import gc
import importlib
import os
import pkgutil
import sys
import tempfile

import custmerge
from support.quick_databases import open_quickly
from support.quick_hashes import hash_quickly

LIBRARIES = (
    *("argon2", "concurrent.futures.thread", "filelock", "keyring.core", "phonenumbers", "platformdirs.unix"),
    *("psycopg", "rich.console", "rich.table", "schwifty", "sqlmodel", "tomllib", "typer._adapters", "typer.main"),
    *("_strptime", "typer._click.decorators"),
)
LEFT_OUT = ("custmerge.__main__", "custmerge.storage.migrations")


def load(*left_out):
    """Import every module of the program but those whose names begin with one of `left_out`."""
    for module in pkgutil.walk_packages(custmerge.__path__, "custmerge."):
        if not module.name.startswith(left_out):
            importlib.import_module(module.name)


def warm_up():
    """Do something of everything on each of the databases that this process was told of."""
    from support.warm_up import WARM_UP, do_everything

    for url in os.environ.pop(WARM_UP, "").split():
        with tempfile.TemporaryDirectory() as folder:
            do_everything(url, folder)
    # Where a command puts its files is for its own environment to say.
    tempfile.tempdir = None


for name in LIBRARIES:
    importlib.import_module(name)
load(*LEFT_OUT, "custmerge.cli")
# A command imports these before it chooses its language, so they are the same in each.
importlib.import_module("custmerge.cli.app")
_WITHOUT_LANGUAGE = frozenset(sys.modules)
load(*LEFT_OUT)
IN_ENGLISH = sorted(name for name in sys.modules.keys() - _WITHOUT_LANGUAGE if name.startswith("custmerge.cli."))
"""The modules with texts that are translated once, when they are imported."""
hash_quickly()
open_quickly()
warm_up()
# Nothing of this is garbage in any of them: each would look through all of it.
gc.collect()
gc.freeze()


def forget_english():
    """Have the modules in `IN_ENGLISH` imported anew."""
    for name in IN_ENGLISH:
        package, _, module = name.rpartition(".")
        del sys.modules[name]
        delattr(sys.modules[package], module)
    IN_ENGLISH.clear()

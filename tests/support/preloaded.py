"""What a process of the command line is forked from: everything that it needs, imported in English.

Its passwords are hashed at little cost, see `quick_hashes`, and it doesn't wait for disks, see `unsynced`.
"""

import gc
import importlib
import pkgutil
import sys

import custmerge
from support.quick_hashes import hash_quickly
from support.unsynced import do_not_wait_for_disks

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
do_not_wait_for_disks()
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

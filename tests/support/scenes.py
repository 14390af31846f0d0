"""What many tests begin with, made once in each process of tests and copied: a database and the files beside it.

`@scene` stands in the place of `@pytest.fixture` above a function that has `world`, a command line or a scene that
returns the world among its parameters. It may return nothing, one of these, a file in the test's folder, or a value
that is nobody's in particular.
"""

import functools
import inspect
import itertools
import os
import shutil
import sqlite3
import time
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from support.databases import first_cells

GOOD_FOR_SECONDS = 300
"""A scene that is older is made anew: proofs and sessions in it end some time."""
LEDGER = ("custmerge_history", "custmerge_session", "custmerge_proof", "custmerge_guess")
REGISTER = ("customer", "package")
DATABASE_FILES = "custmerge.db*"
_NUMBERS = itertools.count()
_SCENES = {}
"""By the identity of their fixtures."""
_PRISTINE = {}
"""What a database looks like in which nothing has happened yet, by its kind."""
_STANDING = {}
"""The scenes that a database is a copy of, by its URL."""


def kind_of(url):
    return "sqlite" if url.startswith("sqlite:") else "postgresql"


def is_pristine(url):
    """Take note of what a database looks like that all others are copied from."""
    _PRISTINE[kind_of(url)] = look_of(url)


def look_of(url):
    """Return what changes with whatever is done: every command of consequence is an entry, every login a session."""
    try:
        return counts_of(url, *LEDGER, *REGISTER)
    except DBAPIError:
        # Attached to a host's tables there is no register beside them.
        return counts_of(url, *LEDGER)


def counts_of(url, *tables):
    counts = [f"(SELECT count(*) FROM {table})" for table in tables]
    return first_cells(url, "SELECT " + " || ' ' || ".join(counts))


class Scene:
    """How something is made, and what was made of it on each kind of database."""

    def __init__(self, make):
        self.make = make
        self.parameters = tuple(inspect.signature(make).parameters)
        self.kept = {}

    def is_made_on(self, url, folder, before):
        """Return whether a database and a folder are as the scenes `before` this one left them."""
        kind = kind_of(url)
        if not before:
            return look_of(url) == _PRISTINE[kind] and not files_in(folder)
        last = before[-1].kept.get(kind)
        return last is not None and (look_of(url), files_in(folder)) == (last.look, last.files)


class Kept:
    """A copy of a database and a folder."""

    def __init__(self, url, folder, given, value):
        self.until = time.monotonic() + GOOD_FOR_SECONDS
        self.look = look_of(url)
        self.files = files_in(folder)
        place = folder.parent / f"scene-{next(_NUMBERS)}"
        self._copy = shutil.copytree(
            folder, place / "files", symlinks=True, ignore=shutil.ignore_patterns(DATABASE_FILES)
        )
        if kind_of(url) == "sqlite":
            self.database = place / "kept.db"
            there, here = sqlite3.connect(url.removeprefix("sqlite:///")), sqlite3.connect(self.database)
            with closing(there), closing(here):
                # With what lies in the log beside the file, where somebody has it open.
                there.backup(here)
        else:
            self.database = f"scene_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_NUMBERS)}"
            with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
                name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
                connection.execute(f"CREATE DATABASE {self.database} TEMPLATE {name} STRATEGY file_copy")
        self._folder, self._value = folder, value
        self._parameter = next((name for name, one in given.items() if one is value), None)

    def lay_out(self, folder, given):
        """Put the files into a test's folder; returns what the scene returns there."""
        shutil.copytree(self._copy, folder, symlinks=True, dirs_exist_ok=True)
        if self._parameter is not None:
            return given[self._parameter]
        if isinstance(self._value, Path):
            return folder / self._value.relative_to(self._folder)
        return deepcopy(self._value)


def files_in(folder):
    """Return the names of what is in a folder beside the database."""
    return {path.name for path in folder.iterdir()} - {path.name for path in folder.glob(DATABASE_FILES)}


def scene(make):
    """Return the fixture of a scene."""
    this = Scene(make)

    @functools.wraps(make)
    def fixture(request, **given):
        there = next(one for one in given.values() if hasattr(one, "folder"))
        url, folder, kind = there.url, there.folder, kind_of(there.url)
        if this in _STANDING.get(url, ()):
            return this.kept[kind].lay_out(folder, given)
        before = scenes_before(this, request)
        # Where something else has happened first, or on a server of its own, nobody else gets what comes of it.
        is_to_be_kept = url in _STANDING and is_copied(request) and this.is_made_on(url, folder, before)
        value = make(**given)
        if is_to_be_kept:
            this.kept[kind] = Kept(url, folder, given, value)
        return value

    # pytest sees the parameters of the function, and the request.
    signature = inspect.signature(make)
    asked = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    del fixture.__wrapped__
    fixture.__signature__ = signature.replace(parameters=[asked, *signature.parameters.values()])
    made = pytest.fixture(fixture)
    _SCENES[id(made)] = this
    return made


def scenes_before(this, request):
    """Return the scenes that one is made on, in the order in which they are made."""
    found = []
    for name in this.parameters:
        one = named(name, request)
        if one is not None:
            found += [*scenes_before(one, request), one]
    return found


def named(name, request):
    """Return the scene that a test means by the name of a fixture, if it is one."""
    for module in (request.module, *filter(inspect.ismodule, request.config.pluginmanager.get_plugins())):
        if (fixture := vars(module).get(name)) is not None:
            # The first is the one that pytest takes, whether it is a scene or not.
            return _SCENES.get(id(fixture))
    return None


def is_copied(request):
    """Return whether a test takes scenes as others made them, whose passwords were hashed at little cost."""
    return "true_hashes" not in request.fixturenames


def database_for(request, kind):
    """Return the copy of the database that a test begins with and the scenes in it; None where there is none yet."""
    if not is_copied(request):
        return None, ()
    wanted = [found for name in request.fixturenames if (found := named(name, request))]
    for last in wanted:
        made = [*scenes_before(last, request), last]
        if set(made) >= set(wanted) and all(kind in one.kept for one in made):
            kept = last.kept[kind]
            return (kept.database, made) if time.monotonic() < kept.until else (None, ())
    return None, ()


def stands(url, made):
    """Take note of the scenes that are in the database at `url` already."""
    _STANDING[url] = made

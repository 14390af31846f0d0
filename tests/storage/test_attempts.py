"""A transaction that the database breaks off because of others is tried again; its result is what was committed."""

import ast
from contextlib import contextmanager
from pathlib import Path

import pytest

import custmerge
from custmerge.errors import DatabaseConflict, DatabaseFull, DatabaseLocked
from custmerge.storage import database as databases
from custmerge.storage.database import Database

PACKAGE = Path(custmerge.__file__).parent


@pytest.fixture
def database(database_url, monkeypatch):
    monkeypatch.setattr(databases, "RETRY_AFTER_SECONDS", (0.0,) * 3)
    opened = Database(database_url)
    opened.upgrade()
    yield opened
    opened.close()


def work(database, *results):
    """Do in each attempt what the next of `results` says: raise it, or return it."""
    tries = iter(results)
    for attempt in database.attempts():
        with attempt:
            result = next(tries)
            if isinstance(result, Exception):
                raise result
    return result, len(list(tries))


def test_a_block_that_succeeds_runs_once(database):
    assert work(database, "first", "second") == ("first", 1)


def test_a_block_that_others_broke_off_runs_again(database):
    assert work(database, DatabaseConflict(database=""), DatabaseConflict(database=""), "third", "fourth") == (
        "third",
        1,
    )


def test_the_last_conflict_is_told(database):
    with pytest.raises(DatabaseConflict):
        work(database, *[DatabaseConflict(database="") for _ in range(4)])


def test_any_other_error_ends_the_block_at_once(database):
    with pytest.raises(DatabaseFull):
        work(database, DatabaseFull(database=""), "second")


def test_a_commit_that_others_broke_off_is_tried_again(database, monkeypatch):
    """The block has succeeded, and what it wrote is gone."""
    original, conflicts = Database.writing, iter([True, False])

    @contextmanager
    def breaking(self):
        with original(self) as unit:
            yield unit
        if next(conflicts):
            raise DatabaseConflict(database="")

    monkeypatch.setattr(Database, "writing", breaking)
    assert work(database, "first", "second", "third") == ("second", 1)


@pytest.mark.parametrize("error", [DatabaseConflict, DatabaseLocked])
def test_a_transaction_that_cannot_begin_because_of_others_is_tried_again(database, monkeypatch, error):
    original, begun = Database.writing, iter([False, True])

    def late(self):
        return original(self) if next(begun) else refused()

    @contextmanager
    def refused():
        raise error(database="")
        yield

    monkeypatch.setattr(Database, "writing", late)
    entered = []
    for attempt in database.attempts(wait_seconds=30):
        with attempt as unit:
            entered.append(unit)
    assert len(entered) == 1


def test_a_database_that_others_have_locked_for_longer_than_it_is_waited_for_is_told(database):
    with pytest.raises(DatabaseLocked):
        work(database, DatabaseLocked(database=""), "second")


def test_a_database_that_others_have_locked_is_waited_for(database):
    results = iter([DatabaseLocked(database=""), DatabaseLocked(database=""), "third"])
    for attempt in database.attempts(wait_seconds=30):
        with attempt:
            result = next(results)
            if isinstance(result, Exception):
                raise result
    assert result == "third"


def test_no_block_is_left_without_its_commit_being_waited_for():
    """`return`, `break` or `continue` inside of an attempt would go on though the commit failed."""
    left = [
        f"{path.relative_to(PACKAGE)}:{leaves.lineno}"
        for path in PACKAGE.rglob("*.py")
        for loop in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(loop, ast.For) and ast.unparse(loop.iter).partition("(")[0].endswith(".attempts")
        for leaves in ast.walk(loop)
        if isinstance(leaves, (ast.Return, ast.Break, ast.Continue)) and not _is_nested(loop, leaves)
    ]
    assert left == []


def _is_nested(loop, leaves):
    """Whether `leaves` belongs to a loop or function within the attempt."""
    inner = [
        node
        for node in ast.walk(loop)
        if node is not loop and isinstance(node, (ast.FunctionDef, ast.Lambda, ast.For, ast.While))
    ]
    return any(
        leaves in list(ast.walk(node))
        and (not isinstance(leaves, ast.Return) or isinstance(node, (ast.FunctionDef, ast.Lambda)))
        for node in inner
    )

"""What needs temporary files says so where they can't be written, and blames nothing else."""

import os
import threading
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
from support.struck_process import run_with_full_temporary_files, run_with_short_files

from custmerge.errors import TemporaryFilesFailed
from custmerge.rules.fields import EMPTY_VALUES, Customer
from custmerge.rules.records import Problem
from custmerge.services.imports import Problems
from custmerge.storage.files import temporary

VERBS = [("check", "pairs.csv"), ("run", "pairs.csv"), ("status", "pairs.csv")]


@pytest.fixture
def pairs(tmp_path):
    (tmp_path / "pairs.csv").write_text("survivor,absorbed\n" + "1,1\n" * 5_000)


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_a_full_temporary_directory_is_named_and_not_the_file(agent, tmp_path, pairs, verb):
    target = run_with_full_temporary_files
    done = agent("bulk", *verb, "-f", "json", target=target, TMPDIR=str(tmp_path))
    assert (done.code, done.error["code"]) == (8, "temporary_files")
    assert done.error["details"] == {"directory": str(tmp_path), "reason": "No space left on device"}
    assert agent("bulk", "status", "-f", "json").json == []


def test_a_temporary_directory_whose_files_end_early_is_named(agent, tmp_path, pairs):
    # Longer than the blocks in which the file is copied.
    (tmp_path / "pairs.csv").write_text("survivor,absorbed\n" + "1,1\n" * 50_000)
    target = partial(run_with_short_files, 100_000)
    done = agent("bulk", "status", "pairs.csv", target=target, TMPDIR=str(tmp_path))
    assert (done.code, str(tmp_path) in done.err, "pairs.csv" in done.err) == (8, True, False)


def test_no_temporary_directory_at_all_is_one_sentence(agent, tmp_path, pairs):
    done = agent("bulk", "check", "pairs.csv", "-f", "json", target=partial(run_with_full_temporary_files, none=True))
    assert (done.code, done.error["code"]) == (8, "temporary_files")


@pytest.mark.parametrize("rows", ["1,2\n", "1,2\n" * 5_000], ids=len)
def test_a_small_copy_that_finds_no_room_says_so_too(sqlite_cli, tmp_path, rows):
    (tmp_path / "pairs.csv").write_text("survivor,absorbed\n" + rows)
    (tmp_path / "c.csv").write_text("number,password\n" + rows)
    full = {"target": run_with_full_temporary_files, "TMPDIR": str(tmp_path)}
    for command in (("bulk", "check", "pairs.csv"), ("import", "customers", "c.csv")):
        done = sqlite_cli.as_("anna")(*command, "-f", "json", **full)
        assert (done.code, done.error["code"]) == (8, "temporary_files")


def test_an_import_from_a_pipe_says_that_the_temporary_directory_is_full(sqlite_cli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("number\n1\n",))
    writer.start()
    done = sqlite_cli.as_("anna")(
        "import", "customers", "pipe", "-f", "json", target=run_with_full_temporary_files, TMPDIR=str(tmp_path)
    )
    writer.join()
    assert (done.code, done.error["code"]) == (8, "temporary_files")


def test_the_disk_of_the_temporary_tables_is_named_and_not_the_databases(sqlite_cli, tmp_path, small_disk):
    folder = small_disk(1)
    domains = "".join(f"P{n},1,d{n}.example\n" for n in range(30_000))
    (tmp_path / "c.csv").write_text("number\n1\n")
    (tmp_path / "p.csv").write_text("package,number,domains\n" + domains)
    anna = sqlite_cli.as_("anna")
    assert anna("import", "customers", "c.csv").code == 0
    # SQLite reads TMPDIR once in a process.
    done = anna.subprocess("import", "packages", "p.csv", "-f", "json", TMPDIR=str(folder))
    assert (done.code, done.error["code"]) == (8, "temporary_files")
    assert done.error["details"]["directory"] == str(folder)


BAD = "number,first_name\n" + "1,x\n" * 5_000


@pytest.mark.parametrize(("content", "code"), [("number\n1\n", 0), (BAD, 8)], ids=["good", "bad"])
def test_an_import_needs_room_for_what_is_wrong_with_its_lines_alone(supervisor, tmp_path, content, code):
    (tmp_path / "feed.csv").write_text(content)
    target = partial(run_with_full_temporary_files, none=True)
    done = supervisor("import", "customers", "feed.csv", "-f", "json", target=target)
    assert done.code == code, done.err
    assert not code or done.error["code"] == "temporary_files"


def test_what_is_wrong_with_lines_is_not_told_by_halves(tmp_path):
    with ExitStack() as closing, Path("/dev/full").open("w+") as full:
        problems = Problems(closing)
        problems._kept = full
        problems.add(2, Problem("number", "1", "is bad"))
        with pytest.raises(TemporaryFilesFailed):
            problems.tell("feed.csv", None)
        with suppress(OSError):
            full.close()


def test_records_that_are_kept_aside_need_room_too():
    kept = temporary.ChangedRecords()
    # As little room as a full disk has.
    kept._connection.execute("PRAGMA max_page_count = 4")
    with pytest.raises(TemporaryFilesFailed):
        kept.keep(Customer(str(number), EMPTY_VALUES, "x" * 1_000) for number in range(100))
    kept.close()

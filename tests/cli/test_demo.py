"""The demonstration: the article's whole way, every step as the command that a person would type."""

import os
import subprocess
import sys

import psycopg
import pytest


@pytest.mark.parametrize("language", ["en", "de"])
def test_demo_shows_the_whole_way(sqlite_cli, tmp_path, language):
    done = sqlite_cli("--lang", language, "demo", "--dir", "demo", CUSTMERGE_DATABASE_URL=None)
    assert done.code == 0
    typed = [line.removeprefix("$ ") for line in done.out.splitlines() if line.startswith("$ ")]
    verbs = [next(word for word in line.split() if word in KNOWN) for line in typed[1:]]
    assert verbs == [
        *("init", "login", "import", "import", "login", "verify", "diff", "merge", "merge", "merge", "merge"),
        *("diff", "verify", "show", "history", "login", "undo", "audit"),
    ]
    for mark in ("≠", "✗", "Industriestr. 40", "20003 → 10001", "P-2003b"):
        assert mark in done.out
    assert (tmp_path / "demo" / "demo.db").exists()
    # What it ends with can be pasted, whatever of it has scrolled away.
    last = [line for line in done.out.splitlines()[-3:] if line.startswith("export ")]
    look = subprocess.run(
        ["bash", "-euc", "\n".join([*last, "custmerge find sonnentau"])],
        env=sqlite_cli.environ(CUSTMERGE_DATABASE_URL=None, PATH=f"{sys.prefix}/bin:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (look.returncode, "10001" in look.stdout) == (0, True), look.stderr


KNOWN = {"init", "login", "import", "verify", "diff", "merge", "show", "undo", "history", "audit"}


def test_demo_touches_no_other_database_and_no_keyring(sqlite_cli, tmp_path):
    before = (tmp_path / "custmerge.db").read_bytes()
    assert sqlite_cli("demo", "--dir", "demo").code == 0
    assert (tmp_path / "custmerge.db").read_bytes() == before
    assert [path.name for path in (tmp_path / "data" / "custmerge").iterdir()] == ["slots"]


def test_demo_does_not_overwrite_an_earlier_one(sqlite_cli):
    assert sqlite_cli("demo", "--dir", "demo").code == 0
    done = sqlite_cli("demo", "--dir", "demo")
    assert (done.code, "demo.db" in done.err) == (2, True)


def test_the_walk_through_works_as_it_is_written(repository, tmp_path, sqlite_cli):
    walk_through(repository, tmp_path, sqlite_cli, url="")


@pytest.mark.by_night
def test_the_walk_through_works_on_postgresql_too(repository, tmp_path, sqlite_cli, postgresql_server):
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE walkthrough")
    walk_through(repository, tmp_path, sqlite_cli, url=postgresql_server.get_uri("walkthrough"))


def walk_through(repository, folder, cli, *, url):
    (folder / "bin").mkdir()
    program = folder / "bin" / "custmerge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m custmerge "$@"\n')
    program.chmod(0o755)
    environ = cli.environ(CUSTMERGE_DATABASE_URL=url, PATH=f"{program.parent}:{os.environ['PATH']}")
    script = ["bash", str(repository / "examples" / "walkthrough.sh")]
    done = subprocess.run(script, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Order 2 is done: 20011 went into 10002." in done.stdout
    assert "went into  10002" in done.stdout


def test_the_examples_hold_every_case_of_the_rules(repository, supervisor):
    for kind in ("customers", "packages"):
        assert supervisor("import", kind, repository / "examples" / f"{kind}.csv").code == 0

    def diff(absorbed, survivor):
        return supervisor("diff", absorbed, "--into", survivor, "-f", "json")

    def statuses(absorbed, survivor):
        return {line["field"]: line["status"] for line in diff(absorbed, survivor).json["fields"]}

    assert set(statuses("20001", "10001").values()) == {"same"}
    assert diff("20002", "10001").json["identical"] is True
    assert "equivalent" in statuses("20002", "10001").values()
    assert diff("20003", "10001").code == 1
    for blocked, field in (
        ("20005", "company"),
        ("20006", "last_name"),
        ("20007", "last_name"),
        ("20008", "company"),
    ):
        assert diff(blocked, "10001").json["blocked_by"] == [field]
    assert diff("20012", "10002").json["blocked_by"] == ["first_name"]
    assert diff("20016", "10004").json["blocked_by"] == ["last_name"]
    assert diff("20013", "10003").json["identical"] is True
    assert statuses("20014", "10003")["bank_code"] == "different"
    assert diff("20017", "10005").json["identical"] is True
    assert diff("20022", "20021").json["identical"] is True
    assert diff("20023", "10010").json["identical"] is True
    assert diff("7", "007").json["identical"] is True
    assert diff("30003", "30001").code == 5
    assert supervisor("show", "30003", "-f", "json").json["merged_into"] == "30001"

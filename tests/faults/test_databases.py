"""A database that isn't what it should be: one sentence, exit 8, nothing changed or lost."""

import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from support.cli_process import run_command_line
from support.struck_process import run_with_lock_timeout

SHORT_OF_PATIENCE = partial(run_with_lock_timeout, 0.2)

COMMANDS = [
    ("whoami",),
    ("find", "x"),
    ("show", "10001"),
    ("history",),
    ("diff", "2", "--into", "1"),
    ("export", "customers"),
]


def demand_one_sentence(done, code):
    assert (done.code, done.out, done.err.count("\n")) == (8, "", 1), done
    assert "Unexpected" not in done.err
    assert code in done.err


@contextmanager
def locked(url):
    """Somebody else holds everything for a while."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
        return
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE customer, custmerge_head, custmerge_proof IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def proved_pair(world, agent):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    agent.in_process(
        "verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    return world


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_missing_sqlite_file_is_not_made_by_looking(sqlite_cli, tmp_path, arguments):
    url = f"sqlite:///{tmp_path / 'nowhere.db'}"
    done = sqlite_cli.as_("ben")("--database", url, *arguments)
    demand_one_sentence(done, "custmerge init")
    assert not (tmp_path / "nowhere.db").exists()


def test_a_missing_postgresql_database_is_one_sentence(sqlite_cli, postgresql_server):
    done = sqlite_cli.as_("ben")("--database", postgresql_server.get_uri("nowhere"), "whoami")
    demand_one_sentence(done, "nowhere")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:geheim@127.0.0.1:1/d",
        "postgresql://u@127.0.0.1:1/d?password=geheim",
        "postgresql://u:gehe%69m@127.0.0.1:1/d",
        "postgresql:///d?host=/nowhere&user=u",
        "postgresql://u:geheim@127.0.0.1:notaport/d",
        "postgresql://u:geheim@ho..st/d",
        "sqlite:////proc/nowhere/x.db",
    ],
)
def test_an_unreachable_database_is_one_sentence_without_its_password(sqlite_cli, url):
    done = sqlite_cli.as_("ben")("--verbose", "--database", url, "whoami")
    assert done.code == 8
    assert "Unexpected" not in done.err
    assert "geheim" not in done.err
    assert "gehe%69m" not in done.err


def test_init_on_an_unreachable_database_is_one_sentence(sqlite_cli):
    demand_one_sentence(sqlite_cli("--database", "postgresql://u@127.0.0.1:1/d", "init"), "127.0.0.1")
    demand_one_sentence(sqlite_cli("--database", "sqlite:////proc/nowhere/x.db", "init"), "nowhere")


@pytest.mark.parametrize(
    "content", [b"", b"number,company\n" * 100, os.urandom(8192)], ids=["empty", "text", "noise"]
)
def test_a_file_that_is_no_database_is_one_sentence(sqlite_cli, tmp_path, content):
    (tmp_path / "x.db").write_bytes(content)
    done = sqlite_cli.as_("ben")("--database", f"sqlite:///{tmp_path / 'x.db'}", "whoami")
    demand_one_sentence(done, "x.db")
    assert (tmp_path / "x.db").read_bytes() == content


def test_a_damaged_database_is_one_sentence(sqlite_cli, tmp_path):
    path = tmp_path / "custmerge.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    done = sqlite_cli.as_("ben")("whoami")
    demand_one_sentence(done, "custmerge.db")


def soundness(cli):
    done = cli("doctor", "--format", "json")
    (found,) = [check for check in done.json if check["check"] == "integrity"]
    return done.code, found["ok"], found["message"]


def test_doctor_finds_a_damaged_file_that_still_answers(sqlite_cli, tmp_path):
    assert soundness(sqlite_cli) == (0, True, "The file is sound (PRAGMA integrity_check).")
    path = tmp_path / "custmerge.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'custmerge_history_action'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    code, ok, message = soundness(sqlite_cli)
    assert (code, ok) == (8, False)
    assert "restore a copy" in message


def test_doctor_leaves_the_pages_of_a_server_to_the_server(cli, database_url):
    if database_url.startswith("postgresql"):
        code, ok, message = soundness(cli)
        assert (code, ok) == (0, True)
        assert "pg_amcheck" in message
    else:
        assert soundness(cli)[0] == 0


def test_a_copy_that_is_taken_while_others_write_is_consistent(sqlite_cli, tmp_path):
    supervisor, agent = sqlite_cli.as_("anna"), sqlite_cli.as_("ben")
    rows, copies = 60, 0
    (tmp_path / "c.csv").write_text("number\n10001\n" + "".join(f"{n}\n" for n in range(20000, 20000 + rows)))
    packages = "".join(f"P{n},{n},d{n}.example\n" for n in range(20000, 20000 + rows))
    (tmp_path / "p.csv").write_text("package,number,domains\n" + packages)
    pairs = "".join(f"10001,{n}\n" for n in range(20000, 20000 + rows))
    (tmp_path / "pairs.csv").write_text("survivor,absorbed\n" + pairs)
    for command in (("import", "customers", "c.csv"), ("import", "packages", "p.csv")):
        assert supervisor(*command).code == 0
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    process, _ = agent.start("bulk", "run", "pairs.csv", "--chunk", "1")
    while copies < 3 or process.is_alive():
        copies += 1
        path = tmp_path / f"copy-{copies}.db"
        with closing(sqlite3.connect(tmp_path / "custmerge.db", timeout=300)) as connection:
            connection.execute(f"VACUUM INTO '{path}'")
        audit = supervisor("--database", f"sqlite:///{path}", "audit", "--format", "json")
        assert (audit.code, audit.json["findings"]) == (0, [])
    process.join()
    assert process.exitcode == 0


def test_a_database_without_our_tables_is_one_sentence(sqlite_cli, tmp_path, postgresql_server):
    with closing(sqlite3.connect(tmp_path / "x.db")) as other:
        other.execute("CREATE TABLE something (x)")
        other.commit()
    for url in (f"sqlite:///{tmp_path / 'x.db'}", postgresql_server.get_uri("template1")):
        demand_one_sentence(sqlite_cli.as_("ben")("--database", url, "whoami"), "custmerge init")


@contextmanager
def sql(url):
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            yield connection
            connection.commit()
    else:
        with psycopg.connect(url) as connection:
            yield connection


@pytest.mark.parametrize("arguments", [("whoami",), ("init",)])
def test_a_version_that_is_no_text_is_one_sentence(sqlite_cli, arguments):
    with sql(sqlite_cli.url) as connection:
        connection.execute("UPDATE custmerge_version SET version_num = CAST('9999' AS BLOB)")
    demand_one_sentence(sqlite_cli.as_("ben")(*arguments), "9999")


@pytest.mark.parametrize("arguments", [("whoami",), ("init",)])
def test_a_database_of_a_newer_version_is_left_alone(cli, database_url, arguments):
    with sql(database_url) as connection:
        connection.execute("UPDATE custmerge_version SET version_num = '9999'")
    done = cli.as_("ben")(*arguments)
    demand_one_sentence(done, "9999")
    with sql(database_url) as connection:
        assert connection.execute("SELECT version_num FROM custmerge_version").fetchone() == ("9999",)


def test_a_locked_database_is_one_sentence_after_the_time_out(proved_pair, cli, database_url):
    url = database_url + ("?timeout=0.2" if database_url.startswith("sqlite") else "")
    before = proved_pair.dump()
    with locked(database_url):
        done = cli.as_("ben")(
            "--database", url, "merge", "20002", "--into", "10001", "--yes", target=SHORT_OF_PATIENCE
        )
    demand_one_sentence(done, "locked")
    assert proved_pair.dump() == before
    assert cli.as_("ben")("merge", "20002", "--into", "10001", "--yes").code == 0


def test_an_undo_of_a_locked_database_is_one_sentence_after_the_time_out(proved_pair, cli, database_url):
    url = database_url + ("?timeout=0.2" if database_url.startswith("sqlite") else "")
    assert cli.as_("ben")("merge", "20002", "--into", "10001", "--yes").code == 0
    merged = proved_pair.dump()
    with locked(database_url):
        done = cli.as_("anna")("--database", url, "undo", "1", "--yes", target=SHORT_OF_PATIENCE)
    demand_one_sentence(done, "locked")
    assert proved_pair.dump() == merged
    assert cli.as_("anna")("undo", "1", "--yes").code == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    # One of both waits as long as the program does.
    ("table", "target"),
    [("custmerge_version", SHORT_OF_PATIENCE), ("customer", run_command_line)],
)
def test_who_reads_does_not_wait_for_ever_behind_a_slow_upgrade(proved_pair, cli, database_url, table, target):
    with psycopg.connect(database_url) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        done = cli.as_("ben")("show", "20002", target=target)
    demand_one_sentence(done, "locked")


def test_a_lock_that_is_let_go_in_time_is_waited_for(proved_pair, cli, database_url):
    with locked(database_url):
        process, (_, _, err) = cli.as_("ben").start("merge", "20002", "--into", "10001", "--yes")
        process.join(1)
        assert process.exitcode is None
    process.join(300)
    assert (process.exitcode, err.read_text()) == (0, "")


@contextmanager
def read_only(url):
    """The database can be read but not written."""
    if url.startswith("postgresql"):
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        yield
        return
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")
    # A mode doesn't stop root. A write version that SQLite doesn't know makes a file read-only to everybody
    # (SQLite's file format, 1.3.2).
    set_write_version(path, 3)
    yield
    set_write_version(path, 1)


def set_write_version(path, version):
    with Path(path).open("r+b") as file:
        file.seek(18)
        file.write(bytes([version]))


def test_a_read_only_database_is_one_sentence(proved_pair, cli, database_url):
    before = proved_pair.dump()
    with read_only(database_url):
        done = cli.as_("ben")("merge", "20002", "--into", "10001", "--yes")
        demand_one_sentence(done, "read-only")
        assert cli.as_("ben")("diff", "20002", "--into", "10001").code == 0
    if database_url.startswith("sqlite"):
        assert proved_pair.dump() == before


def test_parallel_merges_of_one_number_execute_it_once(proved_pair, cli):
    agent = cli.as_("ben")
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(agent("merge", "20002", "--into", "10001", "--yes", "-f", "json"))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done.code for done in results) == [0, 5, 5, 5]
    assert len(agent.in_process("history", "--action", "merge", "-f", "json").json) == 1


def test_merges_in_opposite_directions_never_deadlock(world, cli):
    agent = cli.as_("ben")
    for number in ("10001", "20002"):
        world.customer(number, password="pw", domains=[f"n{number}.example"])
    for absorbed, survivor in (("10001", "20002"), ("20002", "10001")):
        agent.in_process(
            "verify", absorbed, "--into", survivor, "--domain", f"n{absorbed}.example", "--password-stdin", stdin="pw"
        )
    first, _ = agent.start("merge", "10001", "--into", "20002", "--yes")
    second, _ = agent.start("merge", "20002", "--into", "10001", "--yes")
    first.join(300)
    second.join(300)
    assert sorted((first.exitcode, second.exitcode)) == [0, 5]

"""history: what moved, what was taken back, --follow, the pager, and how much of a long history is read."""

import csv
import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pexpect
import psycopg
import pytest
from sqlalchemy import event

from custmerge.rules.history import Action, Actor, Draft, extend
from custmerge.storage.engine import is_sqlite
from custmerge.storage.rows import insert_rows
from custmerge.storage.unit import Database

ANNA = Actor("anna", "staff")
KEYS = ["seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash"]
ENGLISH = {"CUSTMERGE_LANG": "en", "TERM": "xterm-256color", "CI": None}
ENTRIES = 20_000


def draft(action=Action.IMPORT, at="2026-07-01T10:00:00Z", by=ANNA, **facts):
    return Draft(at, by, action, facts)


@pytest.fixture
def append(cli):
    """Write entries as another program of ours would."""

    def append(*drafts):
        with closing(Database(cli.url)) as database, database.writing() as unit:
            return unit.chain.append(drafts)

    return append


@pytest.fixture
def merged(world, agent):
    """Two orders into 10001; the first took the street."""
    world.customer("10001")
    world.customer("20002", password="pw", domains=["zwei.example", "auch.example"], street="Gartenweg 3")
    world.customer("30003", password="pw", domains=["drei.example"])
    for number, domain, options in (
        ("20002", "zwei", ["--keep", "--take", "street"]),
        ("30003", "drei", ["--adopt"]),
    ):
        proof = ("--domain", f"{domain}.example", "--password-stdin", "--yes")
        done = agent("merge", number, "--into", "10001", *proof, *options, stdin="pw")
        assert done.code == 0, done.err
    return world


@pytest.fixture
def undone(merged, append):
    append(draft(Action.UNDO, order=1, survivor="10001", absorbed="20002"))


def rows_of(table):
    """The cells of a wide table's rows by their first column; what follows in a row's cells is joined."""
    rows = {}
    for line in table.splitlines()[2:]:
        first, _, rest = line.partition(" ")
        seq = first or seq  # noqa: F821 (the first line has one)
        rows[seq] = rows.get(seq, "") + " ".join(rest.split()) + "\n"
    return rows


# ---- what was moved


def test_a_merge_tells_how_much_moved_and_which_fields_were_taken(merged, agent):
    out = agent("history", "20002", COLUMNS="120").out
    for told in ("20002 → 10001", "keep; 1 package; 2 domains", "taken: street"):
        assert told in out


def test_what_else_an_entry_tells_is_named_without_digests(append, agent):
    append(draft(Action.PURGE, until="2026-01-31T00:00:00Z", orders=3))
    append(draft(Action.IMPORT, kind="packages", rows=7, updated=2, file_sha256="ab" * 32))
    append(draft(Action.USER, did="add", name="ben", role="supervisor", row_sha256="cd" * 32))
    out = agent("history", COLUMNS="120").out
    for told in (
        "orders: 3; until: 2026-01-31 00:00:00",
        "packages; rows: 7; updated: 2",
        "add; name: ben; role: supervisor",
    ):
        assert told in out
    assert "abab" not in out
    assert "angelegt; Name: ben; Rolle: Supervisor" in agent("--lang", "de", "history", COLUMNS="120").out


def test_what_else_an_entry_tells_cannot_colour_the_terminal(append, agent):
    append(draft(Action.USER, did="add", name="[red]b\x1b[31m"))
    assert "name: [red]b\\x1b[31m" in agent("history", COLUMNS="120").out


def test_an_order_that_is_asked_for_names_what_it_moved(merged, agent):
    out = agent("history", "--order", "1").out
    assert "1 package moved: P20002" in out
    assert "2 domains moved: auch.example, zwei.example" in out


def test_names_are_told_only_with_the_merge_that_moved_them(merged, agent):
    assert "P20002" not in agent("history").out
    assert "P20002" not in agent("history", "--order", "1", "--action", "undo").out


def test_a_customer_is_not_told_what_an_order_of_others_moved(merged, cli):
    merged.customer("40004", password="pw-4")
    done = cli.login("40004", "pw-4")("history", "--order", "1")
    assert (done.code, "zwei.example" in done.out, "20002" in done.out) == (5, False, False)


def test_a_before_image_that_was_purged_is_said_to_be(merged, agent):
    with closing(Database(agent.url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("""UPDATE custmerge_before_image SET image = '' WHERE "order" = 1""")
    out = agent("history", "--order", "1").out
    assert "The names of what was moved were purged." in out
    assert "zwei.example" not in out


# ---- what was taken back


def test_an_order_that_was_taken_back_is_shown_as_such(undone, agent):
    undo = agent("history", "--action", "undo", "-f", "json").json[0]["seq"]
    merges = rows_of(agent("history", "--action", "merge", COLUMNS="120").out)
    assert [f"undone by no. {undo}" in row for row in merges.values()] == [False, True]


def test_json_lines_and_csv_keep_their_shape_whatever_became_of_an_order(undone, agent):
    assert all(list(entry) == KEYS for entry in agent("history", "-f", "json").json)
    assert all(list(json.loads(line)) == KEYS for line in agent("history", "-f", "jsonl").out.splitlines())
    assert agent("history", "-f", "csv").out.splitlines()[0].split(",") == KEYS


def test_german_words_for_it(undone, agent):
    out = agent("--lang", "de", "history", "20002", COLUMNS="120").out
    for told in ("1 Paket; 2 Domains", "übernommen: Straße", "Rücknahme durch Nr."):
        assert told in out


@pytest.mark.parametrize("columns", [60, 80])
def test_the_table_fits_the_screen(undone, agent, columns):
    for line in agent("--lang", "de", "history", COLUMNS=str(columns)).out.splitlines():
        assert len(line) <= columns


# ---- untrusted text


def test_nothing_in_an_entry_is_obeyed_by_the_terminal(merged, append, agent):
    hostile = "\x1b[31mrot\u202e\n"
    append(
        draft(Action.MERGE, by=Actor(hostile, "staff"), order=1, survivor=hostile, taken=[hostile], choice=hostile)
    )
    for options in ((), ("--order", "1")):
        out = agent("history", *options, COLUMNS="200").out
        assert "\\x1b[31mrot\\u202e\\n" in out
        assert "\x1b" not in out


# ---- --follow


class Follower:
    """`history --follow` in a process of its own; its output is read line by line."""

    def __init__(self, cli, *options, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "custmerge", "history", "--follow", *options],
            env=cli.environ(**{"CUSTMERGE_LANG": "en", **environment}),
            cwd=cli.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self):
        return self.process.stdout.readline().rstrip("\r\n")

    def ends(self):
        """Wait for its end; return exit code and stderr."""
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err

    def stop(self):
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.ends()


@pytest.fixture
def follow():
    """Start `history --follow`; what still runs at the test's end is ended."""
    started = []

    def follow(cli, *options):
        started.append(Follower(cli, *options))
        return started[-1]

    yield follow
    for follower in started:
        follower.process.kill()
        follower.process.communicate()


def test_follow_prints_the_newest_oldest_first_and_then_what_comes(append, agent, follow):
    append(*(draft(order=number) for number in range(1, 15)))
    follower = follow(agent, "--format", "jsonl", "--limit", "3")
    assert [json.loads(follower.line())["order"] for _ in range(3)] == [12, 13, 14]
    append(draft(order=15), draft(order=16))
    assert [json.loads(follower.line())["order"] for _ in range(2)] == [15, 16]


def test_follow_refuses_an_end_that_nothing_new_comes_before(agent):
    done = agent("history", "--follow", "--until", "2026-01-01")
    assert (done.code, "--until" in done.err) == (2, True)


def test_follow_begins_with_ten_entries(append, agent, follow):
    append(*(draft(order=number) for number in range(1, 15)))
    follower = follow(agent, "--format", "jsonl")
    assert json.loads(follower.line())["order"] == 5


def test_follow_keeps_to_the_filters(world, append, agent, follow):
    world.customer("10001")
    follower = follow(agent, "10001", "--action", "undo", "--format", "jsonl")
    append(draft(Action.UNDO, order=1, survivor="x", absorbed="y"), draft(Action.MERGE, order=2, survivor="10001"))
    append(draft(Action.UNDO, order=3, survivor="x", absorbed="10001"))
    assert json.loads(follower.line())["order"] == 3


def test_follow_prints_a_readable_line_for_each_entry(merged, append, agent, follow):
    follower = follow(agent, "20002")
    append(draft(by=Actor("\x1b[31mrot", "staff"), survivor="20002"))
    merge, hostile = follower.line(), follower.line()
    for told in ("ben  merge  order 1  20002 → 10001", "keep; 1 package; 2 domains", "taken: street"):
        assert told in merge
    assert "\\x1b[31mrot  import  20002" in hostile


def test_follow_writes_csv_with_one_header(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent, "--format", "csv", "--limit", "1")
    assert follower.line().split(",") == KEYS
    follower.line()
    append(draft(order=2))
    assert next(csv.DictReader([follower.line()], KEYS))["order"] == "2"


def test_follow_refuses_a_json_array_that_would_never_end(agent):
    done = agent("history", "--follow", "--format", "json")
    assert (done.code, done.out, "jsonl" in done.error["message"]) == (2, "", True)


@pytest.mark.parametrize(("options", "code"), [(("99999",), 5), (("--order", "7"), 5)])
def test_follow_says_at_once_what_is_not_there(agent, options, code):
    done = agent("history", "--follow", "-f", "csv", *options)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)


def test_a_customer_follows_the_own_number_without_its_failed_logins(world, cli, append, follow):
    world.customer("10001", password="pw-1")
    world.customer("20002")
    follower = follow(cli.login("10001", "pw-1"), "--format", "jsonl")
    append(draft(Action.LOGIN_FAILED, survivor="10001"), draft(Action.MERGE, survivor="20002", order=1))
    append(draft(Action.MERGE, survivor="10001", order=2))
    assert json.loads(follower.line())["order"] == 2


def test_a_customer_follows_merges_and_undos_of_the_own_number_alone(world, cli, append, follow):
    world.customer("10001", password="pw-1")
    follower = follow(cli.login("10001", "pw-1"), "--format", "jsonl")
    append(draft(Action.REVEAL, survivor="10001", absorbed="77777"), draft(Action.EXPORT, survivor="10001"))
    append(draft(Action.TRANSFER_FILE, survivor="10001", absorbed="77777"))
    append(draft(Action.UNDO, survivor="10001", order=2))
    assert json.loads(follower.line())["order"] == 2


def test_followed_without_a_filter_logins_and_refusals_are_left_out(append, agent, follow):
    append(draft(Action.LOGIN, survivor="70001"), draft(survivor="70002"))
    follower = follow(agent, "--limit", "1")
    assert "70002" in follower.line()
    append(draft(Action.DENIED, survivor="70003"), draft(Action.PURGE, survivor="70004"))
    assert "70004" in follower.line()


def test_ctrl_c_ends_follow_with_130(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    code, err = follower.stop()
    assert (code, "Traceback" in err) == (130, False)


def test_a_pipe_that_closes_ends_follow_silently_though_nothing_comes(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    follower.process.stdout.close()
    assert follower.ends() == (0, "")


def test_a_database_that_goes_away_ends_follow_with_8(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    if agent.url.startswith("sqlite"):
        Path(agent.url.removeprefix("sqlite:///")).unlink()
    else:
        with psycopg.connect(agent.url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    code, err = follower.ends()
    assert (code, err.count("\n")) == (8, 1)


def test_follow_ends_with_the_session(append, agent, follow):
    append(draft(order=1))
    follower = follow(agent)
    follower.line()
    assert agent("logout").code == 0
    code, err = follower.ends()
    assert (code, "session is over" in err) == (4, True)


# ---- the pager


@pytest.fixture
def long_history(append):
    append(*(draft(order=number) for number in range(1, 41)))


def on_a_terminal(cli, *arguments, rows=24, **environment):
    """Run a command in a terminal of its own and return how it ended and what was seen."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "custmerge", *arguments],
        env=cli.environ(**{**ENGLISH, **environment}),
        cwd=str(cli.folder),
        encoding="utf-8",
        timeout=30,
        dimensions=(rows, 80),
    )
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


@pytest.fixture
def pager(cli):
    """A pager that says so before and after what it shows."""
    path = cli.folder / "my-pager"
    path.write_text("#!/bin/sh\necho PAGED\ncat\n")
    path.chmod(0o755)
    return f"{path} --any 'option'"


def test_a_table_higher_than_the_screen_goes_through_the_pager(long_history, agent, pager):
    code, seen = on_a_terminal(agent, "history", PAGER=pager)
    assert (code, seen.startswith("PAGED"), " 40 " in seen) == (0, True, True)


def test_a_pager_gets_no_secret_and_runs_nothing(long_history, agent):
    path = agent.folder / "telling-pager"
    path.write_text('#!/bin/sh\necho "token:$CUSTMERGE_TOKEN url:$CUSTMERGE_DATABASE_URL secure:$LESSSECURE"\n')
    path.chmod(0o755)
    _code, seen = on_a_terminal(agent, "history", PAGER=str(path))
    assert "token: url: secure:1" in seen


def test_a_table_that_fits_the_screen_needs_no_pager(long_history, agent, pager):
    _, seen = on_a_terminal(agent, "history", "--limit", "5", PAGER=pager)
    assert "PAGED" not in seen
    _, seen = on_a_terminal(agent, "history", PAGER=pager, rows=60)
    assert "PAGED" not in seen


@pytest.mark.parametrize(
    ("options", "environment"),
    [(["--no-input"], {}), ([], {"CI": "true"}), ([], {"PAGER": ""}), ([], {"PAGER": "no-such-pager"})],
)
def test_without_a_person_or_a_pager_the_table_comes_straight_out(long_history, agent, pager, options, environment):
    code, seen = on_a_terminal(agent, *options, "history", **{"PAGER": pager, **environment})
    assert (code, "PAGED" in seen, " 40 " in seen) == (0, False, True)


def test_what_goes_into_a_pipe_is_not_paged(long_history, agent, pager):
    assert "PAGED" not in agent("history", PAGER=pager).out


def test_cat_is_a_pager(long_history, agent):
    code, seen = on_a_terminal(agent, "history", PAGER="cat")
    assert (code, " 40 " in seen) == (0, True)


def test_less_is_the_pager_where_none_is_named(long_history, agent):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "custmerge", "history"],
        env=agent.environ(**ENGLISH, PAGER=None),
        cwd=str(agent.folder),
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 80),
    )
    child.expect("40")
    time.sleep(0.5)
    assert child.isalive()
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize(("options", "coloured"), [([], True), (["--no-color"], False)])
def test_colours_reach_the_pager_where_they_are_wanted(undone, long_history, agent, options, coloured):
    _, seen = on_a_terminal(agent, *options, "history", PAGER="cat")
    assert ("\x1b[33m" in seen) is coloured


def test_ctrl_c_that_ends_the_pager_ends_with_130(long_history, agent):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "custmerge", "history"],
        env=agent.environ(**ENGLISH, PAGER="sh -c 'echo PAGED; exec sleep 30'"),
        cwd=str(agent.folder),
        encoding="utf-8",
        timeout=20,
        dimensions=(24, 80),
    )
    child.expect("PAGED")
    time.sleep(0.3)
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in child.before


# ---- a long history


def many(count):
    """Entries of a history that has everything: 10001 kept every third time, an undo now and then."""
    moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + 30 * i)) for i in range(count)]
    for i in range(count):
        survivor = "10001" if i % 3 == 0 else str(20_000 + i % 500)
        action = Action.UNDO if i % 100 == 99 else Action.MERGE
        order = i - 50 if i % 100 == 99 else i
        yield draft(action, moments[i], order=order, survivor=survivor, absorbed=str(500_000 + order))


@pytest.fixture
def long_chain(database_url):
    """A history of many entries, known to the planner, inside a transaction."""
    with closing(Database(database_url)) as database:
        with database.writing() as unit:
            rows = [(entry.seq, entry.body, entry.hash) for entry in extend(unit.chain.lock(), list(many(ENTRIES)))]
            insert_rows(unit._connection, "custmerge_history", ("seq", "body", "hash"), rows)
            unit._connection.exec_driver_sql("ANALYZE custmerge_history")
        with database.reading() as unit:
            yield unit


def plan_of(unit, ask):
    """The database's own words on how it finds what `ask` asks the chain for."""
    connection, asked = unit._connection, []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    event.listen(connection.engine, "before_cursor_execute", note)
    ask()
    event.remove(connection.engine, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(connection) else "EXPLAIN"
    return [row[-1] for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]


def reads_everything(plan):
    return any("Seq Scan on custmerge_history" in step or step.startswith("SCAN custmerge_history") for step in plan)


SEARCHES = [
    {"number": "10001", "limit": 101},
    {"number": "500500", "limit": 101},
    {"number": "20007"},
    {"number": "10001", "limit": 101, "since": "2023-11-20T00:00:00Z", "without": ("locked",)},
    {"action": "undo", "limit": 101},
    {"action": "purge", "limit": 101},
    {"action": "undo", "since": "2023-11-21T00:00:00Z", "limit": 101},
    {"order": 49, "limit": 101},
    {"order": 49, "action": "merge"},
    {"since": "2000-01-01T00:00:00Z", "limit": 101},
    {"since": "2023-11-21T00:00:00Z", "limit": 101},
    {"since": "2030-01-01T00:00:00Z"},
    {"until": "2023-11-15T00:00:00Z", "limit": 101},
    {"since": "2023-11-15T00:00:00Z", "until": "2023-11-15T06:00:00Z"},
]


def test_a_search_reads_an_index_and_not_the_whole_history(long_chain):
    plans = {
        str(wanted): plan_of(long_chain, lambda w=wanted: list(long_chain.chain.newest(**w))) for wanted in SEARCHES
    }
    assert {wanted: plan for wanted, plan in plans.items() if reads_everything(plan)} == {}


def test_the_newest_entries_are_read_from_the_end_without_sorting(long_chain):
    plan = plan_of(long_chain, lambda: list(long_chain.chain.newest(limit=20)))
    assert len(plan) <= 2
    assert "custmerge_history_pkey" in plan[-1] or plan == ["SCAN custmerge_history"]


def test_a_look_for_new_entries_reads_only_those(long_chain):
    few = (ENTRIES - 10, ENTRIES)
    for wanted in ({}, {"number": "10001"}, {"action": "undo"}, {"since": "2023-11-15T00:00:00Z"}):
        plan = plan_of(long_chain, lambda w=wanted: list(long_chain.chain.after(*few, **w)))
        assert not reads_everything(plan)


def test_which_orders_were_taken_back_is_one_look_into_the_index_of_orders(long_chain):
    shown = range(1_000, 1_100)
    assert long_chain.chain.undone(shown).keys() == {1_049}
    assert "custmerge_history_order" in " ".join(plan_of(long_chain, lambda: long_chain.chain.undone(shown)))


def test_a_search_finds_what_a_walk_through_everything_finds(long_chain):
    newest_first = [(entry.seq, json.loads(entry.body)) for entry in long_chain.chain.oldest()][::-1]
    for wanted in SEARCHES:
        found = [entry.seq for entry in long_chain.chain.newest(**wanted)]
        assert found == [seq for seq, body in newest_first if fits(body, wanted)][: wanted.get("limit")], wanted


def test_a_time_is_searched_by_its_moments_though_they_do_not_rise_strictly(append, agent):
    seconds = (5, 1, 3, 9, 2, 8, 4, 7, 6, 0)
    append(*(draft(at=f"2026-07-01T10:00:0{second}Z", order=second) for second in seconds))

    def orders(*options):
        return [entry["order"] for entry in agent("history", "--action", "import", *options, "-f", "json").json]

    newest = list(reversed(seconds))
    assert orders("--since", "2026-07-01T10:00:03") == [second for second in newest if second >= 3]
    assert orders("--since", "2026-07-01T10:00:03", "--limit", "2") == [6, 7]
    assert orders("--since", "2026-07-01", "--until", "2026-07-01T10:00:02") == [0, 2, 1]
    assert orders("--until", "2026-07-01T10:00:02", "--limit", "1") == [0]


def fits(body, wanted):
    return all(
        {
            "number": lambda number: number in (body["survivor"], body["absorbed"]),
            "order": lambda order: body["order"] == order,
            "action": lambda action: body["action"] == action,
            "since": lambda since: body["at"] >= since,
            "until": lambda until: body["at"] < until,
            "without": lambda actions: body["action"] not in actions,
            "limit": lambda _: True,
        }[name](value)
        for name, value in wanted.items()
    )

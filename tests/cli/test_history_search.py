"""Contract §3, `history`: a search reads an index and finds what a walk finds."""

import json
import time
from contextlib import closing

import pytest
from sqlalchemy import event
from support import history_scenes
from support.history_scenes import draft

from custmerge.rules.history import Action, extend
from custmerge.storage.database import Database
from custmerge.storage.dialect import dialect_of

append = history_scenes.append
ENTRIES = 20_000


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
            dialect_of(unit._connection).insert_rows(
                unit._connection, "custmerge_history", ("seq", "body", "hash"), rows
            )
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
    explain = "EXPLAIN QUERY PLAN" if not dialect_of(connection).is_server else "EXPLAIN"
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

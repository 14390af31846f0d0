"""history: what a customer sees of it, and what a table leaves out unless it is asked for."""

import json
from contextlib import closing

import pytest

from custmerge.rules.history import FOR_CUSTOMERS, Action, Actor, Draft
from custmerge.storage.database import Database

ROUTINE = (Action.LOGIN, Action.DENIED)


@pytest.fixture
def append(cli):
    """Write entries as another program of ours would."""

    def append(*entries):
        drafts = [Draft("2026-07-01T10:00:00Z", Actor("anna", "staff"), action, facts) for action, facts in entries]
        with closing(Database(cli.url)) as database, database.writing() as unit:
            unit.chain.append(drafts)

    return append


@pytest.fixture
def customer(world, merged, cli):
    """10001, into which 20001 went with order 1; order 2 concerned others."""
    (world.folder / "c.csv").write_text("number,password\n10001,pw-1\n")
    assert world.anna.in_process("import", "customers", "c.csv", "--update").code == 0
    world.customer("30003")
    world.customer("40004", domains=["vier.example"], password="hefezopf")
    proof = ("--domain", "vier.example", "--password-stdin", "--yes")
    assert world.anna.in_process("merge", "40004", "--into", "30003", *proof, stdin="hefezopf").code == 0
    return cli.login("10001", "pw-1")


@pytest.mark.parametrize("options", [(), ("-f", "json"), ("-f", "csv", "--limit", "3"), ("--follow",)], ids=" ".join)
def test_to_a_customer_an_order_of_others_is_an_unknown_one(customer, options):
    others, unknown = (customer("history", "--order", order, *options) for order in ("2", "9"))
    assert (others.code, others.out) == (unknown.code, unknown.out) == (5, "")
    assert others.err.replace("2", "9") == unknown.err
    if "--follow" not in options:
        assert customer("history", "--order", "1", *options).code == 0


def test_a_customer_sees_merges_and_undos_of_the_own_number_and_nothing_else(customer, supervisor, append):
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    hidden = [action for action in Action if action not in (Action.MERGE, Action.UNDO)]
    append(*((action, {"survivor": "10001", "absorbed": "77777"}) for action in hidden))
    append((Action.MERGE, {"survivor": "30003", "absorbed": "77777", "order": 3}))
    for form in ("table", "json", "jsonl", "csv"):
        for options in ((), ("10001",), ("--since", "2020-01-01"), *(("--action", action) for action in hidden)):
            assert "77777" not in customer.in_process("history", *options, "-f", form, COLUMNS="200").out
    entries = customer("history", "-f", "json").json
    assert [(entry["action"], entry["absorbed"]) for entry in entries] == [("undo", "20001"), ("merge", "20001")]
    assert [order["order"] for order in customer("show", "10001", "-f", "json").json["orders"]] == [1]


def test_what_a_customer_sees_is_an_allow_list():
    assert set(FOR_CUSTOMERS) == {Action.MERGE, Action.UNDO}


def test_a_table_without_a_filter_leaves_logins_and_refusals_out(append, agent):
    numbers = {action: f"7000{place:02}" for place, action in enumerate(Action)}
    append(*((action, {"survivor": number}) for action, number in numbers.items()))
    plain, limited = (agent("history", *options, COLUMNS="200").out for options in ((), ("--limit", "500")))
    for action, number in numbers.items():
        assert (number in plain) == (number in limited) == (action not in ROUTINE), action


def test_logins_and_refusals_are_shown_where_they_are_asked_for_and_to_scripts(world, append, agent):
    numbers = {action: f"7000{place:02}" for place, action in enumerate(ROUTINE)}
    append(*((action, {"survivor": number}) for action, number in numbers.items()))
    for action, number in numbers.items():
        world.customer(number)
        assert number in agent("history", "--action", action, COLUMNS="200").out
        for options in (("--since", "2026-07-01"), (number,)):
            assert action in agent("history", *options, COLUMNS="200").out
        for form in ("json", "jsonl", "csv"):
            assert number in agent("history", "-f", form).out
    assert {json.loads(line)["action"] for line in agent("history", "-f", "jsonl").out.splitlines()} >= set(ROUTINE)

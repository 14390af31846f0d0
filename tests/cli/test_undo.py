"""Contract §3, `undo`: several orders, who may, what is asked, and two at once. On both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from support import undo_scenes
from support.typist import Typist
from support.undo_scenes import import_, merge, merge_third, undo

from custmerge.services import access
from custmerge.storage.database import Database

pair = undo_scenes.pair


# Several, and the later ones too


def test_several_orders_are_undone_newest_first_in_one_transaction(pair, agent, supervisor):
    before = pair.dump()
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge(agent, "10001", "--adopt", "--take", "city", into="30003", domain="eins.example", password="pw-1")
    done = undo(supervisor, first, second, first)
    assert (done.code, [one["order"] for one in done.json]) == (0, [second, first])
    assert pair.dump() == before


def test_of_several_orders_all_are_undone_or_none(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge_third(agent, "--keep")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    before = pair.dump()
    done = undo(supervisor, second, first)
    assert (done.code, done.error["details"]["order"]) == (6, first)
    assert pair.dump() == before


def test_a_cascade_undoes_the_later_orders_in_the_way_newest_first(pair, agent, supervisor):
    pair.customer("40004", password="pw-4", domains=["fuenf.example"])
    before = pair.dump()
    first = merge(agent, "20002", "--keep", "--take", "city")
    other = merge(agent, "40004", "--adopt", domain="fuenf.example", password="pw-4")
    kept = pair.dump()
    second = merge(agent, "10001", "--adopt", into="30003", domain="eins.example", password="pw-1")
    assert undo(supervisor, first).code == 6
    dry = supervisor("undo", first, "--cascade", "--dry-run", "-f", "json")
    assert [one["order"] for one in dry.json] == [second, first]
    done = undo(supervisor, first, "--cascade")
    assert [one["order"] for one in done.json] == [second, first]
    assert pair.dump() != kept
    # What isn't in the way stays.
    assert pair.customers()["40004"]["merged_into"] == "10001"
    assert undo(supervisor, other).code == 0
    assert pair.dump() == before


def test_a_cascade_without_anything_in_the_way_is_one_object(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    assert undo(supervisor, order, "--cascade").json["order"] == order


def test_a_cascade_stops_at_what_no_order_did(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city")
    merge_third(agent, "--adopt", "--take", "city")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    before = pair.dump()
    done = undo(supervisor, first, "--cascade")
    assert (done.code, done.error["code"], done.error["details"]["order"]) == (6, "undo_blocked", 2)
    assert pair.dump() == before


# Who


def test_an_agent_undoes_the_own_order(pair, agent):
    before = pair.dump()
    assert undo(agent, merge(agent, "20002", "--keep")).code == 0
    assert pair.dump() == before


def test_an_agent_does_not_undo_somebody_elses_order(pair, agent, supervisor):
    order = merge(supervisor, "20002", "--keep")
    done = undo(agent, order)
    assert (done.code, done.error["code"], done.error["details"]["by"]) == (4, "not_own_order", "anna")


def test_an_agent_undoes_nothing_after_15_minutes_but_a_supervisor_does(pair, agent, supervisor, database_url):
    from custmerge.errors import UndoTooLate
    from custmerge.services import undo as undo_service

    order = merge(agent, "20002", "--keep")
    database, now = Database(database_url), datetime.now(UTC)
    caller = access.resume(database, agent.token, now)
    request = undo_service.Request(frozenset({order}))
    undo_service.preview(database, caller, request, now + timedelta(minutes=14))
    with pytest.raises(UndoTooLate) as error:
        undo_service.undo(database, caller, request, now + timedelta(minutes=15, seconds=1))
    assert error.value.exit == 4
    supervisors = access.resume(database, supervisor.token, now)
    undo_service.undo(database, supervisors, request, now + timedelta(hours=1))
    database.close()


def test_a_service_token_undoes_its_own_orders_and_not_those_of_its_maker(pair, cli, agent, supervisor):
    bot = cli.as_("bot")
    bot.token = supervisor.in_process("token", "create", "bot", "--role", "agent").out.strip()
    assert undo(bot, merge(bot, "20002", "--keep")).code == 0
    assert undo(bot, merge(agent, "20002", "--keep")).code == 4


def test_a_cascade_of_an_agent_takes_own_orders_only(pair, agent, supervisor):
    first = merge(agent, "20002", "--keep", "--take", "city")
    second = merge_third(supervisor, "--adopt", "--take", "city")
    done = undo(agent, first, "--cascade")
    assert (done.code, done.error["code"], done.error["details"]["order"]) == (4, "not_own_order", second)


def test_customers_and_auditors_undo_nothing(pair, agent, cli):
    customer = cli.login("10001", "pw-1")
    customer("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    order = customer("merge", "20002", "--keep", "--yes", "-f", "json").json["order"]
    for nobody in (customer, cli.as_("ada")):
        assert (undo(nobody, order).code, undo(nobody, order).error["code"]) == (4, "not_allowed")
        assert undo(nobody, "--batch", "1").code == 4
    assert undo(agent, "--batch", "1").code == 4


# Asking


@pytest.mark.parametrize(
    "arguments", [(), ("1", "--batch", "1"), ("--batch", "1", "--cascade"), ("0",), ("x",)], ids=str
)
def test_wrong_use_ends_with_2(sqlite_cli, arguments):
    assert sqlite_cli.as_("anna")("undo", *arguments, "--yes").code == 2


def test_without_a_terminal_it_says_which_option_to_give(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    before = pair.dump()
    done = supervisor("undo", order, "-f", "json")
    assert (done.code, done.error["code"], done.error["details"]["option"]) == (2, "missing_input", "--yes")
    assert pair.dump() == before


def test_a_person_sees_what_moves_back_before_they_agree(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    typist = Typist(supervisor, "undo", str(order))
    typist.sees("Order 1: 20002 would be in use again, apart from 10001.")
    typist.sees("2 packages back: P20002, Q20002")
    typist.sees("3 domains back: ")
    typist.sees("Fields of 10001 as before: city")
    typist.answers("Undo this order? [y/N]: ", "n")
    assert typist.ends() == 1
    typist = Typist(supervisor, "undo", str(order))
    typist.answers("Undo this order? [y/N]: ", "y")
    typist.sees("Order 1 is undone: 20002 is in use again.")
    assert typist.ends() == 0


def test_a_cascade_shows_its_plan(pair, agent, supervisor):
    merge(agent, "20002", "--keep", "--take", "city")
    merge_third(agent, "--adopt", "--take", "city")
    typist = Typist(supervisor, "undo", "1", "--cascade")
    typist.sees("Order 2: 30003")
    typist.sees("Order 1: 20002")
    typist.answers("Undo these 2 orders? [y/N]: ", "y")
    assert typist.ends() == 0


def test_what_changed_after_it_was_shown_is_not_undone(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    typist = Typist(supervisor, "undo", str(order))
    typist.sees("Undo this order?")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    before = pair.dump()
    typist.child.sendline("y")
    typist.sees("changed meanwhile")
    assert typist.ends() == 6
    assert pair.dump() == before


def test_a_later_order_after_a_cascade_was_shown_is_not_undone_with_it(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    typist = Typist(supervisor, "undo", str(order), "--cascade")
    typist.sees("Undo this order?")
    merge_third(agent, "--adopt", "--take", "city")
    typist.child.sendline("y")
    typist.sees("changed meanwhile")
    assert typist.ends() == 6
    assert supervisor.in_process("history", "--action", "undo", "-f", "json").json == []


# At once


def test_of_two_undos_at_once_one_wins_and_the_other_is_told(pair, agent, supervisor):
    before = pair.dump()
    for _attempt in range(3):
        order = merge(agent, "20002", "--keep", "--take", "city")
        running = [supervisor.start("undo", order, "--yes", "-f", "json") for _ in range(3)]
        for process, _ in running:
            process.join(300)
        assert sorted(process.exitcode for process, _ in running) == [0, 6, 6]
        told = [streams[2].read_text() for process, streams in running if process.exitcode == 6]
        assert all('"already_undone"' in text for text in told)
        assert pair.dump() == before


def test_an_undo_and_a_merge_of_the_survivor_at_once_leave_one_or_the_other(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    agent.in_process(
        "verify", "10001", "--into", "30003", "--domain", "eins.example", "--password-stdin", stdin="pw-1"
    )
    undoing, _ = supervisor.start("undo", order, "--yes")
    merging, _ = agent.start("merge", "10001", "--into", "30003", "--adopt", "--yes")
    undoing.join(300)
    merging.join(300)
    assert (undoing.exitcode, merging.exitcode) in {(0, 0), (6, 0), (0, 4)}
    under = {p["number"] for p in pair.packages().values() if p["package"].endswith("20002")}
    assert under == ({"20002"} if undoing.exitcode == 0 else {"30003"})


def test_show_says_which_orders_were_undone(merged, supervisor):
    supervisor.in_process("undo", "1", "--yes")
    seq = supervisor.in_process("history", "--action", "undo", "-f", "json").json[0]["seq"]
    assert [order["undone"] for order in supervisor("show", "10001", "-f", "json").json["orders"]] == [seq]
    assert f"undone: history no. {seq}" in supervisor.in_process("show", "10001").out

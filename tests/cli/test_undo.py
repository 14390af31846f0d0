"""Contract §3, `undo`: orders are taken back exactly, or what stands in the way is named. On both databases."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from conftest import details
from struck_process import killed_at_random
from test_wizard import Typist

from custmerge.storage.unit import Database

HEADER = "survivor,absorbed,choice,take\n"
CONTACT = ",".join(f"contact_{field}" for field in details())


@pytest.fixture
def pair(world):
    """10001 and 20002, another city and mobile number, two packages, one of them with a contact of its own."""
    world.customer("10001", password="pw-1", domains=["eins.example"], mobile="")
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], city="Ulm", phone="0711 5")
    world.package("Q20002", "20002", ["müller.example"], name="Shop", password="paket", contact=details(city="Bonn"))
    world.customer("30003", password="pw-3", domains=["vier.example"], city="Kiel")
    return world


def merge(cli, absorbed="20002", *options, into="10001", password="pw-2", domain="zwei.example"):
    done = cli(
        "merge", absorbed, "--into", into, "--domain", domain, "--password-stdin", "--yes", "-f", "json", *options,
        stdin=password,
    )  # fmt: skip
    assert done.code == 0, done.err
    return done.json["order"]


def merge_third(cli, *options, into="10001"):
    return merge(cli, "30003", *options, into=into, domain="vier.example", password="pw-3")


def undo(cli, *arguments):
    return cli("undo", *arguments, "--yes", "-f", "json")


def import_(world, kind, text):
    path = world.folder / f"changed-{time.monotonic_ns()}.csv"
    path.write_text(text)
    done = world.anna("import", kind, path.name, "--update")
    assert done.code == 0, done.err


def execute(url, *statements):
    """Do what no command does."""
    database = Database(url)
    with database.writing() as unit:
        for statement in statements:
            unit._connection.exec_driver_sql(statement)
    database.close()


def obstacles(done):
    assert (done.code, done.error["code"]) == (6, "undo_blocked"), done.err
    return [(one["row"], one["order"], one["why"]) for one in done.error["details"]["obstacles"]]


# Exactly as before


@pytest.mark.parametrize(
    "options",
    [
        ("--adopt",),
        ("--keep",),
        ("--adopt", "--take", "city", "--take", "phone"),
        ("--keep", "--fill"),
        ("--keep", "--take", "bank_code", "--fill"),
    ],
    ids=" ".join,
)
def test_export_is_the_same_before_the_merge_and_after_the_undo(pair, agent, supervisor, options):
    before = pair.dump()
    order = merge(agent, "20002", *options)
    assert pair.dump() != before
    assert undo(supervisor, order).code == 0
    assert pair.dump() == before


def test_an_identical_pair_comes_back_too(world, agent, supervisor):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], contact=details(city="Bonn"))
    before = world.dump()
    assert undo(supervisor, merge(agent)).code == 0
    assert world.dump() == before


def test_a_number_without_packages_and_a_contact_without_a_word_come_back(pair, agent, supervisor, database_url):
    empty = ", ".join(f"contact_{field} = ''" for field in details())
    execute(database_url, f"UPDATE package SET {empty} WHERE package = 'P20002'")
    before = pair.dump()
    assert undo(supervisor, merge(agent, "20002", "--adopt")).code == 0
    assert pair.dump() == before


def test_the_number_is_found_and_logs_in_again(pair, agent, supervisor, cli):
    undo(supervisor, merge(agent, "20002", "--adopt"))
    assert [c["number"] for c in agent("find", "ulm", "-f", "json").json] == ["20002"]
    customer = cli.login("20002", "pw-2")
    assert customer("whoami", "-f", "json").json["number"] == "20002"
    proof = ("verify", "20002", "--into", "10001", "--domain", "müller.example", "--password-stdin")
    assert agent(*proof, stdin="paket").code == 0


def test_what_the_survivor_got_besides_stays(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt", "--take", "city")
    pair.package("N1", "10001", ["neu.example"])
    import_(pair, "customers", "number,street\n10001,Neuer Weg 1\n")
    merge_third(agent, "--keep")
    assert undo(supervisor, order).code == 0
    survivor = pair.customers()["10001"]
    assert (survivor["street"], survivor["city"]) == ("Neuer Weg 1", "Karlsruhe")
    assert {key for key, p in pair.packages().items() if p["number"] == "10001"} == {"N1", "P10001", "P30003"}


def test_a_package_that_got_another_name_keeps_it(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    import_(pair, "packages", "package,number,name\nQ20002,10001,Laden\n")
    assert undo(supervisor, order).code == 0
    assert (pair.packages()["Q20002"]["name"], pair.packages()["Q20002"]["number"]) == ("Laden", "20002")


def test_the_answer_has_the_contracts_shape(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    assert undo(supervisor, order).json == {
        "order": order,
        "undone": True,
        "restored": {
            "packages": ["P20002", "Q20002"],
            "domains": ["drei.example", "müller.example", "zwei.example"],
        },
        "dry_run": False,
    }


def test_csv_has_one_flat_row(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    (row,) = supervisor("undo", order, "--yes", "-f", "csv").rows
    assert row == {
        "order": "1",
        "undone": "true",
        "packages": "P20002 Q20002",
        "domains": "drei.example müller.example zwei.example",
        "dry_run": "false",
    }


def test_an_undo_is_an_entry_of_its_own(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    undo(supervisor, order)
    (entry,) = supervisor("history", "--action", "undo", "-f", "json").json
    assert (entry["order"], entry["survivor"], entry["absorbed"], entry["choice"], entry["by"]) == (
        order, "10001", "20002", None, "anna",
    )  # fmt: skip
    exported = supervisor("export", "history", "-f", "jsonl").out.splitlines()[-1]
    assert '"packages":2' in exported.replace(" ", "")
    assert [e["action"] for e in supervisor("history", "--order", order, "-f", "json").json] == ["undo", "merge"]


def test_a_dry_run_changes_nothing(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    before = pair.dump()
    done = supervisor("undo", order, "--dry-run", "-f", "json")
    assert (done.code, done.json["dry_run"], done.json["restored"]["packages"]) == (0, True, ["P20002", "Q20002"])
    assert "would be undone" in supervisor("undo", order, "--dry-run").out
    assert pair.dump() == before
    assert supervisor("history", "--action", "undo", "-f", "json").json == []


def test_an_undone_pair_is_merged_and_undone_again(pair, agent, supervisor):
    before = pair.dump()
    first = merge(agent, "20002", "--adopt")
    undo(supervisor, first)
    second = merge(agent, "20002", "--keep")
    assert second == first + 1
    done = undo(supervisor, first)
    assert (done.code, done.error["code"]) == (6, "already_undone")
    assert undo(supervisor, second).code == 0
    assert pair.dump() == before


def test_it_may_be_merged_the_other_way_round_afterwards(pair, agent, supervisor):
    undo(supervisor, merge(agent, "20002", "--adopt"))
    merge(agent, "10001", "--adopt", into="20002", domain="eins.example", password="pw-1")
    assert pair.customers()["10001"]["merged_into"] == "20002"


def test_a_proof_by_a_domain_that_has_left_is_void(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    agent("verify", "10001", "--into", "30003", "--domain", "müller.example", "--password-stdin", stdin="paket")
    assert agent("merge", "10001", "--into", "30003", "--adopt", "--dry-run").code == 0
    undo(supervisor, order)
    done = agent("merge", "10001", "--into", "30003", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "proof_required")


def test_a_contract_transfer_stays_used(world, agent, supervisor):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], company="Anders GmbH")
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf")
    supervisor("transfer", "approve", "1", "--yes")
    before = world.dump()
    done = agent("merge", "20002", "--into", "10001", "--adopt", "--yes", "-f", "json")
    assert undo(supervisor, done.json["order"]).code == 0
    assert world.dump() == before
    assert agent("transfer", "show", "1", "-f", "json").json["status"] == "used"
    assert agent("merge", "20002", "--into", "10001", "--adopt", "--yes").code == 4


# What stands in the way


def test_a_later_merge_of_the_survivor_is_named(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge(agent, "10001", "--keep", into="30003", domain="eins.example", password="pw-1")
    before = pair.dump()
    done = undo(supervisor, first)
    assert obstacles(done) == [
        ("customer 10001", second, "10001 went into 30003 by order 2"),
        ("package P20002", second, "package P20002 is under 30003 now, after order 2"),
        ("package Q20002", second, "package Q20002 is under 30003 now, after order 2"),
    ]
    assert done.error["details"]["undo_first"] == [second]
    assert "undo first: 2 (--cascade does)" in done.error["message"]
    assert pair.dump() == before


def test_a_field_that_was_taken_again_names_the_later_order(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt", "--take", "city", "--take", "phone")
    second = merge_third(agent, "--adopt", "--take", "city")
    assert obstacles(undo(supervisor, first)) == [
        ("customer 10001", second, "city of 10001 was taken again by order 2")
    ]


def test_a_field_that_was_taken_again_with_the_same_text_is_in_the_way_too(pair, agent, supervisor):
    import_(pair, "customers", "number,city\n30003,Ulm\n")
    first = merge(agent, "20002", "--adopt", "--take", "city")
    second = merge_third(agent, "--adopt", "--take", "city")
    assert [one[1] for one in obstacles(undo(supervisor, first))] == [second]


def test_a_taken_field_that_was_edited_is_named_without_its_text(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt", "--take", "city")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    done = undo(supervisor, order)
    assert obstacles(done) == [("customer 10001", None, "city of 10001 was changed since")]
    assert "Hamburg" not in done.err
    assert done.error["details"]["undo_first"] == []


def test_a_taken_field_that_has_gone_back_is_in_nobodys_way(pair, agent, supervisor):
    before = pair.dump()
    order = merge(agent, "20002", "--adopt", "--take", "city", "--take", "phone")
    import_(pair, "customers", "number,city\n10001,Karlsruhe\n")
    assert supervisor("undo", str(order), "--dry-run").code == 0
    assert undo(supervisor, order).code == 0
    assert pair.dump() == before


def test_a_contact_that_has_gone_back_is_in_nobodys_way(pair, agent, supervisor):
    before = pair.dump()
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", f"package,number,{CONTACT}\nP20002,10001{',' * 8}\n")
    assert undo(supervisor, order).code == 0
    assert pair.dump() == before


def test_a_package_under_another_number_is_named(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", "package,number\nP20002,30003\n")
    assert obstacles(undo(supervisor, order)) == [("package P20002", None, "package P20002 is under 30003 now")]


def test_a_package_that_came_back_by_another_order_names_it(pair, agent, supervisor):
    first = merge(agent, "20002", "--adopt")
    import_(pair, "packages", "package,number\nP20002,30003\n")
    second = merge_third(agent, "--adopt")
    assert obstacles(undo(supervisor, first)) == [
        ("package P20002", second, "package P20002 was moved again by order 2")
    ]


def test_a_package_that_is_gone_is_named(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    execute(
        database_url, "DELETE FROM domain WHERE package = 'Q20002'", "DELETE FROM package WHERE package = 'Q20002'"
    )
    assert obstacles(undo(supervisor, order)) == [
        ("package Q20002", None, "package Q20002 isn't there any more"),
        ("domain müller.example", None, "domain müller.example of package Q20002 isn't there any more"),
    ]


def test_a_contact_that_was_changed_is_named(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", "package,number,contact_city\nP20002,10001,Jena\n")
    done = undo(supervisor, order)
    assert obstacles(done) == [("package P20002", None, "the contact of package P20002 was changed since")]
    assert "Jena" not in done.err


@pytest.mark.parametrize(
    ("domains", "row", "why"),
    [
        ("zwei.example", "domain drei.example", "domain drei.example of package P20002 isn't there any more"),
        (
            "zwei.example drei.example neu.example",
            "domain neu.example",
            "domain neu.example was added to package P20002 since",
        ),
    ],
    ids=["removed", "added"],
)
def test_a_domain_that_was_removed_or_added_is_named(pair, agent, supervisor, domains, row, why):
    order = merge(agent, "20002", "--keep")
    import_(pair, "packages", f"package,number,domains\nP20002,10001,{domains}\n")
    assert obstacles(undo(supervisor, order)) == [(row, None, why)]


@pytest.mark.parametrize("holder", ["P30003", "Q20002"])
def test_a_domain_that_was_registered_again_is_named_with_its_package(pair, agent, supervisor, database_url, holder):
    order = merge(agent, "20002", "--keep")
    execute(database_url, f"UPDATE domain SET package = '{holder}' WHERE name = 'drei.example'")
    found = obstacles(undo(supervisor, order))
    assert found[0] == (
        "domain drei.example", None, f"domain drei.example of package P20002 is in package {holder} now"
    )  # fmt: skip


def test_a_tombstone_that_was_tampered_with_is_named(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    execute(database_url, "UPDATE customer SET merged_into = '30003' WHERE number = '20002'")
    assert obstacles(undo(supervisor, order)) == [("customer 20002", None, "20002 went into 30003")]
    execute(database_url, "UPDATE customer SET merged_into = NULL WHERE number = '20002'")
    assert obstacles(undo(supervisor, order)) == [("customer 20002", None, "20002 is in use already")]


def test_everything_in_the_way_is_named_at_once_and_in_german(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    import_(pair, "customers", "number,city\n10001,Hamburg\n")
    import_(pair, "packages", "package,number,contact_city,domains\nP20002,10001,Jena,zwei.example\n")
    assert len(obstacles(undo(supervisor, order))) == 3
    done = supervisor("--lang", "de", "undo", order, "--yes")
    assert done.code == 6
    for said in ("Ort von 10001", "Ansprechpartner des Pakets P20002", "drei.example"):
        assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_order_ends_with_5(pair, supervisor):
    done = undo(supervisor, "7")
    assert (done.code, done.error["code"], done.error["details"]) == (5, "unknown_order", {"order": 7})


def test_an_order_is_undone_once(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep")
    undo(supervisor, order)
    done = undo(supervisor, order)
    assert (done.code, done.error["code"], done.error["details"]["by"]) == (6, "already_undone", "anna")
    assert len(supervisor("history", "--action", "undo", "-f", "json").json) == 1


def test_after_a_purge_it_says_why_not(pair, agent, supervisor, database_url):
    order = merge(agent, "20002", "--keep")
    empty = "''" if database_url.startswith("postgresql") else "x''"
    execute(database_url, f"UPDATE custmerge_before_image SET image = '', salt = {empty}")
    done = undo(supervisor, order)
    assert (done.code, done.error["code"]) == (6, "purged")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE custmerge_before_image SET image = replace(image, 'Ulm', 'Rom')",
        "UPDATE custmerge_before_image SET image = 'x'",
        "UPDATE custmerge_before_image SET image = ''",
        "DELETE FROM custmerge_before_image",
        "UPDATE custmerge_order SET absorbed = '30003'",
        "UPDATE custmerge_order SET taken = 'city'",
    ],
)
def test_an_order_that_is_not_the_one_of_the_history_is_refused(pair, agent, supervisor, database_url, statement):
    order = merge(agent, "20002", "--keep")
    execute(database_url, statement)
    before = pair.dump()
    done = undo(supervisor, order)
    assert (done.code, done.error["code"], "custmerge audit" in done.error["message"]) == (6, "image_changed", True)
    assert pair.dump() == before


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
    from custmerge.services import sessions, undoing

    order = merge(agent, "20002", "--keep")
    database, now = Database(database_url), datetime.now(UTC)
    caller = sessions.resume(database, agent.token, now)
    request = undoing.Request(frozenset({order}))
    undoing.preview(database, caller, request, now + timedelta(minutes=14))
    with pytest.raises(UndoTooLate) as error:
        undoing.undo(database, caller, request, now + timedelta(minutes=15, seconds=1))
    assert error.value.exit == 4
    supervisors = sessions.resume(database, supervisor.token, now)
    undoing.undo(database, supervisors, request, now + timedelta(days=1))
    database.close()


def test_a_service_token_undoes_its_own_orders_and_not_those_of_its_maker(pair, cli, agent, supervisor):
    bot = cli.as_("bot")
    bot.token = supervisor("token", "create", "bot", "--role", "agent").out.strip()
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
    assert supervisor("history", "--action", "undo", "-f", "json").json == []


# At once


def test_of_two_undos_at_once_one_wins_and_the_other_is_told(pair, agent, supervisor):
    before = pair.dump()
    for _attempt in range(3):
        order = merge(agent, "20002", "--keep", "--take", "city")
        running = [supervisor.start("undo", order, "--yes", "-f", "json") for _ in range(3)]
        for process, _ in running:
            process.join(60)
        assert sorted(process.exitcode for process, _ in running) == [0, 6, 6]
        told = [streams[2].read_text() for process, streams in running if process.exitcode == 6]
        assert all('"already_undone"' in text for text in told)
        assert pair.dump() == before


def test_an_undo_and_a_merge_of_the_survivor_at_once_leave_one_or_the_other(pair, agent, supervisor):
    order = merge(agent, "20002", "--keep", "--take", "city")
    agent("verify", "10001", "--into", "30003", "--domain", "eins.example", "--password-stdin", stdin="pw-1")
    undoing, _ = supervisor.start("undo", order, "--yes")
    merging, _ = agent.start("merge", "10001", "--into", "30003", "--adopt", "--yes")
    undoing.join(60)
    merging.join(60)
    assert (undoing.exitcode, merging.exitcode) in {(0, 0), (6, 0), (0, 4)}
    under = {p["number"] for p in pair.packages().values() if p["package"].endswith("20002")}
    assert under == ({"20002"} if undoing.exitcode == 0 else {"30003"})


# A whole bulk run


@pytest.fixture
def batch(world, agent, supervisor):
    """100 identical numbers and chains among them, merged by an approved file; the dump before."""
    load(world, range(1000, 1100))
    before = world.dump()
    pairs = [(1000 + n // 5, 1099 - n) for n in range(80)] + [(1000, 1001), (1010, 1000)]
    run_batch(world, agent, supervisor, pairs)
    return before


def load(world, numbers):
    (world.folder / "c.csv").write_text("number,city\n" + "".join(f"{n},{'AB'[n % 2]}\n" for n in numbers))
    (world.folder / "p.csv").write_text(
        "package,number,domains,contact_city\n"
        + "".join(f"P{n},{n},d{n}.example,{'C' if n % 3 else ''}\n" for n in numbers)
    )
    for kind in ("customers", "packages"):
        assert world.anna("import", kind, f"{kind[0]}.csv").code == 0


def run_batch(world, agent, supervisor, pairs, *options, name="pairs.csv"):
    choices = ("adopt", "keep")
    rows = "".join(f"{into},{n},{choices[n % 2]},{'city' if n % 7 == 0 else ''}\n" for into, n in pairs)
    (world.folder / name).write_text(HEADER + rows)
    assert supervisor("bulk", "approve", name, "--yes").code == 0
    return agent("bulk", "run", name, *options)


def state(cli):
    return cli("bulk", "status", "-f", "json").json[0]["state"]


def test_a_whole_bulk_run_is_taken_back(world, batch, supervisor):
    assert world.dump() != batch
    dry = supervisor("undo", "--batch", "1", "--dry-run", "-f", "json")
    assert (dry.code, dry.json["orders"], dry.json["dry_run"]) == (0, 82, True)
    assert world.dump() != batch
    done = undo(supervisor, "--batch", "1")
    assert done.json == {
        "batch": 1,
        "undone": True,
        "orders": 82,
        "already": 0,
        "restored": {"packages": dry.json["restored"]["packages"], "domains": dry.json["restored"]["domains"]},
        "dry_run": False,
    }
    assert world.dump() == batch
    assert state(supervisor) == "undone"
    entries = supervisor("history", "--action", "undo", "-f", "json").json
    assert [e["order"] for e in entries] == list(range(1, 83))


def test_a_bulk_run_in_several_chunks_is_taken_back(world, batch, supervisor, database_url):
    from custmerge.services import sessions, undoing_batch

    class Watcher:
        def advanced(self, *_):
            pass

    database, now = Database(database_url), datetime.now(UTC)
    caller = sessions.resume(database, supervisor.token, now)
    inputs = undoing_batch.RunInputs(lambda: now, lambda: b"s" * 16, Watcher(), chunk=7)
    seen = undoing_batch.preview(database, caller, 1, inputs)
    assert undoing_batch.undo_batch(database, caller, 1, inputs, seen) == seen
    database.close()
    assert world.dump() == batch


def test_orders_of_a_batch_that_were_undone_one_by_one_are_passed_over(world, batch, supervisor):
    assert undo(supervisor, "82", "81", "5").code == 0
    done = undo(supervisor, "--batch", "1")
    assert (done.json["orders"], done.json["already"]) == (79, 3)
    assert world.dump() == batch


def test_an_order_of_a_batch_that_is_in_the_way_stops_it(world, batch, supervisor):
    import_(world, "packages", "package,number,domains\nP1099,1010,neu.example\n")
    before = world.dump()
    for option in ("--dry-run", "--yes"):
        done = supervisor("undo", "--batch", "1", option, "-f", "json")
        assert (done.code, done.error["code"], done.error["details"]["order"]) == (6, "undo_blocked", 82)
        assert world.dump() == before
    assert state(supervisor) == "finished"


def test_what_was_undone_before_a_stop_stays_and_is_said(world, agent, supervisor):
    load(world, range(1000, 1700))
    run_batch(world, agent, supervisor, [(1000 + n % 50, 1699 - n) for n in range(600)])
    import_(world, "packages", "package,number,domains\nP1699,1000,neu.example\n")
    done = supervisor("undo", "--batch", "1", "--yes")
    assert (done.code, "batch 1 that are undone, and stay so: 500" in done.err) == (6, True)
    assert len(supervisor("history", "--action", "undo", "-f", "json").json) == 500
    import_(world, "packages", "package,number,domains\nP1699,1000,d1699.example\n")
    done = undo(supervisor, "--batch", "1")
    assert (done.code, done.json["orders"], done.json["already"]) == (0, 100, 500)
    assert state(supervisor) == "undone"


def test_an_undone_file_runs_again_only_after_a_new_approval(world, batch, agent, supervisor):
    undo(supervisor, "--batch", "1")
    assert agent("bulk", "run", "pairs.csv").code == 4
    assert world.dump() == batch
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv", "-f", "json").json["merged"] == 82


def test_a_run_that_is_not_finished_is_taken_back_and_not_gone_on_with(world, agent, supervisor):
    load(world, range(1000, 1100))
    before = world.dump()
    import_(world, "customers", "number,company\n1050,Anders GmbH\n")
    before = world.dump()
    pairs = [(1000, n) for n in range(1099, 1040, -1)]
    assert run_batch(world, agent, supervisor, pairs, "--stop-on-error").code == 7
    assert state(supervisor) == "running"
    assert undo(supervisor, "--batch", "1").json["orders"] == 49
    assert world.dump() == before
    agent("bulk", "run", "pairs.csv")
    assert world.dump() == before


def test_an_unknown_batch_ends_with_5(supervisor, world):
    done = undo(supervisor, "--batch", "3")
    assert (done.code, done.error["code"]) == (5, "unknown_batch")


def test_a_batch_that_runs_is_not_undone(world, agent, supervisor):
    load(world, range(1000, 1010))
    (world.folder / "pairs.csv").write_text(HEADER + "1000,1002,adopt,\n" * 20_000)
    supervisor("bulk", "approve", "pairs.csv", "--yes")
    process, _ = agent.start("bulk", "run", "pairs.csv", "--chunk", "1")
    answers = []
    while process.is_alive() and not answers:
        if state(agent) == "running":
            answers.append(undo(supervisor, "--batch", "1"))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [(done.code, done.error["code"]) for done in answers] == [(6, "batch_busy")]
    assert undo(supervisor, "--batch", "1").code == 0


def test_an_undo_of_a_batch_that_is_killed_is_gone_on_with(world, agent, supervisor, database_url):
    load(world, range(1000, 1200))
    before = world.dump()
    run_batch(world, agent, supervisor, [(1000 + n % 20, 1199 - n) for n in range(150)])
    here = supervisor.environ()["XDG_DATA_HOME"]
    kills = killed_at_random(lambda: start_in_small_chunks(database_url, supervisor.token, here), 0.05, 0.02)
    assert kills > 1
    # The last of them may have come to its end.
    assert undo(supervisor, "--batch", "1").code in (0, 6)
    assert world.dump() == before
    entries = supervisor("history", "--action", "undo", "-f", "json").json
    assert sorted(e["order"] for e in entries) == list(range(1, 151))
    assert state(supervisor) == "undone"


def start_in_small_chunks(url, token, data):
    import multiprocessing

    process = multiprocessing.get_context("forkserver").Process(target=undo_in_small_chunks, args=(url, token, data))
    process.start()
    return process


def undo_in_small_chunks(url, token, data):
    from custmerge.services import sessions, undoing_batch

    os.environ["XDG_DATA_HOME"] = data

    class Watcher:
        def advanced(self, *_):
            time.sleep(0.005)

    database, now = Database(url), datetime.now(UTC)
    caller = sessions.resume(database, token, now)
    undoing_batch.undo_batch(
        database, caller, 1, undoing_batch.RunInputs(lambda: now, lambda: b"s" * 16, Watcher(), chunk=2), None
    )
    os._exit(0)


def test_a_batch_is_confirmed_with_its_extent(world, batch, supervisor):
    typist = Typist(supervisor, "undo", "--batch", "1")
    typist.sees("Undo 82 orders of batch 1, ")
    typist.answers("[y/N]: ", "y")
    typist.sees("Batch 1 is undone: 82 orders")
    assert typist.ends() == 0
    assert world.dump() == batch


def test_with_serializable_isolation_on_the_server_undos_are_begun_anew(pair, agent, supervisor, database_url):
    if database_url.startswith("sqlite"):
        # SQLite knows nothing else.
        return
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    orders = [merge(agent, "20002", "--keep"), merge_third(agent, "--keep")]
    running = [supervisor.start("undo", order, "--yes") for order in orders]
    for process, _ in running:
        process.join(60)
    assert [process.exitcode for process, _ in running] == [0, 0]

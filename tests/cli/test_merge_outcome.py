"""Contract §2, rules 7 to 10: what a merge leaves. On both databases."""

import pytest
from support import merge_scenes
from support.merge_scenes import merge
from support.scenes import scene
from support.world import details, fields

pair = merge_scenes.pair


# Rule 7


def test_equal_records_are_merged_without_a_choice(world, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    assert agent("diff", "20002", "--into", "10001").code == 0
    assert merge(agent, "20002").json["choice"] == "identical"


def test_records_that_differ_in_writing_only_are_equal(world, agent):
    world.customer("10001")
    world.customer(
        "20002",
        password="pw-2",
        domains=["zwei.example"],
        company="  SONNENTAU   gmbh ",
        street="Marktstraße 12",
        phone="+49 721 913740",
        email="katrin@SONNENTAU.EXAMPLE",
        account_number="DE89 3704 0044 0532 0130 00",
        bank_code="COBADEFF",
    )
    assert agent("diff", "20002", "--into", "10001", "-f", "json").json["identical"] is True
    assert merge(agent, "20002", "--keep").json["choice"] == "identical"


# Rule 8


@pytest.mark.parametrize("choice", ["adopt", "keep", "identical"])
def test_packages_and_domains_move_and_contacts_follow_the_choice(world, agent, choice):
    own = details(street="Postfach 1")
    street = "Marktstr. 12" if choice == "identical" else "Gartenweg 3"
    world.customer("10001", domains=["eins.example"], contact=own)
    world.customer("20002", password="pw-2", domains=["zwei.example", "drei.example"], street=street)
    world.package("Q", "20002", ["vier.example"], contact=own, name="Laden")
    done = merge(agent, "20002", *([] if choice == "identical" else [f"--{choice}"]))
    assert done.code == 0
    assert done.json | {"at": ""} == {
        "order": 1,
        "survivor": "10001",
        "absorbed": "20002",
        "choice": choice,
        "taken": [],
        "moved": {"packages": ["P20002", "Q"], "domains": ["drei.example", "vier.example", "zwei.example"]},
        "at": "",
        "by": "ben",
        "dry_run": False,
    }
    expected = {
        "adopt": (None, None),
        "keep": (details(street="Gartenweg 3"), own),
        "identical": (None, own),
    }[choice]
    packages = world.packages()
    assert {p["number"] for p in packages.values()} == {"10001"}
    assert (packages["P20002"]["contact"], packages["Q"]["contact"]) == expected
    assert packages["P20002"]["domains"] == ["drei.example", "zwei.example"]
    assert packages["P10001"]["contact"] == own


def test_the_absorbed_number_becomes_a_tombstone(pair, agent):
    merge(agent, "20002", "--adopt")
    blank = dict.fromkeys(fields(), "")
    assert pair.customers()["20002"] == {"number": "20002", **blank, "merged_into": "10001"}


def test_the_order_and_its_history_entry_are_written(pair, agent):
    receipt = merge(agent, "20002", "--keep", "--take", "street").json
    (entry,) = agent.in_process("history", "--order", "1", "-f", "json").json
    assert {name: entry[name] for name in ("by", "action", "order", "survivor", "absorbed", "choice", "at")} == {
        "by": "ben",
        "action": "merge",
        "order": 1,
        "survivor": "10001",
        "absorbed": "20002",
        "choice": "keep",
        "at": receipt["at"],
    }
    (order,) = agent.in_process("show", "10001", "-f", "json").json["orders"]
    assert order["taken"] == ["street"]


def test_a_dry_run_says_the_same_and_changes_nothing(pair, agent):
    before = pair.dump()
    dry = merge(agent, "20002", "--adopt", "--dry-run")
    assert pair.dump() == before
    assert agent.in_process("history", "20002", "-f", "json").json == []
    done = merge(agent, "20002", "--adopt")
    assert (dry.json["order"], dry.json["dry_run"]) == (None, True)
    same = {"order": None, "dry_run": None, "at": None}
    assert dry.json | same == done.json | same


def test_a_number_without_packages_has_no_domain_that_could_prove_it(world, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2")
    assert merge(agent, "20002").code == 4


# Rule 9


@scene
def chain(world, agent):
    """30003 went into 20002, and 20002 into 10001."""
    for number, domain in (("10001", "eins.example"), ("20002", "zwei.example"), ("30003", "drei.example")):
        world.customer(number, password=f"pw-{number}", domains=[domain])
    assert merge(agent, "30003", domain="drei.example", password="pw-30003", into="20002").code == 0
    assert merge(agent, "20002", password="pw-20002").code == 0
    return world


def test_a_tombstone_cannot_be_absorbed_again(chain, agent):
    chain.customer("40004")
    done = merge(agent, "30003", domain="drei.example", password="pw-30003", into="40004")
    assert (done.code, done.error["code"]) == (5, "merged_away")
    assert done.error["details"] == {"number": "30003", "merged_into": "10001"}


def test_a_tombstone_cannot_survive(chain, agent):
    chain.customer("40004", password="pw-4", domains=["vier.example"])
    done = merge(agent, "40004", domain="vier.example", password="pw-4", into="20002")
    assert (done.code, done.error["details"]) == (5, {"number": "20002", "merged_into": "10001"})


@pytest.mark.parametrize("arguments", [("diff", "30003", "--into", "10001"), ("diff", "10001", "--into", "30003")])
def test_staff_commands_follow_a_chain_to_its_end(chain, agent, arguments):
    done = agent(*arguments)
    assert done.code == 5
    assert "10001" in done.err


def test_show_answers_for_a_tombstone(chain, agent):
    done = agent.in_process("show", "30003", "-f", "json")
    assert (done.code, done.json["merged_into"], done.json["packages"]) == (0, "10001", [])
    assert "eins.example" in agent.in_process("show", "30003").out


def test_history_answers_for_a_tombstone(chain, agent):
    assert [entry["order"] for entry in agent.in_process("history", "20002", "-f", "json").json] == [2, 1]


def test_a_tombstone_cannot_log_in_and_its_old_password_tells_the_number_to_use(chain, cli):
    done = cli.in_process("login", "30003", "--password-stdin", "--print-token", "-f", "json", stdin="pw-30003")
    assert (done.code, done.out) == (2, "")
    done = cli.in_process("login", "30003", "--password-stdin", "--print-token", stdin="pw-30003")
    assert (done.code, done.out) == (5, "")
    assert "10001" in done.err


def test_a_tombstone_with_a_wrong_password_is_refused_like_any_other(chain, cli):
    wrong = cli.in_process("login", "30003", "--password-stdin", "--print-token", stdin="falsch")
    unknown = cli.in_process("login", "99999", "--password-stdin", "--print-token", stdin="falsch")
    assert (wrong.code, wrong.err) == (unknown.code, unknown.err) == (4, wrong.err)


def test_the_sessions_of_an_absorbed_number_end(pair, cli, agent):
    absorbed = cli.login("20002", "pw-2")
    assert absorbed("whoami").code == 0
    merge(agent, "20002", "--adopt")
    assert absorbed("whoami").code == 4


# Rule 10


def test_a_number_cannot_be_merged_with_itself(pair, agent, cli):
    done = merge(agent, "10001", domain="eins.example", password="pw-1")
    assert (done.code, done.error["code"]) == (2, "self_merge")
    customer = cli.login("10001", "pw-1")
    assert customer("merge", "10001", "--adopt", "--yes").code == 2


def test_a_number_cannot_be_merged_with_one_that_was_merged_into_it(pair, agent):
    merge(agent, "20002", "--adopt")
    assert merge(agent, "20002", "--adopt").code == 5


def test_numbers_cannot_be_merged_in_a_circle(pair, agent):
    merge(agent, "20002", "--adopt")
    done = merge(agent, "10001", domain="eins.example", password="pw-1", into="20002")
    assert (done.code, done.error["code"]) == (5, "merged_away")


def test_leading_zeros_of_a_number_count(world, agent):
    world.customer("007")
    assert agent.in_process("show", "7").code == 5
    world.customer("7", password="pw-7", domains=["sieben.example"])
    assert merge(agent, "7", domain="sieben.example", password="pw-7", into="007").code == 0
    assert world.customers()["7"]["merged_into"] == "007"

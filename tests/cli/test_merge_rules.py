"""Contract §2, rule by rule, through the command line, on both databases."""

import pytest
from conftest import details, fields


@pytest.fixture
def pair(world):
    """10001 and 20002, the same person at another address; the domain of 20002 has its customer's password."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer(
        "20002", password="pw-2", domains=["zwei.example", "drei.example"], street="Gartenweg 3", mobile=""
    )
    return world


def merge(cli, absorbed, *options, domain="zwei.example", password="pw-2", into="10001"):
    return cli(
        "merge", absorbed, "--into", into, "--domain", domain, "--password-stdin", "--yes", "-f", "json", *options,
        stdin=password,
    )  # fmt: skip


# Rule 1


def test_after_a_finished_order_a_further_number_may_follow(pair, agent):
    pair.customer("20003", password="pw-3", domains=["vier.example"])
    assert merge(agent, "20002", "--adopt").json["order"] == 1
    assert merge(agent, "20003", domain="vier.example", password="pw-3").json["order"] == 2


# Rule 2


def test_the_survivor_is_the_number_that_a_customer_logged_in_with(pair, cli):
    customer = cli.login("10001", "pw-1")
    done = customer(
        "merge",
        "20002",
        "--domain",
        "zwei.example",
        "--password-stdin",
        "--adopt",
        "--yes",
        "-f",
        "json",
        stdin="pw-2",
    )
    assert (done.code, done.json["survivor"], done.json["by"]) == (0, "10001", "10001")


def test_a_customer_cannot_name_another_survivor(pair, cli):
    pair.customer("10009", password="pw-9")
    done = merge(cli.login("10009", "pw-9"), "20002", "--adopt")
    assert (done.code, done.error["code"]) == (4, "own_number_only")


def test_staff_must_name_the_survivor(pair, agent):
    done = agent("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert done.code == 2
    assert "--into" in done.err


# Rule 3


@pytest.mark.parametrize(
    ("number", "domain", "password"),
    [
        ("99999", "zwei.example", "pw-2"),
        ("30003", "zwei.example", "pw-3"),
        ("20002", "eins.example", "pw-2"),
        ("20002", "nirgends.example", "pw-2"),
        ("20002", "zwei.example", "falsch"),
        ("20002", "zwei.example", "pw-1"),
    ],
    ids=["unknown", "retired", "domain of another", "no such domain", "wrong password", "own password"],
)
def test_a_customer_gets_one_and_the_same_answer_to_every_wrong_proof(pair, cli, agent, number, domain, password):
    pair.customer("30003", password="pw-3", domains=["fuenf.example"])
    merge(agent, "30003", domain="fuenf.example", password="pw-3")
    customer = cli.login("10001", "pw-1")
    done = customer("verify", number, "--domain", domain, "--password-stdin", "-f", "json", stdin=password)
    assert done.code == 4
    assert done.out == ""
    assert done.error == {
        "code": "proof_refused",
        "exit": 4,
        "message": "Not verified: the customer number, the domain or the password isn't right.",
        "details": {},
    }


@pytest.mark.parametrize("number", ["20002", "99999"])
def test_a_customer_sees_nothing_of_the_other_number_before_the_proof(pair, cli, number):
    customer = cli.login("10001", "pw-1")
    done = customer("diff", number, "-f", "json")
    assert (done.code, done.out, done.error["code"]) == (4, "", "proof_required")
    done = customer("merge", number, "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "proof_required")


def test_a_customer_sees_the_comparison_after_the_proof(pair, cli):
    customer = cli.login("10001", "pw-1")
    proof = customer("verify", "20002", "--domain", "zwei.example", "--password-stdin", "-f", "json", stdin="pw-2")
    assert proof.json | {"valid_until": ""} == {
        "survivor": "10001",
        "absorbed": "20002",
        "domain": "zwei.example",
        "verified": True,
        "valid_until": "",
    }
    assert customer("diff", "20002").code == 1


def test_a_proof_holds_for_its_own_session_only(pair, cli):
    first, second = cli.login("10001", "pw-1"), cli.login("10001", "pw-1")
    first("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert second("diff", "20002").code == 4


def test_a_proof_holds_for_its_own_pair_only(pair, agent):
    pair.customer("10009")
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    done = agent("merge", "20002", "--into", "10009", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "proof_required")


def test_a_customer_is_not_told_where_a_proved_number_went(pair, cli, agent):
    pair.customer("10009", password="pw-9")
    customer = cli.login("10001", "pw-1")
    customer("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert merge(agent, "20002", "--adopt", into="10009").code == 0
    for arguments in (("diff", "20002"), ("merge", "20002", "--adopt", "--yes")):
        done = customer(*arguments, "-f", "json")
        assert (done.code, done.error["code"]) == (4, "proof_required")
        assert "10009" not in done.err


def test_staff_may_look_without_a_proof_but_not_merge(pair, agent):
    assert agent("diff", "20002", "--into", "10001").code == 1
    done = agent("merge", "20002", "--into", "10001", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "proof_required")
    assert pair.packages()["P20002"]["number"] == "20002"


def test_a_proof_that_was_kept_stands_for_the_merge(pair, agent):
    agent("verify", "20002", "--into", "10001", "--domain", "ZWEI.example", "--password-stdin", stdin="pw-2")
    assert agent("merge", "20002", "--into", "10001", "--adopt", "--yes").code == 0


# Rule 4


def test_the_password_of_a_domain_is_its_packages(world, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], package_password="paket")
    assert merge(agent, "20002", password="pw-2").code == 4
    assert merge(agent, "20002", password="paket").code == 0


def test_where_the_package_has_no_password_it_is_the_customers(pair, agent):
    assert merge(agent, "20002", "--adopt", password="pw-2").code == 0


def test_where_neither_has_a_password_nothing_proves(world, agent):
    world.customer("10001")
    world.customer("20002", domains=["zwei.example"])
    assert merge(agent, "20002", password="irgendetwas").code == 4


# Rule 5


@pytest.mark.parametrize("field", ["company", "first_name", "last_name"])
@pytest.mark.parametrize("option", ["--adopt", "--keep"])
def test_different_identity_blocks_and_nothing_is_changed(world, agent, field, option):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], **{field: "Anders"})
    before = world.dump()
    done = merge(agent, "20002", option)
    assert (done.code, done.out) == (3, "")
    assert done.error["code"] == "identity_blocked"
    assert done.error["details"] == {"survivor": "10001", "absorbed": "20002", "blocked_by": [field]}
    assert world.dump() == before


def test_a_blocked_comparison_names_the_contract_transfer(world, agent):
    world.customer("10001")
    world.customer("20002", company="Anders GmbH")
    done = agent("diff", "20002", "--into", "10001")
    assert done.code == 3
    assert "✗" in done.out
    assert "contract transfer" in done.out


# Rule 6


def test_different_details_need_a_choice(pair, agent):
    before = pair.dump()
    done = merge(agent, "20002")
    assert (done.code, done.error["code"]) == (1, "details_differ")
    assert done.error["details"]["fields"] == ["street", "mobile"]
    assert pair.dump() == before


def test_adopt_and_keep_exclude_each_other(pair, agent):
    assert merge(agent, "20002", "--adopt", "--keep").code == 2


def test_take_writes_the_absorbed_value_into_the_survivors_record(pair, agent):
    done = merge(agent, "20002", "--adopt", "--take", "street", "--take", "mobile")
    assert done.json["taken"] == ["street", "mobile"]
    survivor = pair.customers()["10001"]
    assert (survivor["street"], survivor["mobile"]) == ("Gartenweg 3", "")


@pytest.mark.parametrize("field", ["company", "first_name", "number", "strasse"])
def test_only_detail_fields_can_be_taken(pair, agent, field):
    done = merge(agent, "20002", "--adopt", "--take", field)
    assert done.code == 2
    assert field in done.error["message"]


def test_fill_takes_every_detail_that_the_survivor_has_empty(world, agent):
    world.customer("10001", mobile="", email=" ", street="Marktstr. 12")
    world.customer("20002", password="pw-2", domains=["zwei.example"], street="Gartenweg 3")
    done = merge(agent, "20002", "--keep", "--fill")
    assert done.json["taken"] == ["mobile", "email"]
    survivor = world.customers()["10001"]
    assert survivor == {"number": "10001", **fields(), "merged_into": None}


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
    (entry,) = agent("history", "--order", "1", "-f", "json").json
    assert {name: entry[name] for name in ("by", "action", "order", "survivor", "absorbed", "choice", "at")} == {
        "by": "ben",
        "action": "merge",
        "order": 1,
        "survivor": "10001",
        "absorbed": "20002",
        "choice": "keep",
        "at": receipt["at"],
    }
    (order,) = agent("show", "10001", "-f", "json").json["orders"]
    assert order["taken"] == ["street"]


def test_a_dry_run_says_the_same_and_changes_nothing(pair, agent):
    before = pair.dump()
    dry = merge(agent, "20002", "--adopt", "--dry-run")
    assert pair.dump() == before
    assert agent("history", "20002", "-f", "json").json == []
    done = merge(agent, "20002", "--adopt")
    assert (dry.json["order"], dry.json["dry_run"]) == (None, True)
    same = {"order": None, "dry_run": None, "at": None}
    assert dry.json | same == done.json | same


def test_a_number_without_packages_has_no_domain_that_could_prove_it(world, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2")
    assert merge(agent, "20002").code == 4


# Rule 9


@pytest.fixture
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
    done = agent("show", "30003", "-f", "json")
    assert (done.code, done.json["merged_into"], done.json["packages"]) == (0, "10001", [])
    assert "eins.example" in agent("show", "30003").out


def test_history_answers_for_a_tombstone(chain, agent):
    assert [entry["order"] for entry in agent("history", "20002", "-f", "json").json] == [2, 1]


def test_a_tombstone_cannot_log_in_and_its_old_password_tells_the_number_to_use(chain, cli):
    done = cli("login", "30003", "--password-stdin", "--print-token", "-f", "json", stdin="pw-30003")
    assert (done.code, done.out) == (2, "")
    done = cli("login", "30003", "--password-stdin", "--print-token", stdin="pw-30003")
    assert (done.code, done.out) == (5, "")
    assert "10001" in done.err


def test_a_tombstone_with_a_wrong_password_is_refused_like_any_other(chain, cli):
    wrong = cli("login", "30003", "--password-stdin", "--print-token", stdin="falsch")
    unknown = cli("login", "99999", "--password-stdin", "--print-token", stdin="falsch")
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
    assert agent("show", "7").code == 5
    world.customer("7", password="pw-7", domains=["sieben.example"])
    assert merge(agent, "7", domain="sieben.example", password="pw-7", into="007").code == 0
    assert world.customers()["7"]["merged_into"] == "007"

"""Contract §2, rules 1 to 6: who and what may be merged. On both databases."""

import pytest
from support import merge_scenes
from support.marks import on_sqlite_alone
from support.merge_scenes import merge
from support.world import fields

pair = merge_scenes.pair


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


@pytest.mark.parametrize("field", ["company", "first_name", "number", "gasse"])
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


# The words of fields


@on_sqlite_alone
def test_take_knows_a_field_by_its_name_in_either_language(pair, agent):
    taken = agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert taken.code == 0
    names = ("handy", "Straße", "STRASSE", "mobile", "Bank code", "bank_code")
    done = agent("merge", "20002", "--into", "10001", "--keep", "--dry-run", "-f", "json", *_each_taken(names))
    assert done.json["taken"] == ["street", "mobile", "bank_code"]
    for wrong in ("Firma", "company", "Farbe"):
        done = agent("merge", "20002", "--into", "10001", "--keep", "--take", wrong, CUSTMERGE_LANG="de")
        assert done.code == 2
        assert "Straße, Postleitzahl, Ort, Telefon, Handy" in done.err


def _each_taken(names):
    return [word for name in names for word in ("--take", name)]

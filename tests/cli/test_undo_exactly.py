"""Contract §3, `undo`: what an order changed is exactly as before. On both databases."""

import pytest
from support import undo_scenes
from support.databases import execute
from support.undo_scenes import import_, merge, merge_third, undo
from support.world import details

pair = undo_scenes.pair


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
    assert [c["number"] for c in agent.in_process("find", "ulm", "-f", "json").json] == ["20002"]
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
    (entry,) = supervisor.in_process("history", "--action", "undo", "-f", "json").json
    assert (entry["order"], entry["survivor"], entry["absorbed"], entry["choice"], entry["by"]) == (
        order, "10001", "20002", None, "anna",
    )  # fmt: skip
    exported = supervisor.in_process("export", "history", "-f", "jsonl").out.splitlines()[-1]
    assert '"packages":2' in exported.replace(" ", "")
    assert [e["action"] for e in supervisor.in_process("history", "--order", order, "-f", "json").json] == [
        "undo",
        "merge",
    ]


def test_a_dry_run_changes_nothing(pair, agent, supervisor):
    order = merge(agent, "20002", "--adopt")
    before = pair.dump()
    done = supervisor("undo", order, "--dry-run", "-f", "json")
    assert (done.code, done.json["dry_run"], done.json["restored"]["packages"]) == (0, True, ["P20002", "Q20002"])
    assert "would be undone" in supervisor("undo", order, "--dry-run").out
    assert pair.dump() == before
    assert supervisor.in_process("history", "--action", "undo", "-f", "json").json == []


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
    agent.in_process(
        "verify", "10001", "--into", "30003", "--domain", "müller.example", "--password-stdin", stdin="paket"
    )
    assert agent.in_process("merge", "10001", "--into", "30003", "--adopt", "--dry-run").code == 0
    undo(supervisor, order)
    done = agent.in_process("merge", "10001", "--into", "30003", "--adopt", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "proof_required")


def test_a_contract_transfer_stays_used(world, agent, supervisor):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"], company="Anders GmbH")
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    agent.in_process("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf")
    supervisor.in_process("transfer", "approve", "1", "--yes")
    before = world.dump()
    done = agent.in_process("merge", "20002", "--into", "10001", "--adopt", "--yes", "-f", "json")
    assert undo(supervisor, done.json["order"]).code == 0
    assert world.dump() == before
    assert agent.in_process("transfer", "show", "1", "-f", "json").json["status"] == "used"
    assert agent.in_process("merge", "20002", "--into", "10001", "--adopt", "--yes").code == 4

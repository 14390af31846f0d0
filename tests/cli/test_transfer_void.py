"""Contract §2, rule 5: a transfer that became void is so for good, and the history says so."""

import pytest
from support.databases import STAFF_PASSWORD, execute
from support.scenes import scene

PDF = b"%PDF-1.7\nunterschrieben"
PROOF = ("--domain", "zwei.example", "--password-stdin")


@scene
def approved(world, agent, supervisor, database_url):
    """10001 and 20002 with another company; transfer 1, filed by ben, approved by anna; ada supervises too."""
    world.customer("10001", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], company="Sonnentau OHG")
    (world.folder / "form.pdf").write_bytes(PDF)
    assert supervisor.in_process("user", "role", "ada", "supervisor").code == 0
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    assert supervisor("transfer", "approve", "1", "--yes").code == 0
    return world


@pytest.fixture
def ada(cli, approved):
    """A further supervisor, who has neither filed nor approved anything."""
    return logged_in(cli, "ada")


def logged_in(cli, name):
    other = cli.as_("nobody")
    done = cli.in_process("login", "--staff", name, "--password-stdin", "--print-token", stdin=STAFF_PASSWORD)
    assert done.code == 0, done.err
    other.token = done.out.strip()
    return other


def merged(by):
    return by("merge", "20002", "--into", "10001", "--adopt", "--yes", "-f", "json")


def status(by, number=1):
    return by.in_process("transfer", "show", number, "-f", "json").json["status"]


def void_entries(by):
    import json

    lines = by.in_process("export", "history", "-f", "jsonl").out.splitlines()
    bodies = [json.loads(line)["body"] for line in lines]
    return [(b["transfer"], b["why"], b["by"]) for b in bodies if b["action"] == "transfer_void"]


def findings(by, check="transfers"):
    done = by.in_process("audit", "-f", "json")
    return {one["subject"] for one in done.json["findings"] if one["check"] == check}


def renamed(by, world, company):
    (world.folder / "new.csv").write_text(f"number,company\n20002,{company}\n")
    assert by.in_process("import", "customers", "new.csv", "--update").code == 0


def test_a_changed_identity_is_an_entry_and_putting_it_back_revives_nothing(approved, supervisor, agent):
    renamed(supervisor, approved, "Neu")
    assert void_entries(supervisor) == [(1, "identity_changed", "anna")]
    renamed(supervisor, approved, "Sonnentau OHG")
    assert (status(agent), merged(agent).code) == ("void", 4)
    assert len(void_entries(supervisor)) == 1
    assert findings(supervisor) == set()


def test_a_number_that_went_elsewhere_is_an_entry_and_an_undo_revives_nothing(approved, supervisor, agent):
    approved.customer("30003", company="Sonnentau OHG")
    agent.in_process("verify", "20002", "--into", "30003", *PROOF, stdin="pw-2")
    assert agent("merge", "20002", "--into", "30003", "--yes").code == 0
    assert void_entries(supervisor) == [(1, "number_merged", "ben")]
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    assert (status(agent), merged(agent).code) == ("void", 4)
    assert findings(supervisor) == set()


def test_a_bulk_run_that_merges_a_number_away_writes_the_entry_too(approved, supervisor, agent):
    approved.customer("30003", company="Sonnentau OHG")
    (approved.folder / "bulk.csv").write_text("survivor,absorbed,choice\n30003,20002,\n")
    assert supervisor.in_process("bulk", "approve", "bulk.csv", "--yes").code == 0
    assert agent.in_process("bulk", "run", "bulk.csv").code == 0
    assert void_entries(supervisor) == [(1, "number_merged", "ben")]
    assert findings(supervisor) == set()


def test_a_transfer_that_an_order_uses_is_not_void(approved, supervisor, agent):
    assert merged(agent).code == 0
    assert (status(agent), void_entries(supervisor)) == ("used", [])
    assert findings(supervisor) == set()


def test_a_new_filing_makes_room_with_an_entry(approved, supervisor, agent, database_url):
    execute(database_url, "UPDATE customer SET company = 'Neu' WHERE number = '20002'")
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    assert void_entries(supervisor) == [(1, "identity_changed", "ben")]
    execute(database_url, "UPDATE customer SET company = 'Sonnentau OHG' WHERE number = '20002'")
    assert (status(agent), merged(agent).code) == ("void", 4)
    assert findings(supervisor) == set()


LOSSES = {
    "filer disabled": (("disable", "ben", "--yes"), "filer_disabled"),
    "filer's role": (("role", "ben", "auditor"), "filer_role"),
    "approver disabled": (("disable", "anna", "--yes"), "approver_disabled"),
    "approver's role": (("role", "anna", "agent"), "approver_role"),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_it_ends_with_the_right_of_its_filer_or_approver(approved, cli, ada, kind):
    command, why = LOSSES[kind]
    done = ada("user", *command)
    assert (done.code, "void now: 1" in done.err) == (0, True)
    assert void_entries(ada) == [(1, why, "ada")]
    assert (status(ada), merged(ada).code) == ("void", 4)
    assert findings(ada) == set()


@pytest.mark.parametrize("back", ["agent", "supervisor"])
def test_a_role_that_is_given_back_revives_nothing(approved, cli, ada, back):
    name = "ben" if back == "agent" else "anna"
    for role in ("auditor", back):
        assert ada("user", "role", name, role).code == 0
    assert (status(ada), merged(ada).code) == ("void", 4)
    assert findings(ada) == set()


def test_a_role_that_still_may_leaves_it(approved, ada):
    assert ada("user", "role", "ben", "supervisor").code == 0
    assert (status(ada), void_entries(ada)) == ("approved", [])
    assert merged(ada).code == 0


def test_an_approval_by_a_service_token_is_its_makers(world, agent, supervisor, cli, ada):
    assert supervisor("transfer", "reject", "1", "--reason", "nochmal", "--yes").code == 0
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    bot = cli.as_("nobody")
    bot.token = supervisor.in_process("token", "create", "bot", "--role", "supervisor").out.strip()
    assert bot("transfer", "approve", "2", "--yes").code == 0
    assert ada("token", "revoke", "bot", "--yes").code == 0
    assert status(ada, 2) == "approved"
    assert ada("user", "disable", "anna", "--yes").code == 0
    assert void_entries(ada) == [(2, "approver_disabled", "ada")]
    assert merged(ada).code == 4


def test_what_was_rejected_stays_rejected(approved, supervisor, ada):
    assert supervisor("transfer", "reject", "1", "--reason", "falsch", "--yes").code == 0
    done = ada("user", "disable", "anna", "--yes")
    assert (done.code, "void" in done.err) == (0, False)
    assert (status(ada), void_entries(ada)) == ("rejected", [])


# Somebody wrote into the database itself: the audit finds it, and no merge trusts it.

APPROVED = "UPDATE custmerge_transfer SET status = 'approved' WHERE id = 1"


def demand_found_and_refused(by):
    assert findings(by) == {"transfer 1"}
    assert by("diff", "20002", "--into", "10001", "-f", "json").json["transfer"] is None
    assert merged(by).code == 4


def test_by_hand_a_void_one_approved(approved, supervisor, agent, database_url):
    renamed(supervisor, approved, "Neu")
    renamed(supervisor, approved, "Sonnentau OHG")
    execute(database_url, APPROVED)
    demand_found_and_refused(supervisor)
    assert status(agent) == "void"


def test_by_hand_a_rejected_one_approved(approved, supervisor, database_url):
    supervisor("transfer", "reject", "1", "--reason", "falsch", "--yes")
    execute(database_url, APPROVED)
    demand_found_and_refused(supervisor)


def test_by_hand_a_rejected_one_filed_again_is_not_approved_either(approved, supervisor, ada, database_url):
    supervisor("transfer", "reject", "1", "--reason", "falsch", "--yes")
    execute(database_url, "UPDATE custmerge_transfer SET status = 'filed' WHERE id = 1")
    assert ada("transfer", "approve", "1", "--yes", "-f", "json").error["code"] == "transfer_decided"
    assert findings(ada) == {"transfer 1"}


def test_by_hand_a_used_one_approved(approved, supervisor, agent, database_url):
    assert merged(agent).code == 0
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    execute(database_url, APPROVED, 'UPDATE custmerge_transfer SET "order" = NULL WHERE id = 1')
    demand_found_and_refused(supervisor)


def test_by_hand_a_used_one_approved_is_found_since_a_checkpoint_too(approved, supervisor, agent, database_url):
    assert merged(agent).code == 0
    assert supervisor.in_process("audit", "--checkpoint", "c", "-f", "json").code == 0
    execute(database_url, APPROVED, 'UPDATE custmerge_transfer SET "order" = NULL WHERE id = 1')
    done = supervisor.in_process("audit", "--checkpoint", "c", "--since-checkpoint", "-f", "json")
    assert [one["subject"] for one in done.json["findings"]] == ["transfer 1"]


def test_by_hand_a_filed_one_approved(approved, supervisor, agent, database_url):
    assert supervisor("transfer", "reject", "1", "--reason", "nochmal", "--yes").code == 0
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    execute(
        database_url,
        "UPDATE custmerge_transfer SET status = 'approved', decided_by = 'anna', decided_by_person = 1,"
        " decided_at = '2026-01-01T00:00:00Z' WHERE id = 2",
    )
    assert findings(supervisor) == {"transfer 2"}
    assert merged(supervisor).code == 4


def test_by_hand_one_put_in(approved, supervisor, database_url):
    supervisor("transfer", "reject", "1", "--reason", "falsch", "--yes")
    columns = (
        "survivor, absorbed, filed_by, filed_by_person, at, decided_by, decided_by_person, decided_at,"
        " sha256, size, type, salt, identity_sha256"
    )
    execute(
        database_url,
        f"INSERT INTO custmerge_transfer (id, status, {columns}) "
        f"SELECT 2, 'approved', {columns} FROM custmerge_transfer WHERE id = 1",
    )
    assert "transfer 2" in findings(supervisor)
    assert merged(supervisor).code == 4


def test_by_hand_one_made_void_by_hand(approved, supervisor, database_url):
    execute(database_url, "UPDATE custmerge_transfer SET status = 'void' WHERE id = 1")
    demand_found_and_refused(supervisor)
    assert supervisor.in_process("init").code == 0
    assert findings(supervisor) == {"transfer 1"}


@pytest.mark.parametrize("change", ["disabled_at = NULL", "disabled_at = NULL, name = 'anne'"])
def test_an_approver_let_in_again(approved, ada, database_url, change):
    ada("user", "disable", "anna", "--yes")
    execute(database_url, f"UPDATE custmerge_staff SET {change} WHERE name = 'anna'", APPROVED)
    demand_found_and_refused(ada)


@pytest.mark.parametrize("name", ["anna", "ben"])
@pytest.mark.parametrize("change", ["role = 'auditor'", "disabled_at = '2026-01-01T00:00:00Z'"])
def test_somebody_kept_out_by_hand(approved, ada, database_url, name, change):
    execute(database_url, f"UPDATE custmerge_staff SET {change} WHERE name = '{name}'")
    demand_found_and_refused(ada)

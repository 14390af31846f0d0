"""Contract §2, rule 5: the signed contract transfer lifts an identity block once."""

import hashlib
import json

import pytest
from sqlalchemy import update
from support import transfer_scenes
from support.databases import STAFF_PASSWORD
from support.marks import on_sqlite_alone
from support.transfer_scenes import PDF, approve, file, merge

from custmerge.storage.dialect import open_engine
from custmerge.storage.tables.transfers import form as stored_form

blocked = transfer_scenes.blocked
approved = transfer_scenes.approved


def test_a_filed_form_has_the_contracts_shape(blocked, agent):
    done = file(agent)
    assert done.code == 0
    assert done.json | {"at": ""} == {
        "id": 1,
        "survivor": "10001",
        "absorbed": "20002",
        "status": "filed",
        "filed_by": "ben",
        "decided_by": None,
        "reason": None,
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "size": len(PDF),
        "type": "application/pdf",
        "at": "",
    }


@on_sqlite_alone
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"II*\x00rest", "image/tiff"),
        (b"MM\x00*rest", "image/tiff"),
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
    ],
)
def test_the_type_is_told_by_the_content_and_not_by_the_name(blocked, agent, content, kind):
    (blocked.folder / "form.pdf").write_bytes(content)
    assert file(agent).json["type"] == kind


@on_sqlite_alone
@pytest.mark.parametrize("content", [b"", b"Hallo", b"<html>", b"PK\x03\x04"])
def test_what_is_no_form_is_refused(blocked, agent, content):
    (blocked.folder / "form.pdf").write_bytes(content)
    done = file(agent)
    assert (done.code, done.error["code"]) == (2, "bad_file")
    assert file(agent, form="nowhere.pdf").code == 2


def test_a_form_has_20_mb_at_most(blocked, agent):
    (blocked.folder / "form.pdf").write_bytes(b"%PDF-" + bytes(20 * 1024 * 1024 - 5))
    assert file(agent).code == 0
    (blocked.folder / "form.pdf").write_bytes(b"%PDF-" + bytes(20 * 1024 * 1024 - 4))
    assert (file(agent, "10001", "20002").code) == 2


def test_the_form_comes_back_byte_for_byte(blocked, agent):
    file(agent)
    assert agent("transfer", "show", 1, "--save", "copy.pdf").code == 0
    copy = blocked.folder / "copy.pdf"
    assert copy.read_bytes() == PDF
    assert copy.stat().st_mode & 0o777 == 0o600
    assert agent("transfer", "show", 1, "--save", "copy.pdf").code == 2


def test_a_filed_form_that_nobody_approved_lifts_nothing(blocked, agent):
    file(agent)
    done = merge(agent, "--domain", "zwei.example", "--password-stdin")
    assert done.code in (2, 4)
    agent.in_process(
        "verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    assert merge(agent).code == 3


def test_an_approved_transfer_lifts_the_block_and_stands_in_for_the_proof(approved, agent):
    diff = agent.in_process("diff", "20002", "--into", "10001", "-f", "json")
    assert (diff.code, diff.json["transfer"], diff.json["mergeable"], diff.json["blocked_by"]) == (
        1,
        1,
        True,
        ["company"],
    )
    assert diff.json["identical"] is False
    done = merge(agent)
    assert (done.code, done.json["choice"]) == (0, "adopt")
    assert agent("transfer", "show", 1, "-f", "json").json["status"] == "used"


def test_details_still_need_a_choice(approved, agent):
    done = agent("merge", "20002", "--into", "10001", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (1, "details_differ")


def test_a_dry_run_uses_nothing_up(approved, agent):
    assert merge(agent, "--dry-run").code == 0
    assert agent("transfer", "show", 1, "-f", "json").json["status"] == "approved"


def test_the_merge_names_the_transfer_in_the_history(approved, agent, supervisor):
    merge(agent)
    entries = [
        json.loads(line)["body"]
        for line in supervisor.in_process("export", "history", "-f", "jsonl").out.splitlines()
    ]
    life = [(e["action"], e["transfer"], e["by"]) for e in entries if "transfer" in e]
    assert life == [("transfer_file", 1, "ben"), ("transfer_approve", 1, "anna"), ("merge", 1, "ben")]
    assert {(e["survivor"], e["absorbed"]) for e in entries if "transfer" in e} == {("10001", "20002")}


def test_it_lifts_exactly_this_pair_in_this_direction(approved, agent):
    approved.customer("30003", company="Sonnentau OHG")
    assert merge(agent, absorbed="10001", into="20002").code == 4
    assert merge(agent, absorbed="30003").code == 4
    assert agent.in_process("diff", "10001", "--into", "20002", "-f", "json").json["transfer"] is None


def test_it_lifts_once(approved, agent, world):
    assert merge(agent).code == 0
    done = merge(agent)
    assert (done.code, done.error["code"]) == (5, "merged_away")
    assert agent("transfer", "list", "--status", "approved", "-f", "json").json == []


def test_a_customer_needs_the_proof_all_the_same(approved, cli):
    customer = cli.login("10001", "pw-1")
    assert customer("diff", "20002").code == 4
    assert merge(customer).code == 4
    customer("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert merge(customer).code == 0


def test_nobody_approves_or_rejects_the_own_filing(blocked, supervisor, cli):
    file(supervisor)
    done = approve(supervisor)
    assert (done.code, done.error["code"]) == (4, "own_transfer")
    assert supervisor("transfer", "reject", 1, "--reason", "x", "--yes").code == 4


def test_a_new_role_does_not_make_a_filer_an_approver(blocked, agent, supervisor, cli):
    file(agent)
    assert supervisor.in_process("user", "role", "ben", "supervisor").code == 0
    assert agent.in_process("whoami").code == 4
    ben = cli.as_("nobody")
    ben.token = cli.in_process(
        "login", "--staff", "ben", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD
    ).out.strip()
    assert approve(ben).error["code"] == "own_transfer"


def test_a_new_name_does_not_make_a_filer_an_approver(blocked, supervisor, database_url):
    from custmerge.storage.database import Database

    file(supervisor)
    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE custmerge_staff SET name = 'hanna' WHERE name = 'anna'")
    database.close()
    assert approve(supervisor).error["code"] == "own_transfer"


def test_a_service_token_does_not_make_its_maker_an_approver(blocked, supervisor, cli):
    file(supervisor)
    service = cli.as_("nobody")
    service.token = supervisor.in_process("token", "create", "bot", "--role", "supervisor").out.strip()
    assert approve(service).error["code"] == "own_transfer"


def test_only_a_supervisor_decides(blocked, agent, supervisor, cli):
    file(supervisor)
    assert approve(agent).code == 4
    assert approve(cli.as_("ada")).code == 4


def test_a_rejection_needs_a_reason_and_is_final(blocked, agent, supervisor):
    file(agent)
    assert supervisor("transfer", "reject", 1, "--yes").code == 2
    assert supervisor("transfer", "reject", 1, "--reason", " ", "--yes").code == 2
    done = supervisor("transfer", "reject", 1, "--reason", "Unterschrift fehlt", "--yes", "-f", "json")
    assert (done.json["status"], done.json["decided_by"], done.json["reason"]) == (
        "rejected",
        "anna",
        "Unterschrift fehlt",
    )
    assert approve(supervisor).code == 6
    assert file(agent).json["id"] == 2


def test_an_approval_can_be_taken_back_while_it_is_unused(approved, supervisor, agent):
    assert supervisor("transfer", "reject", 1, "--reason", "Irrtum", "--yes").code == 0
    assert merge(agent).code == 4


def test_a_pair_has_one_open_transfer(blocked, agent):
    file(agent)
    done = file(agent)
    assert (done.code, done.error["code"], done.error["details"]["id"]) == (6, "transfer_open", 1)


@pytest.mark.parametrize("number", ["10001", "20002"])
@pytest.mark.parametrize("field", ["company", "first_name", "last_name"])
def test_a_changed_identity_field_voids_it(approved, supervisor, agent, number, field):
    (approved.folder / "new.csv").write_text(f"number,{field}\n{number},Neu\n")
    assert supervisor.in_process("import", "customers", "new.csv", "--update").code == 0
    assert agent("transfer", "show", 1, "-f", "json").json["status"] == "void"
    assert merge(agent).code == 4
    # Changing it back doesn't bring it back.
    (approved.folder / "new.csv").write_text(
        "number,company,first_name,last_name\n10001,Sonnentau GmbH,Katrin,Vogelsang\n"
    )
    supervisor.in_process("import", "customers", "new.csv", "--update")
    assert agent("transfer", "show", 1, "-f", "json").json["status"] == "void"


def test_a_record_changed_behind_the_programs_back_voids_it(approved, agent, database_url):
    from custmerge.storage.database import Database

    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE customer SET last_name = 'Roth' WHERE number = '20002'")
    database.close()
    assert agent.in_process("diff", "20002", "--into", "10001", "-f", "json").json["transfer"] is None
    assert merge(agent).code == 4


def test_a_changed_detail_does_not_void_it(approved, supervisor, agent):
    (approved.folder / "new.csv").write_text("number,city\n20002,Ulm\n")
    supervisor.in_process("import", "customers", "new.csv", "--update")
    assert merge(agent).code == 0


def test_a_number_that_went_elsewhere_voids_it(approved, agent):
    approved.customer("30003", company="Sonnentau OHG", street="Weg 1")
    agent.in_process(
        "verify", "20002", "--into", "30003", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    assert merge(agent, into="30003").code == 0
    assert agent("transfer", "show", 1, "-f", "json").json["status"] == "void"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("transfer", "show", "9"), 5),
        (("transfer", "file", "99999", "--into", "10001", "--form", "form.pdf"), 5),
        (("transfer", "file", "10001", "--into", "10001", "--form", "form.pdf"), 2),
        (("transfer", "file", "20002", "--form", "form.pdf"), 2),
        (("transfer", "list", "--status", "x"), 2),
    ],
)
def test_wrong_use_has_its_exit_code(blocked, agent, arguments, code):
    assert agent(*arguments).code == code


def test_without_a_terminal_a_decision_needs_yes(blocked, agent, supervisor):
    file(agent)
    done = supervisor("transfer", "approve", 1)
    assert (done.code, "--yes" in done.err) == (2, True)


def test_a_table_shows_hostile_file_content_and_reasons_visibly(blocked, agent, supervisor):
    file(agent)
    supervisor("transfer", "reject", 1, "--reason", "\x1b[31mrot\u202e", "--yes")
    out = agent("transfer", "show", 1).out
    assert "\x1b" not in out
    assert "\\x1b[31mrot\\u202e" in out


def test_a_form_that_was_replaced_is_neither_approved_nor_used(agent, supervisor, blocked, database_url):
    def replace_form(content):
        engine = open_engine(database_url)
        with engine.begin() as connection:
            connection.execute(update(stored_form).values(content=content))
        engine.dispose()

    assert file(agent).code == 0
    replace_form(b"%PDF-something else")
    assert supervisor("transfer", "show", "1", "-f", "json").json["status"] == "void"
    done = supervisor("transfer", "show", "1", "--save", "saved.pdf", "-f", "json")
    assert (done.code, done.error["code"]) == (6, "form_changed")
    assert not (supervisor.folder / "saved.pdf").exists()
    assert approve(supervisor).error["code"] == "transfer_decided"
    replace_form(PDF)
    assert approve(supervisor).code == 0
    replace_form(b"%PDF-something else")
    assert merge(agent).error["code"] == "proof_required"

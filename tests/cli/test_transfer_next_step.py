"""A blocked pair and its contract transfer: each step says the next one, filled in."""

import json

import pytest
from support import transfer_scenes
from support.marks import on_sqlite_alone
from support.transfer_scenes import approve, file, merge
from support.typist import Typist

blocked = transfer_scenes.blocked
approved = transfer_scenes.approved


def test_staff_are_told_the_command_that_goes_on_and_then_whom_it_waits_for(blocked, agent, cli):
    verify = ("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin")
    agent.in_process(*verify, stdin="pw-2")
    file_it = "`custmerge transfer file 20002 --into 10001 --form FILE`"
    for done in (agent("diff", "20002", "--into", "10001"), merge(agent), merge(agent, "--dry-run")):
        assert done.code == 3
        assert (done.out + done.err).count("they can't be merged") == 1
        assert file_it in " ".join((done.out + done.err).split())
    assert agent.in_process("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    for done in (agent("diff", "20002", "--into", "10001"), merge(agent)):
        assert done.code == 3
        assert "Contract transfer 1, filed by ben, waits for a supervisor who didn't file it" in done.out + done.err
        assert file_it not in done.out + done.err
    # What staff file is none of the customer's business, nor could they run the command.
    customer = cli.login("10001", "pw-1")
    unproved = customer("diff", "20002").err
    assert "`custmerge verify 20002 --into 10001 --domain NAME`.\n" in unproved
    assert "--password-stdin" not in unproved
    customer.in_process("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    told = " ".join(customer("diff", "20002").out.split())
    assert "please ask us for the contract transfer form and send it back signed" in told
    assert "this can't be changed online" in told
    assert "transfer 1" not in told
    assert "custmerge transfer" not in told
    refused = customer("transfer", "list")
    assert (refused.code, "ask somebody with" in refused.err) == (4, False)
    assert "our staff may: please ask us" in refused.err


@on_sqlite_alone
def test_every_step_of_a_transfer_ends_with_the_next_one(blocked, agent, supervisor):
    waits = "It waits for a supervisor who didn't file it: custmerge transfer approve 1\n"
    assert agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").err == waits
    assert agent("transfer", "show", 1).err == waits
    again = agent("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf")
    assert (
        "is filed already, by ben, and waits for a supervisor who didn't file it: `custmerge transfer app"
        in again.err
    )
    refused = agent("--lang", "de", "transfer", "approve", 1)
    assert (refused.code, "mit der Rolle Supervisor." in refused.err) == (4, True)
    assert supervisor("transfer", "approve", 1, "--yes").err == "Next: custmerge merge 20002 --into 10001\n"
    assert agent("transfer", "show", 1, "-f", "json").err == ""


@on_sqlite_alone
@pytest.mark.parametrize("company", ["Sonnentau GmbH", "SONNENTAU  GmbH"])
def test_a_pair_that_is_not_blocked_cannot_be_filed(blocked, agent, company):
    blocked.customer("30003", company=company, street="Weg 1")
    done = file(agent, "30003")
    assert (done.code, done.error["code"]) == (2, "not_blocked")
    assert "`custmerge merge 30003 --into 10001`" in done.error["message"]
    assert agent("transfer", "list", "-f", "json").json == []


def test_whoever_approves_sees_what_differs_and_is_asked_for_the_form(blocked, agent, supervisor):
    blocked.customer("30003", company="Sonnentau OHG", account_number="DE89370400440532013000")
    file(agent, "30003")
    for looked, approved, code in (("n", None, 1), ("y", "n", 1), ("y", "y", 0)):
        person = Typist(supervisor, "transfer", "approve", "1")
        person.sees("Sonnentau OHG")
        person.sees("DE89…3000")
        person.answers("Have you looked at the signed form, and does it prove what differs? [y/N]: ", looked)
        if approved is None:
            person.sees("Look at it: custmerge transfer show 1 --save FILE")
        else:
            person.answers("Approve this contract transfer? [y/N]: ", approved)
        assert person.ends() == code
    assert agent("transfer", "show", "1", "-f", "json").json["status"] == "approved"


@pytest.mark.parametrize("is_approved", [False, True], ids=["filed", "approved"])
def test_who_filed_it_withdraws_it_and_it_is_void_for_good(blocked, agent, supervisor, is_approved):
    file(agent)
    if is_approved:
        approve(supervisor)
    for other in (supervisor, supervisor.as_("ada")):
        done = other("transfer", "withdraw", "1", "--yes", "-f", "json")
        assert (done.code, done.error["code"]) == (4, {"ada": "not_allowed"}.get(other.token[9:], "not_own_transfer"))
    assert agent("transfer", "withdraw", "1").code == 2
    done = agent("transfer", "withdraw", "1", "--yes", "-f", "json")
    assert (done.code, done.json["status"], done.json["filed_by"]) == (0, "void", "ben")
    assert merge(agent).code == 4
    for late in (("withdraw", "1", "--yes"), ("approve", "1", "--yes"), ("reject", "1", "--reason", "x", "--yes")):
        by = agent if late[0] == "withdraw" else supervisor
        done = by("transfer", *late, "-f", "json")
        assert (done.code, done.error["code"]) == (6, "transfer_decided")
    lines = supervisor.in_process("export", "history", "-f", "jsonl").out.splitlines()
    told = [json.loads(line)["body"] for line in lines]
    (entry,) = [body for body in told if body["action"] == "transfer_void"]
    assert (entry["why"], entry["by"], entry["transfer"]) == ("withdrawn", "ben", 1)
    assert supervisor.in_process("audit", "--only", "transfers").code == 0
    # Then there is room for another form.
    assert file(agent).json["id"] == 2

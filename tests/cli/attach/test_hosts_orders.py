"""Orders in hosts' databases: exactly the cells and rows that are expected change, and an undo gives all of it back.

What is expected is said in plain Python for each host, see `tests/support/hosts`; the whole database is compared.
"""

from dataclasses import replace

import pytest
from support.attach_scenes import (
    demand_as_before,
    demand_as_expected,
    demand_audit_ok,
    order,
    run_file,
    undo,
    write_file,
)
from support.hosts.expected import numbered
from support.runs import NIGHTLY


def test_an_order_changes_what_is_expected_and_its_undo_leaves_nothing_behind(attached):
    pairs = list(attached.host.pairs.values())
    # By day one half on each kind of database.
    for merge in pairs if NIGHTLY else pairs[attached.url.startswith("sqlite") :: 2]:
        before, shown = attached.snapshot(), show(attached, merge.survivor, merge.absorbed)
        done = replace(merge, order=order(attached, merge))
        demand_as_expected(attached, before, [done])
        assert show(attached, merge.absorbed)[0]["merged_into"] == merge.survivor
        undo(attached.supervisor, done.order)
        demand_as_before(attached, before)
        assert show(attached, merge.survivor, merge.absorbed) == shown
    demand_audit_ok(attached)


def show(attached, *numbers):
    """Return what staff see of numbers, but for the orders that were given."""
    shown = [attached.agent.in_process("show", number, "-f", "json") for number in numbers]
    return [one.json | {"orders": None} for one in shown]


def test_orders_one_after_the_other_are_taken_back_by_one_undo(attached):
    before = attached.snapshot()
    done = []
    for merge in attached.host.chain:
        done.append(replace(merge, order=order(attached, merge)))
        demand_as_expected(attached, before, done)
    demand_audit_ok(attached)
    undo(attached.supervisor, *(merge.order for merge in reversed(done)))
    demand_as_before(attached, before)
    demand_audit_ok(attached)


def test_a_bulk_run_with_chains_changes_what_is_expected_and_is_taken_back(attached):
    before = attached.snapshot()
    run, report = run_file(attached, attached.host.chain)
    assert run.code == 0, run.err
    assert {row["status"] for row in report} == {"merged"}
    done = [replace(merge, order=int(row["order"])) for merge, row in zip(attached.host.chain, report, strict=True)]
    assert done == numbered(attached.host.chain)
    demand_as_expected(attached, before, done)
    demand_audit_ok(attached)
    undo(attached.supervisor, "--batch", "1")
    demand_as_before(attached, before)
    demand_audit_ok(attached)


def test_the_last_orders_of_a_bulk_run_in_chunks_are_taken_back_one_by_one(attached):
    before = attached.snapshot()
    write_file(attached, attached.host.chain)
    check = attached.supervisor.in_process("bulk", "check", "pairs.csv", "--report", "check.csv", "-f", "json")
    assert check.code == 0, check.err
    assert (attached.folder / "check.csv").read_text().count("merged") == len(attached.host.chain)
    demand_as_before(attached, before)
    _, report = run_file(attached, attached.host.chain, options=("--chunk", "3"))
    done = numbered(attached.host.chain)
    assert len(report) == len(done)
    for count in range(len(done) - 1, len(done) - 4, -1):
        undo(attached.supervisor, done[count].order)
        demand_as_expected(attached, before, done[:count], attached.host.theirs)
    undo(attached.supervisor, "--batch", "1")
    demand_as_before(attached, before)


@pytest.mark.parametrize("host", ["paymenter"], indirect=True)
def test_rows_of_a_bulk_file_are_proved_by_a_domain_and_a_password_of_the_hosts(attached, host):
    before, first = attached.snapshot(), host.chain[0]
    path = attached.folder / "proved.csv"
    domain, password = host.domains[first.absorbed], host.passwords[first.absorbed]
    path.write_text(
        "survivor,absorbed,choice,domain,password\n"
        f"{first.survivor},{first.absorbed},,{domain},wrong\n"
        f"{first.survivor},{first.absorbed},,{domain},{password}\n"
    )
    path.chmod(0o600)
    run = attached.agent("bulk", "run", path.name, "-f", "json")
    assert (run.code, run.json["merged"], run.json["refused"]) == (7, 1, 1), run.err
    demand_as_expected(attached, before, numbered([first]))


def test_what_is_refused_changes_nothing_in_the_hosts_tables(attached):
    before = attached.snapshot()
    refused = attached.host.refused
    run, report = run_file(attached, [merge for merge, _, _ in refused.values()])
    assert run.code == 7, run.err
    found = {what: (row["status"], int(row["code"])) for what, row in zip(refused, report, strict=True)}
    assert found == {what: (status, code) for what, (_, status, code) in refused.items()}
    demand_as_before(attached, before)


def test_a_dry_run_changes_nothing_in_the_hosts_tables(attached):
    before = attached.snapshot()
    merge = next(iter(attached.host.pairs.values()))
    done = order(attached, merge)
    after = attached.snapshot()
    dry = attached.supervisor("undo", done, "--dry-run", "-f", "json")
    assert (dry.code, dry.json["dry_run"]) == (0, True)
    demand_as_before(attached, after)
    undo(attached.supervisor, done)
    demand_as_before(attached, before)

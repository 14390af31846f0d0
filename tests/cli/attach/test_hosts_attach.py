"""`attach` on databases of other programs: what --check says, and the whole way to the first order."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from support.attach_scenes import MAPPING_FILE, Attached, demand_as_before, demand_as_expected, hire, undo
from support.databases import STAFF_PASSWORD
from support.hosts.host import kind_of, path_of
from support.hosts.snapshot import difference, snapshot

CUSTOMERS = {"chinook": 11, "chinook with contacts": 11, "kill bill": 15, "pagila": 13, "paymenter": 14}
POLICIES = {
    "chinook": {"Invoice.CustomerId": "move"},
    "chinook with contacts": {},
    "kill bill": {
        "accounts.parent_account_id": "move",
        "tags.object_id": "drop",
        "tags.account_record_id": "move",
        "invoices.account_record_id": "move",
        "account_history.parent_account_id": "leave",
        "audit_log.account_record_id": "leave",
    },
    "pagila": {"rental.customer_id": "drop", "wishlist.customer_id": "add", "payment.customer_id": "move"},
    "paymenter": {
        "credits.user_id": "add",
        "properties.model_id": "drop",
        "sessions.user_id": "leave",
        "tickets.assigned_to": "move",
        "orders.user_id": "move",
        "ext_affiliates.user_id": "refuse",
    },
}


@pytest.mark.on_both
def test_check_says_what_would_hold_and_changes_nothing(unattached, host):
    before = snapshot(unattached.url)
    done = unattached("attach", MAPPING_FILE, "--check", "-f", "json")
    assert (done.code, done.json["problems"], done.json["questions"]) == (0, [], []), done.err
    assert (done.json["name"], done.json["ready"]) == (host.name, True)
    assert done.json["customers"] == CUSTOMERS[host.name]
    policies = {reference["column"]: reference["policy"] for reference in done.json["references"]}
    assert policies | POLICIES[host.name] == policies
    assert own_tables(unattached.url) == []
    assert not difference(before, snapshot(unattached.url))


def own_tables(url):
    if kind_of(url) == "sqlite":
        with closing(sqlite3.connect(path_of(url))) as connection:
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    else:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return sorted(name for (name,) in rows if name.startswith("custmerge"))


def test_attaching_changes_nothing_in_the_hosts_tables_and_makes_no_register(unattached, host, staff_hash):
    before = snapshot(unattached.url)
    done = unattached("attach", MAPPING_FILE)
    assert done.code == 0, done.err
    assert {"custmerge_mapping", "custmerge_tombstone", "custmerge_history"} <= set(own_tables(unattached.url))
    shown = unattached("attach", "--show")
    assert (shown.code, shown.out.strip()) == (0, host.mapping.strip())
    hire(unattached, staff_hash)
    assert not difference(before, snapshot(unattached.url))
    entries = unattached.as_("anna")("history", "--action", "attach", "-f", "json").json
    assert len(entries) == 1


@pytest.mark.parametrize("host", ["paymenter"], indirect=True)
def test_the_whole_way_from_a_mapping_to_an_order_and_back(unattached, host):
    before = snapshot(unattached.url)
    assert unattached("attach", MAPPING_FILE).code == 0
    done = unattached("init", "--supervisor", "anna", "--password-stdin", stdin=STAFF_PASSWORD)
    assert done.code == 0, done.err
    done = unattached("login", "--staff", "anna", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD)
    assert done.code == 0, done.err
    anna = replace_token(unattached, done.out.strip())
    customer = unattached.login("7", host.passwords["7"])
    merge = next(iter(host.pairs.values()))
    proof = ("--domain", host.domains[merge.absorbed], "--password-stdin")
    wrong = customer("verify", merge.absorbed, *proof, stdin="wrong")
    unknown = customer("verify", "900", *proof, stdin=host.passwords[merge.absorbed])
    assert (wrong.code, unknown.code) == (4, 4)
    assert wrong.err.replace(merge.absorbed, "") == unknown.err.replace("900", "")
    assert customer("verify", merge.absorbed, *proof, stdin=host.passwords[merge.absorbed]).code == 0
    assert customer("diff", merge.absorbed, "-f", "json").json["identical"] is True
    assert not difference(before, snapshot(unattached.url))
    done = customer("merge", merge.absorbed, "--yes", "-f", "json")
    assert done.code == 0, done.err
    moved = done.json["moved"]["domains"]
    assert host.domains[merge.absorbed] in moved
    attached = Attached(host, unattached)
    demand_as_expected(attached, before, [replace(merge, order=done.json["order"])])
    typed = {"stdin": host.passwords[merge.absorbed]}
    retired = unattached("login", merge.absorbed, "--password-stdin", "--print-token", **typed)
    assert re.search(rf"\b{merge.survivor}\b", retired.err), retired
    audit = anna("audit", "--format", "json")
    assert (audit.code, audit.json["status"]) == (0, "ok"), audit.out
    undo(anna, done.json["order"])
    demand_as_before(attached, before)
    assert anna("audit").code == 0


def replace_token(cli, token):
    other = cli.as_("anna")
    other.token = token
    return other


@pytest.mark.parametrize("host", ["paymenter"], indirect=True)
def test_a_customers_own_password_proves_a_number_where_the_mapping_says_so(unattached, host, staff_hash):
    path = unattached.folder / MAPPING_FILE
    path.write_text(host.mapping.replace('by = "domain"', 'by = "password"'), "utf-8")
    assert unattached("attach", MAPPING_FILE).code == 0
    hire(unattached, staff_hash)
    agent, before = unattached.as_("ben"), snapshot(unattached.url)
    merge = next(iter(host.pairs.values()))
    asked = ("merge", merge.absorbed, "--into", merge.survivor, "--password-stdin", "--yes", "-f", "json")
    refused = agent(*asked, stdin=host.passwords[merge.survivor])
    assert (refused.code, json.loads(refused.err)["error"]["exit"]) == (4, 4)
    done = agent(*asked, stdin=host.passwords[merge.absorbed])
    assert done.code == 0, done.err
    demand_as_expected(Attached(host, unattached), before, [replace(merge, order=done.json["order"])])

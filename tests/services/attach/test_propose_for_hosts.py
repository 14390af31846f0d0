"""What `attach --propose` finds in the databases of other programs, on both databases."""

import psycopg
import pytest
from support.host_proposals import demand_good, proposed
from support.hosts import HOSTS
from support.hosts.host import lay_out

from custmerge.rules.fields import Field
from custmerge.rules.guessing.writing import mapping_text
from custmerge.rules.mapping import Policy, ProofBy
from custmerge.rules.mapping.file import read_mapping

CUSTOMERS = {
    "chinook": "Customer", "chinook with contacts": "Customer", "kill bill": "accounts", "pagila": "customer",
    "paymenter": "users",
}  # fmt: skip
KILL_BILL = {
    "accounts.parent_account_id", "account_email_history.account_id", "account_email_history.account_record_id",
    "account_emails.account_id", "account_emails.account_record_id", "account_history.id",
    "account_history.parent_account_id", "account_history.target_record_id", "audit_log.account_record_id",
    "audit_log.target_record_id", "blocking_states.account_record_id", "blocking_states.blockable_id",
    "bundles.account_id", "bundles.account_record_id", "custom_fields.account_record_id", "custom_fields.object_id",
    "invoice_items.account_id", "invoice_items.account_record_id", "invoice_items.child_account_id",
    "invoice_parent_children.account_record_id", "invoice_parent_children.child_account_id", "invoices.account_id",
    "invoices.account_record_id", "payment_methods.account_id", "payment_methods.account_record_id",
    "payments.account_id", "payments.account_record_id", "subscriptions.account_record_id", "tags.account_record_id",
    "tags.object_id", "tag_history.account_record_id", "tag_history.object_id", "notifications.search_key1",
    "notifications.event_json",
}  # fmt: skip
PAYMENTER = {
    *(f"{table}.user_id" for table in (
        "api_keys", "audits", "billing_agreements", "carts", "credits", "email_logs", "ext_affiliates", "invoices",
        "notification_preferences", "notifications", "oauth_access_tokens", "orders", "services", "sessions",
        "ticket_messages", "tickets", "user_authentication_logs", "user_sessions",
    )),
    "tickets.assigned_to", "audits.auditable_id", "audits.old_values", "audits.new_values", "notifications.url",
    "properties.model_id",
}  # fmt: skip
TRUTH = {
    "chinook": {"Invoice.CustomerId"},
    "chinook with contacts": {"Invoice.CustomerId"},
    "kill bill": KILL_BILL,
    "pagila": {"payment.customer_id", "rental.customer_id", "wishlist.customer_id"},
    "paymenter": PAYMENTER,
}


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def urls(request, tmp_path_factory, worker_id):
    """The URLs of the hosts' databases, by their names."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("hosts")
        made = {name: f"sqlite:///{folder / f'{place}.db'}" for place, name in enumerate(HOSTS)}
        for name, url in made.items():
            lay_out(url, HOSTS[name])
        yield made
        return
    server = request.getfixturevalue("postgresql_server")
    names = {name: f"proposed_{worker_id}_{place}" for place, name in enumerate(HOSTS)}
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for database in names.values():
            connection.execute(f"CREATE DATABASE {database}")
        for name, database in names.items():
            lay_out(server.get_uri(database), HOSTS[name])
        yield {name: server.get_uri(database) for name, database in names.items()}
        for database in names.values():
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.mark.parametrize("name", HOSTS)
def test_customers_and_references_are_found(urls, name):
    proposal = proposed(urls[name])
    assert proposal.customer.table.name == CUSTOMERS[name]
    demand_good(proposal, TRUTH[name])


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_proposed_is_a_mapping(urls, name):
    proposal = proposed(urls[name], name)
    mapping = read_mapping(mapping_text(proposal, str))
    assert mapping.name == name
    assert mapping.customer.table == CUSTOMERS[name]
    assert mapping.fields == proposal.fields.fields
    answers = {column: entry.policy for entry in mapping.references for column in entry.columns}
    assert answers == {each.finding.name: each.policy for each in proposal.references}


def policies(proposal):
    return {each.finding.name: each.policy for each in proposal.references}


def test_a_table_of_addresses_and_one_behind_it_give_fields(urls):
    fields = proposed(urls["pagila"]).fields
    assert fields.fields[Field.POSTCODE].related == "address"
    assert fields.fields[Field.CITY].related == "city"
    assert [(related.name, related.from_related) for related in fields.related] == [
        ("address", None), ("city", "address"),
    ]  # fmt: skip


def test_rows_that_hold_one_detail_each_give_fields(urls):
    fields = proposed(urls["paymenter"]).fields
    row = next(related for related in fields.related if related.name == fields.fields[Field.CITY].related)
    assert (row.table, row.on) == ("properties", "model_id")
    assert row.where == r"model_type = 'App\Models\User' AND key = 'city'".replace("key", '"key"')


def test_credentials_and_logs_stay(urls):
    found = policies(proposed(urls["paymenter"]))
    left = {name for name, policy in found.items() if policy is Policy.LEAVE}
    assert {"api_keys.user_id", "sessions.user_id", "oauth_access_tokens.user_id", "email_logs.user_id"} <= left
    assert not {"invoices.user_id", "tickets.user_id", "properties.model_id"} & left


def test_one_balance_for_each_currency_is_added_up_and_asked_about(urls):
    credit = next(r for r in proposed(urls["paymenter"]).references if r.finding.name == "credits.user_id")
    assert (credit.policy, credit.unique, credit.add) == (Policy.ADD, ("currency_code",), ("amount",))
    assert credit.is_question


def test_a_unique_value_that_could_clash_proposes_drop(urls):
    found = policies(proposed(urls["pagila"]))
    assert found["wishlist.customer_id"] is Policy.DROP
    assert found["payment.customer_id"] is Policy.MOVE


def test_both_kinds_of_keys_are_told_apart(urls):
    proposal = proposed(urls["kill bill"])
    held = {each.finding.name: each.finding.key for each in proposal.references}
    assert held["invoices.account_id"] == "id"
    assert held["invoices.account_record_id"] == "record_id"


@pytest.mark.parametrize(("name", "proof"), [("paymenter", ProofBy.PASSWORD), ("chinook", ProofBy.NOTHING)])
def test_what_can_prove_a_number_is_proposed(urls, name, proof):
    assert proposed(urls[name]).proof is proof

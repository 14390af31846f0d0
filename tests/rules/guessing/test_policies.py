"""What is proposed for a reference."""

import pytest

from custmerge.rules.guessing.judging import Finding, FindingKind
from custmerge.rules.guessing.policies import reference_guess
from custmerge.rules.guessing.samples import KeyShare, Sample
from custmerge.rules.host_schema import HostColumn, HostSchema, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.mapping import Policy

PRIMARY = Unique("pk", UniqueKind.PRIMARY, ("id",))


def guess(name="invoice", *uniques, columns=(), rows=None, by=FindingKind.NAME, key=PRIMARY):
    made = [HostColumn(n, "x", k) for n, k in (("id", Kind.INTEGER), ("client_id", Kind.INTEGER), *columns)]
    table = HostTable(name, None, name, tuple(made), tuple(u for u in (key, *uniques) if u is not None))
    finding = Finding(name, "client_id", by, True, "id", True, KeyShare(3, 3, 3, 0.0))
    sample = rows and Sample(name, tuple(column.name for column in made), rows, is_whole=True)
    return reference_guess(HostSchema({name: table}), finding, sample)


@pytest.mark.parametrize(("column", "is_asked"), [("debit", True), ("weight", False)])
def test_it_is_asked_whether_a_row_of_money_may_be_dropped(column, is_asked):
    found = guess(
        "lines",
        Unique("u", UniqueKind.INDEX, ("client_id", "code")),
        columns=[("code", Kind.TEXT), (column, Kind.NUMBER)],
    )
    assert (found.policy, found.is_question) == (Policy.DROP, is_asked)


def test_a_plain_reference_moves():
    assert guess().policy is Policy.MOVE


@pytest.mark.parametrize(
    "name",
    ["password_resets", "access_token", "sessions", "two_factor", "api_keys", "oauth_clients", "role_user",
     "user_groups", "users_remembered", "client_history", "audit_log", "activity", "sitzungen", "verlauf"],
)  # fmt: skip
def test_credentials_and_logs_are_left(name):
    assert guess(name).policy is Policy.LEAVE


@pytest.mark.parametrize(
    ("columns", "policy"),
    [
        (("token", "expires"), Policy.LEAVE),
        (("selector", "hashed_validator", "expires_at"), Policy.LEAVE),
        (("token_hash", "expiry"), Policy.LEAVE),
        (("token",), Policy.MOVE),
        (("portal_token", "expires_at"), Policy.MOVE),
        (("amount", "expires_at"), Policy.MOVE),
    ],
)
def test_a_secret_that_ends_is_asked_about_whatever_its_table_is_called(columns, policy):
    found = guess("confirmations", columns=[(name, Kind.TEXT) for name in columns])
    assert (found.policy, found.is_question) == (policy, policy is Policy.LEAVE)


@pytest.mark.parametrize("name", ["orders", "tickets", "catalogue", "groupings", "tokenised_cards"])
def test_a_name_that_only_begins_alike_is_neither(name):
    assert guess(name).policy is Policy.MOVE


@pytest.mark.parametrize(
    "unique",
    [
        Unique("u", UniqueKind.CONSTRAINT, ("client_id", "list_id")),
        Unique("u", UniqueKind.INDEX, ("client_id",), where="active"),
        Unique("u", UniqueKind.INDEX, ("",), expressions=("lower(client_id::text)",)),
    ],
)
def test_what_can_clash_drops(unique):
    assert guess("newsletter", unique).policy is Policy.DROP


def test_what_is_unique_without_the_customer_cannot_clash():
    assert guess("a", Unique("u", UniqueKind.CONSTRAINT, ("id", "client_id"))).policy is Policy.MOVE
    assert guess("a", Unique("u", UniqueKind.CONSTRAINT, ("other_client_id",))).policy is Policy.MOVE
    assert guess("a", Unique("u", UniqueKind.INDEX, ("list_id",), where="client_id > 3")).policy is Policy.MOVE


def test_an_exclusion_constraint_refuses_by_itself():
    exclusion = Unique("no_overlap", UniqueKind.EXCLUSION, ("client_id",), definition="EXCLUDE (client_id WITH =)")
    assert guess("booking", exclusion).policy is Policy.MOVE


def test_rows_that_nothing_tells_apart_are_asked_about():
    found = guess("import", key=None)
    assert (found.policy, found.is_question) == (Policy.REFUSE, True)


@pytest.mark.parametrize(
    ("rows", "policy"),
    [
        ([("1", "7", "EUR", "5"), ("2", "7", "USD", "1"), ("3", "8", "EUR", "2")], Policy.ADD),
        ([("1", "7", "EUR", "5"), ("2", "7", "EUR", "1"), ("3", "8", "EUR", "2")], Policy.MOVE),
    ],
)
def test_one_balance_for_each_kind_is_added_up(rows, policy):
    columns = (("currency", Kind.TEXT), ("amount", Kind.NUMBER))
    found = guess("wallets", columns=columns, rows=rows)
    assert found.policy is policy
    assert found.add == (("amount",) if policy is Policy.ADD else ())


def test_what_tells_balances_apart_is_written_unless_a_constraint_says_it():
    columns, rows = (("amount", Kind.NUMBER),), [("1", "7", "5"), ("2", "8", "1"), ("3", "9", "2")]
    found = guess("credits", columns=columns, rows=rows)
    assert (found.policy, found.unique) == (Policy.ADD, ())
    one = Unique("one", UniqueKind.CONSTRAINT, ("client_id",))
    assert guess("credits", one, columns=columns, rows=rows).unique is None


def test_keys_in_a_list_are_left():
    assert guess(by=FindingKind.LIST).policy is Policy.LEAVE

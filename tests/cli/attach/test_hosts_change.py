"""The host goes on while custmerge is attached: its later changes are named where they are in an undo's way."""

from dataclasses import replace

import pytest
from support.attach_scenes import demand_as_before, demand_as_expected, demand_audit_ok, order, undo
from support.databases import execute
from support.hosts.snapshot import difference

pytestmark = pytest.mark.parametrize("host", ["paymenter"], indirect=True)
THEN = "'2024-03-01 10:00:00'"
OF_SURVIVOR = "WHERE user_id = 7 AND"
IN_THE_WAY = {
    "a row that moved belongs to somebody else": f"UPDATE orders SET user_id = 8 {OF_SURVIVOR} id = 61",
    "a row that moved is gone": f"DELETE FROM notifications {OF_SURVIVOR} id = 2",
    "a sum that was written has changed": f"UPDATE credits SET amount = 1000 {OF_SURVIVOR} currency_code = 'EUR'",
    "what the dropped row had is taken": (
        'INSERT INTO properties (id, "key", value, model_type, model_id) '
        "SELECT 901, 'phone', '1', model_type, 70 FROM properties WHERE \"key\" = 'phone' AND model_id = 7"
    ),
    "a row that stayed is gone": f"DELETE FROM carts {OF_SURVIVOR} currency_code = 'EUR'",
}


@pytest.fixture
def merged(attached):
    """The first pair of the host's, as one number."""
    merge = next(iter(attached.host.pairs.values()))
    return replace(merge, order=order(attached, merge))


@pytest.mark.parametrize("statement", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_the_host_changed_afterwards_stops_an_undo_and_is_named(attached, merged, statement):
    execute(attached.url, statement)
    before = attached.snapshot()
    for option in ("--dry-run", "--yes"):
        done = attached.supervisor.in_process("undo", merged.order, option, "-f", "json")
        assert (done.code, done.error["code"]) == (6, "undo_blocked"), done
        assert done.error["details"]["obstacles"]
        assert not difference(before, attached.snapshot())


def test_a_row_that_the_host_adds_for_a_retired_number_is_a_warning_until_it_is_merged_again(attached, host):
    before = attached.snapshot()
    merge = next(iter(host.pairs.values()))
    first = order(attached, merge)
    added = f"INSERT INTO orders (id, user_id, currency_code, created_at) VALUES (900, 70, 'EUR', {THEN})"
    execute(attached.url, added)
    audit = attached.supervisor.in_process("audit", "-f", "json")
    assert (audit.code, audit.json["status"]) == (1, "warning")
    (finding,) = audit.json["findings"]
    assert (finding["check"], finding["severity"]) == ("references", "warning")
    assert all(word in finding["subject"] + finding["message"] for word in ("orders.user_id", "70"))
    undo(attached.supervisor, first)
    demand_audit_ok(attached)
    now = attached.snapshot()
    assert [key for _, key in difference(before, now).new] != []
    second = replace(merge, order=order(attached, merge))
    demand_as_expected(attached, now, [second])
    demand_audit_ok(attached)
    undo(attached.supervisor, second.order)
    demand_as_before(attached, now)


def test_what_the_host_changes_beside_an_order_stays_through_its_undo(attached, merged):
    """A cell that the order didn't write is the host's, in a row that the order wrote too."""
    execute(attached.url, "UPDATE orders SET currency_code = 'CHF' WHERE user_id = 7")
    undo(attached.supervisor, merged.order)
    changed = [row for row in attached.snapshot().rows["orders"] if row["currency_code"] == "CHF"]
    assert sorted(str(row["user_id"]) for row in changed) == ["7", "70"]

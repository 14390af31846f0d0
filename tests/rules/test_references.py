"""What an order does to rows that point at the absorbed number: which move, and what stands in the way."""

import pytest
from support.reference_scenes import Scene, a_customer, a_reference, a_table, a_unique

from custmerge.errors import ReferenceRefused
from custmerge.rules.mapping import Itself, Placeholder, Policy
from custmerge.rules.references.table_rules import OwnRows, RowAt

INVOICE = a_table("invoice", "id client", a_reference())


def refusal(scene, *pair):
    with pytest.raises(ReferenceRefused) as caught:
        scene.merge(*pair or (1, 2))
    return caught.value.details["count"], caught.value.filled_details()["why"]


def test_a_row_of_the_absorbed_number_gets_the_survivors_key():
    scene = Scene(INVOICE, invoice=[(10, 2), (11, 1), (12, 3), (13, None)])
    scene.merge(1, 2)
    assert scene.rows("invoice") == [(10, 1), (11, 1), (12, 3), (13, None)]


def test_the_new_cell_has_the_type_of_the_old_one():
    scene = Scene(INVOICE, invoice=[(10, 2), (11, "2")])
    scene.merge(1, 2)
    assert scene.rows("invoice") == [(10, 1), (11, "1")]


def test_a_number_that_only_looks_like_it_is_another():
    scene = Scene(INVOICE, invoice=[(10, "02"), (11, "2 "), (12, 20)])
    assert scene.merge(1, 2).changed == ()


def test_a_key_is_found_and_written_inside_a_text():
    scene = Scene(a_table("note", "id client", a_reference(form=("client,", ";"))), note=[(1, "client,2;"), (2, "2")])
    scene.merge(1, 2)
    assert scene.rows("note") == [(1, "client,1;"), (2, "2")]


def test_a_reference_may_hold_another_key_of_the_customer():
    scene = Scene(a_table("note", "id client", a_reference(key=1)), note=[(1, 2), (2, 200)])
    scene.merge(a_customer(1, 1, 100), a_customer(2, 2, 200))
    assert scene.rows("note") == [(1, 2), (2, 100)]


def test_an_absorbed_customer_without_such_a_key_has_no_rows():
    scene = Scene(a_table("note", "id client", a_reference(key=1)), note=[(1, ""), (2, None)])
    assert scene.merge(a_customer(1, 1, 100), a_customer(2, 2, "")).changed == ()


def test_a_survivor_without_such_a_key_is_refused():
    scene = Scene(a_table("note", "id client", a_reference(key=1)), note=[(1, 200)])
    assert refusal(scene, a_customer(1, 1, ""), a_customer(2, 2, 200)) == (1, "1 has no key that client could hold")


def test_a_row_that_the_condition_leaves_out_stays():
    note = a_table("note", "id target", a_reference("target", where="is client"), computed={"is client": "…"})
    scene = Scene(note, note=[(1, 2, 1), (2, 2, 0), (3, 2, None), (4, 2, "true")])
    scene.merge(1, 2)
    assert [row[:2] for row in scene.rows("note")] == [(1, 1), (2, 2), (3, 2), (4, 1)]


def test_a_moved_row_gets_what_set_and_touch_say():
    address = a_table("address", "id client main at", a_reference(set={"main": False}), touch={"at": Placeholder.NOW})
    written = {("address", "main", False): 0, ("address", "at", Placeholder.NOW): "now"}
    scene = Scene(address, written=written, address=[(1, 2, 1, "old"), (2, 1, 1, "older")])
    scene.merge(1, 2)
    assert scene.rows("address") == [(1, 1, 0, "now"), (2, 1, 1, "older")]


def test_the_orders_number_is_written_when_it_is_known():
    note = a_table("note", "id client by", a_reference(set={"by": Placeholder.ORDER}))
    scene = Scene(note, note=[(1, 2, None), (2, 3, None)])
    scene.merge(1, 2)
    scene.merge(1, 3)
    scene.written(first_order=70)
    assert scene.rows("note") == [(1, 1, 70), (2, 1, 71)]
    assert [dict(order.changed[0].after)["by"] for order in scene.orders] == [70, 71]


def test_a_number_that_took_another_over_passes_its_rows_on_and_each_is_written_once():
    scene = Scene(INVOICE, invoice=[(10, 3), (11, 2)])
    scene.merge(2, 3)
    scene.merge(1, 2)
    (step,) = scene.references.steps()
    assert [list(write.keys) for write in step.updated] == [[(10,), (11,)]]
    assert scene.rows("invoice") == [(10, 1), (11, 1)]


def test_deciding_changes_nothing():
    scene = Scene(INVOICE, invoice=[(10, 2)])
    for _ in range(2):
        changes = scene.references.decide(a_customer(1), a_customer(2), {}, [], 0)
        assert [list(change.keys) for change in changes.changed] == [[(10,)]]
    assert scene.references.steps() == []


def test_an_order_is_refused_while_there_are_rows_that_the_mapping_refuses():
    posted = a_table("posted", "id client", a_reference(policy="refuse", why="a {posted} entry stays"))
    scene = Scene(posted, posted=[(1, 2), (2, 2), (3, 1)])
    assert refusal(scene) == (2, "a {posted} entry stays")


# Clashes

LIST = "id client list"
PER_CLIENT = a_unique("client", "list")


def test_a_moved_row_that_would_be_there_twice_is_refused():
    scene = Scene(a_table("entry", LIST, a_reference(), PER_CLIENT), entry=[(1, 1, "a"), (2, 2, "a"), (3, 2, "b")])
    assert refusal(scene) == (
        1,
        "the row that stays has the same already in client, list, and the policy of client is move",
    )


def test_null_is_never_the_same_unless_the_unique_says_so():
    for nulls_are_equal in (False, True):
        unique = a_unique("client", "list", nulls_are_equal=nulls_are_equal)
        scene = Scene(a_table("entry", LIST, a_reference(), unique), entry=[(1, 1, None), (2, 2, None)])
        if nulls_are_equal:
            assert refusal(scene)[0] == 1
        else:
            scene.merge(1, 2)
            assert scene.rows("entry") == [(1, 1, None), (2, 1, None)]


@pytest.mark.parametrize(("mine", "theirs", "clashes"), [(1, 1, True), (0, 1, False), (1, 0, False)])
def test_a_partial_unique_is_about_rows_for_which_its_condition_holds(mine, theirs, clashes):
    unique = a_unique("client", where="main")
    entry = a_table("entry", "id client", a_reference(policy="drop"), unique, computed={"main": "…"})
    scene = Scene(entry, entry=[(1, 1, mine), (2, 2, theirs)])
    assert len(scene.merge(1, 2).dropped) == clashes


def test_a_partial_unique_knows_what_set_does_to_its_condition():
    reference = a_reference(set={"main": 0}, computed_after={"is main": "is main after"})
    unique = a_unique("client", where="is main")
    computed = {"is main": "…", "is main after": "…"}
    address = a_table("address", "id client main", reference, unique, computed=computed)
    scene = Scene(address, address=[(1, 1, 1, 1, 0), (2, 2, 1, 1, 0), (3, 3, 1, 1, 0)])
    scene.merge(2, 3)
    scene.merge(1, 2)
    assert [row[:3] for row in scene.rows("address")] == [(1, 1, 1), (2, 1, 0), (3, 1, 0)]


def test_what_a_reference_takes_for_unique_is_about_its_rows_only():
    unique = a_unique("target", "list", of="target")
    reference = a_reference("target", "drop", where="is client")
    tag = a_table("tag", "id target list", reference, unique, computed={"is client": "…"})
    scene = Scene(tag, tag=[(1, 1, "a", 0), (2, 2, "a", 1), (3, 1, "b", 1), (4, 2, "b", 1)])
    assert [drop.key for drop in scene.merge(1, 2).dropped] == [(4,)]


def test_a_unique_of_columns_that_do_not_change_is_in_nobodys_way():
    scene = Scene(a_table("entry", LIST, a_reference(), a_unique("list")), entry=[(1, 1, "a"), (2, 2, "a")])
    scene.merge(1, 2)
    assert scene.rows("entry") == [(1, 1, "a"), (2, 1, "a")]


def test_rows_of_the_absorbed_number_that_are_alike_already_both_move():
    unique = a_unique("client", "list", of="client")
    scene = Scene(a_table("entry", LIST, a_reference(policy="drop"), unique), entry=[(1, 2, "a"), (2, 2, "a")])
    scene.merge(1, 2)
    assert scene.rows("entry") == [(1, 1, "a"), (2, 1, "a")]


def test_rows_that_become_the_same_only_by_moving_are_refused():
    entry = a_table("entry", LIST, a_reference(set={"list": "a"}), PER_CLIENT)
    scene = Scene(entry, written={("entry", "list", "a"): "a"}, entry=[(1, 2, "b"), (2, 2, "c")])
    assert refusal(scene) == (2, "they would become the same in client, list")


def test_a_key_that_holds_the_customer_moves_with_it():
    entry = a_table("entry", "client list note", a_reference(), a_unique("client", "list"), key="client list")
    scene = Scene(entry, entry=[(2, "a", "x"), (1, "b", "y")])
    assert list(scene.merge(1, 2).changed[0].keys) == [(2, "a")]
    assert scene.rows("entry") == [(1, "a", "x"), (1, "b", "y")]
    assert scene.undo() == []
    assert scene.rows("entry") == [(1, "b", "y"), (2, "a", "x")]


# A row that would point from the survivor to the survivor

BOTH = "id giver taker"


def gifts(itself):
    return a_table("gift", BOTH, a_reference("giver", itself=itself), a_reference("taker", itself=itself))


def test_a_row_from_the_absorbed_number_to_the_survivor_is_refused_dropped_or_left():
    rows = [(1, 2, 1), (2, 2, 3)]
    assert refusal(Scene(gifts(Itself.REFUSE), gift=rows)) == (
        1,
        "giver would then point from 1 to itself; `itself` in the mapping can say drop or leave",
    )
    for itself, left in ((Itself.DROP, []), (Itself.LEAVE, [(1, 2, 1)])):
        scene = Scene(gifts(itself), gift=rows)
        scene.merge(1, 2)
        assert scene.rows("gift") == [*left, (2, 1, 3)]


def test_a_row_that_holds_the_absorbed_number_twice_just_moves():
    scene = Scene(gifts(Itself.REFUSE), gift=[(1, 2, 2)])
    scene.merge(1, 2)
    assert scene.rows("gift") == [(1, 1, 1)]


def test_the_survivors_own_row_that_points_at_the_absorbed_number_does_as_itself_says():
    own = OwnRows({"1": RowAt("client", (1,)), "2": RowAt("client", (2,))})
    for itself in (Itself.LEAVE, Itself.REFUSE, Itself.DROP):
        client = a_table("client", "id parent", a_reference("parent", itself=itself))
        scene = Scene(client, own=own, client=[(1, 2), (2, 1), (3, 2)])
        if itself is Itself.LEAVE:
            scene.merge(1, 2)
            assert scene.rows("client") == [(1, 2), (2, 1), (3, 1)]
        else:
            assert refusal(scene)[0] == 1


# Plain tables


def test_a_table_is_plain_while_nothing_in_it_can_clash():
    scene = Scene(
        INVOICE,
        a_table("entry", LIST, a_reference(), PER_CLIENT),
        a_table("gift", BOTH, a_reference("giver"), a_reference("taker")),
        a_table("loyalty", "id client", a_reference(policy="drop")),
        a_table("by client", "client n", a_reference(), key="client n"),
    )
    assert [name for name in scene.tables if name in scene.references.plain] == ["invoice"]
    assert scene.references.plain["invoice"].reference.policy is Policy.MOVE


def test_what_differs_in_the_moved_rows_is_kept_beside_what_they_share():
    log = a_table("log", "id client at", a_reference(), touch={"at": Placeholder.NOW})
    scene = Scene(log, written={("log", "at", Placeholder.NOW): "now"}, log=[(2, 2, "x"), (1, 2, "y")])
    (change,) = scene.merge(1, 2).changed
    assert (list(change.keys), change.before, change.each) == (
        [(1,), (2,)],
        (("client", 2),),
        (("at", ("y", "x")),),
    )
    scene.written()
    assert scene.undo() == []
    assert scene.rows("log") == [(1, 2, "y"), (2, 2, "x")]

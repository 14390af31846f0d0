"""An undo gives a host's cells their old values and dropped rows back, or names what is in the way."""

from dataclasses import replace

import pytest
from support.reference_scenes import Scene, a_child, a_reference, a_table, a_unique
from support.world import a_customer

from custmerge.errors import UndoBlocked, UndoBlockedByOrders
from custmerge.rules.history import Actor
from custmerge.rules.mapping import Placeholder, Side
from custmerge.rules.plan import Choice, Image, State, Wishes, before_image, plan_merge, read_image
from custmerge.rules.references.state import References
from custmerge.rules.references.wanted import rows_wanted
from custmerge.rules.undo import LaterOrder, MergeEntry, PresentState, blocking_orders, plan_undo

INVOICE = a_table("invoice", "id client at", a_reference(), touch={"at": Placeholder.NOW})
ENTRY = a_table(
    "entry",
    "id client list points",
    a_reference(policy="add", add=("points",)),
    a_unique("client", "list"),
    a_unique("client", "list", of="client"),
)
VOTE = a_table("vote", "id entry", a_child("entry", "entry"))
NOW = {("invoice", "at", Placeholder.NOW): "now"}


def merged(*tables, **rows):
    scene = Scene(*tables, written=NOW, **rows)
    scene.merge(1, 2)
    return scene.written()


def an_entry(**more):
    return merged(ENTRY, VOTE, entry=[(1, 1, "a", 5), (2, 2, "a", 7)], vote=[(8, 2)], **more)


def test_every_cell_and_every_dropped_row_comes_back():
    scene = an_entry()
    assert scene.rows("entry") == [(1, 1, "a", 12)]
    assert scene.undo() == []
    assert scene.rows("entry") == [(1, 1, "a", 5), (2, 2, "a", 7)]
    assert scene.rows("vote") == [(8, 2)]


def test_a_cell_that_holds_something_else_is_in_the_way_and_nothing_is_subtracted():
    scene = an_entry()
    scene.present["entry"][0][3] = 13
    assert scene.undo() == ["points of entry 1 was changed since"]
    assert scene.rows("entry") == [(1, 1, "a", 13)]


def test_a_cell_that_has_its_old_value_already_is_in_nobodys_way():
    scene = an_entry()
    scene.present["entry"][0][3] = 5
    assert scene.undo() == []
    assert scene.rows("entry") == [(1, 1, "a", 5), (2, 2, "a", 7)]


@pytest.mark.parametrize("cell", ["now", "later"])
def test_what_every_changed_row_gets_is_given_back_only_where_it_is_still_there(cell):
    scene = merged(INVOICE, invoice=[(1, 2, "x"), (2, 2, "y")])
    scene.present["invoice"][0][2] = cell
    assert scene.undo() == []
    assert scene.rows("invoice") == [(1, 2, "x" if cell == "now" else "later"), (2, 2, "y")]


def test_a_cell_that_reads_back_as_a_number_is_the_text_that_was_written():
    scene = merged(INVOICE, invoice=[(1, "2", "x")])
    scene.present["invoice"][0][1] = 1
    assert scene.undo() == []
    assert scene.rows("invoice") == [(1, "2", "x")]


def test_a_row_that_is_gone_is_in_the_way():
    scene = merged(INVOICE, invoice=[(1, 2, "x"), (2, 2, "y")])
    del scene.present["invoice"][0]
    assert scene.undo() == ["invoice 1 isn't there any more"]


def test_a_row_that_stayed_and_is_gone_is_in_the_way():
    table = a_table("entry", "id client list", a_reference(policy="drop"), a_unique("client", "list"))
    scene = merged(table, entry=[(1, 1, "a"), (2, 2, "a")])
    scene.present["entry"].clear()
    assert scene.undo() == ["entry 1 isn't there any more, and took the place of 2"]


def test_a_key_that_is_taken_is_in_the_way():
    scene = an_entry()
    scene.present["entry"].append([2, 3, "z", 0])
    assert scene.undo() == ["entry 2 would come back, and there is another one"]


def test_a_place_in_a_unique_that_is_taken_is_in_the_way():
    scene = an_entry()
    scene.present["entry"].append([3, 2, "a", 0])
    assert scene.undo() == ["entry 2 would come back, and 3 has the same client, list"]


MEMBER = a_table(
    "member",
    "id client other list",
    a_reference(policy="drop"),
    a_reference("other", policy="drop"),
    a_unique("client", "list", of="client"),
    a_unique("other", "list", of="other"),
)


def test_a_place_that_a_program_keeps_free_of_others_is_in_the_way_where_the_absorbed_number_comes_back():
    scene = merged(MEMBER, member=[(1, 1, 8, "a"), (2, 2, 9, "a")])
    assert scene.rows("member") == [(1, 1, 8, "a")]
    scene.present["member"].append([3, 2, 7, "a"])
    assert scene.undo() == ["member 2 would come back, and 3 has the same client, list"]


def test_rows_that_were_alike_for_a_program_before_the_order_are_in_nobodys_way():
    before = [(1, 1, 8, "a"), (2, 2, 9, "a"), (3, 5, 9, "a")]
    scene = merged(MEMBER, member=before)
    assert scene.rows("member") == [(1, 1, 8, "a"), (3, 5, 9, "a")]
    assert scene.undo() == []
    assert scene.rows("member") == before


def test_a_place_that_the_undo_itself_frees_is_not_taken():
    table = a_table(
        "entry", "client list id", a_reference(policy="drop", winner=Side.ABSORBED), a_unique("client", "list"),
        key="client list",
    )  # fmt: skip
    scene = merged(table, entry=[(1, "a", 10), (2, "a", 20)])
    assert scene.rows("entry") == [(1, "a", 20)]
    assert scene.undo() == []
    assert scene.rows("entry") == [(1, "a", 10), (2, "a", 20)]


def test_twenty_rows_in_the_way_are_named_and_the_others_counted():
    scene = merged(INVOICE, invoice=[(place, 2, "x") for place in range(50)])
    scene.present["invoice"].clear()
    *named, others = scene.undo()
    assert len(named) == 20
    assert others == "30 further rows were changed since"


def test_what_the_mapping_no_longer_has_is_in_the_way():
    scene = merged(INVOICE, ENTRY, invoice=[(1, 2, "x")])
    scene.tables["invoice"] = a_table("invoice", "id client", a_reference())
    scene.present["invoice"] = [[1, 1]]
    assert scene.undo() == ["at of invoice isn't in the mapping any more"]


def test_what_an_undo_depends_on_are_the_rows_before_and_after_and_who_may_have_their_places():
    table = a_table("pick", "client list", a_reference(policy="drop"), a_unique("client", "list"), key="client list")
    entries = [(1, 1, "a", 5), (2, 2, "a", 7)]
    scene = merged(INVOICE, ENTRY, table, pick=[(2, "b")], invoice=[(1, 2, "x")], entry=entries)
    wanted = rows_wanted(scene.tables, scene.orders)
    assert {name: list(keys) for name, keys in wanted.keys.items()} == {
        "invoice": [(1,)],
        "entry": [(1,), (2,)],
        "pick": [(1, "b"), (2, "b")],
    }
    assert wanted.values == {
        "entry": {("client", "list"): {(2, "a")}},
        "pick": {("client",): {(2,)}},
    }


# In the plan of an order and of its undo

ENTRY_OF_THE_MERGE = MergeEntry(1, "1", "2", Choice.IDENTICAL, (), "", Actor("anna", "staff"), "", None)


def a_state(rows):
    references = References({"invoice": INVOICE}, None, NOW)
    references.add("invoice", rows)
    customers = [a_customer("1"), a_customer("2")]
    return State({one.number: replace(one, keys=(one.number,)) for one in customers}, [], references)


def an_order(state):
    plan = plan_merge(state.records["1"], state.records["2"], [], Wishes())
    return state.with_references(plan)


def test_an_order_and_its_undo_travel_with_their_rows():
    state = a_state([(7, "2", "x")])
    plan = an_order(state)
    state.execute(plan)
    image = read_image(before_image(plan, 1))
    assert image.references == plan.references
    present = PresentState(state.records["1"], state.records["2"], {}, references=state.references)
    undo = plan_undo(ENTRY_OF_THE_MERGE, image, present)
    assert undo.references.counts == (("invoice", 1, 0),)
    assert undo.shown[-1] == undo.references.counts
    state.undo(undo)
    assert state.references.steps() == []


def test_rows_in_the_way_are_named_with_the_other_obstacles():
    state = a_state([(7, "2", "x")])
    plan = an_order(state)
    state.execute(plan)
    gone = References({"invoice": INVOICE})
    present = PresentState(state.records["1"], None, {}, references=gone)
    with pytest.raises(UndoBlocked) as caught:
        plan_undo(ENTRY_OF_THE_MERGE, read_image(before_image(plan, 1)), present)
    assert [one["row"] for one in caught.value.details["obstacles"]] == ["customer 2", "invoice 7"]


def test_an_own_register_has_no_rows_of_a_host():
    plan = plan_merge(a_customer("1"), a_customer("2"), [], Wishes())
    image = read_image(before_image(plan))
    assert image == Image(a_customer("1"), a_customer("2"), ())
    assert '"references"' not in before_image(plan)


def test_a_row_that_a_later_order_changed_again_is_named_with_that_order():
    references = References({"entry": ENTRY})
    references.add("entry", [(1, "1", "a", 5), (2, "2", "a", 7), (3, "3", "a", 9)])
    customers = [replace(a_customer(number), keys=(number,)) for number in ("1", "2", "3")]
    state = State({one.number: one for one in customers}, [], references)
    images = []
    for absorbed in ("2", "3"):
        plan = state.with_references(plan_merge(state.records["1"], state.records[absorbed], [], Wishes()))
        state.execute(plan)
        images.append(read_image(before_image(plan, 1)))
    later = LaterOrder(2, "1", "3", references=images[1].references)
    assert blocking_orders(ENTRY_OF_THE_MERGE, images[0], [later]) == [later]
    present = PresentState(state.records["1"], state.records["2"], {}, later=[later], references=references)
    with pytest.raises(UndoBlockedByOrders) as caught:
        plan_undo(ENTRY_OF_THE_MERGE, images[0], present)
    assert caught.value.details["undo_first"] == [2]
    assert [one["row"] for one in caught.value.details["obstacles"]] == ["order 2"]


def test_a_row_with_the_key_of_one_that_a_later_order_dropped_is_not_taken_for_it():
    reference = a_reference(policy="drop", winner=Side.ABSORBED)
    pick = a_table("pick", "client list note", reference, a_unique("client", "list"), key="client list")
    references = References({"pick": pick})
    references.add("pick", [("2", "a", "of two"), ("3", "a", "of three")])
    customers = [replace(a_customer(number), keys=(number,)) for number in ("1", "2", "3")]
    state = State({one.number: one for one in customers}, [], references)
    images = []
    for absorbed in ("2", "3"):
        plan = state.with_references(plan_merge(state.records["1"], state.records[absorbed], [], Wishes()))
        state.execute(plan)
        images.append(read_image(before_image(plan, 1)))
    later = LaterOrder(2, "1", "3", references=images[1].references)
    present = PresentState(state.records["1"], state.records["2"], {}, later=[later], references=references)
    with pytest.raises(UndoBlockedByOrders) as caught:
        plan_undo(ENTRY_OF_THE_MERGE, images[0], present)
    assert caught.value.details["undo_first"] == [2]

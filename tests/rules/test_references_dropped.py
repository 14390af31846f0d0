"""Rows that would be there twice: one goes, what it counted is added up, what referred to it follows."""

import pytest
from support.reference_scenes import Scene, a_child, a_customer, a_reference, a_table, a_unique

from custmerge.errors import FieldNotWritable, ReferenceRefused
from custmerge.rules.fields import EMPTY_DETAILS, Field, Package
from custmerge.rules.mapping import Placeholder, Side
from custmerge.rules.references.table_rules import CellAt, OwnRows, PackageRow, RowAt

PER_CLIENT = a_unique("client", "list")


def a_list(policy="drop", columns="id client list", **more):
    return a_table("entry", columns, a_reference(policy=policy, **more), PER_CLIENT)


def points(**more):
    return a_list("add", "id client list points", add=("points",), **more)


def refusal(scene):
    with pytest.raises(ReferenceRefused) as caught:
        scene.merge(1, 2)
    return caught.value.filled_details()["why"]


def test_the_row_of_the_winner_stays():
    for winner, left in ((Side.SURVIVOR, [(1, 1, "a"), (3, 1, "b")]), (Side.ABSORBED, [(2, 1, "a"), (3, 1, "b")])):
        scene = Scene(a_list(winner=winner), entry=[(1, 1, "a"), (2, 2, "a"), (3, 2, "b")])
        (dropped,) = scene.merge(1, 2).dropped
        assert dropped.stays == ((1,) if winner is Side.SURVIVOR else (2,))
        assert scene.rows("entry") == left


def test_a_dropped_row_is_kept_whole_but_for_what_cannot_be_written():
    entry = a_table("entry", "id client list size", a_reference(policy="drop"), PER_CLIENT, generated=("size",))
    scene = Scene(entry, entry=[(1, 1, "a", 9), (2, 2, "a", 9)])
    assert scene.merge(1, 2).dropped[0].cells == (("client", 2), ("id", 2), ("list", "a"))


def test_several_rows_go_into_the_one_with_which_they_clash():
    scene = Scene(points(), entry=[(1, 1, "a", 1), (2, 2, "a", 10), (3, 2, "a", 100)])
    assert [drop.stays for drop in scene.merge(1, 2).dropped] == [(1,), (1,)]
    assert scene.rows("entry") == [(1, 1, "a", 111)]


def test_a_row_that_clashes_with_several_goes_into_the_first_by_key():
    table = a_table(
        "entry", "id client list code", a_reference(policy="drop"), PER_CLIENT, a_unique("client", "code")
    )
    scene = Scene(table, entry=[("10", 1, "b", 1), ("9", 1, "a", 2), ("2", 2, "a", 1)])
    assert scene.merge(1, 2).dropped[0].stays == ("9",)


def test_a_row_that_clashes_with_several_cannot_be_added_up():
    reference = a_reference(policy="add", add=("points",))
    table = a_table("entry", "id client list code points", reference, PER_CLIENT, a_unique("client", "code"))
    scene = Scene(table, entry=[(1, 1, "a", 1, 5), (3, 1, "b", 2, 5), (2, 2, "a", 2, 5)])
    assert refusal(scene) == "one of them clashes with several rows at once, so their values can't be added up"


@pytest.mark.parametrize(
    ("stays", "goes", "together"),
    [
        (1, 2, 3),
        (None, 2, 2),
        (2, None, 2),
        (None, None, None),
        ("10.50", "0.255", "10.755"),
        ("1", "-1", "0"),
        (0.1, 0.2, 0.3),
        (1, 0.5, 1.5),
        ("123456789012345678901234567890.01", "0.01", "123456789012345678901234567890.02"),
    ],
)
def test_values_are_added_exactly_and_null_counts_as_nothing(stays, goes, together):
    scene = Scene(points(), entry=[(1, 1, "a", stays), (2, 2, "a", goes)])
    scene.merge(1, 2)
    assert scene.rows("entry") == [(1, 1, "a", together)]
    assert type(scene.rows("entry")[0][3]) is type(together)


def test_what_is_no_number_cannot_be_added():
    for cell in ("1,000.00", "$5", "NaN", b"1"):
        scene = Scene(points(), entry=[(1, 1, "a", "5"), (2, 2, "a", cell)])
        assert refusal(scene) == "points holds something that can't be added up or compared"


def test_a_sum_that_no_integer_column_holds_is_refused():
    scene = Scene(points(), entry=[(1, 1, "a", 2**63 - 1), (2, 2, "a", 1)])
    assert refusal(scene) == "points holds something that can't be added up or compared"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-01-09", "2026-01-10"),
        ("2026-01-09T23:00", "2026-01-10 01:00"),
        ("2026-01-10 10:00:00+00", "2026-01-10 10:00:00.5+00"),
        (9, 10),
        ("9", "10"),
        (None, "2026-01-10"),
    ],
)
def test_the_later_moment_stays_whichever_row_has_it(one, other):
    table = a_list("add", "id client list last first", latest=("last",), earliest=("first",))
    for mine, theirs in ((one, other), (other, one)):
        scene = Scene(table, entry=[(1, 1, "a", mine, mine), (2, 2, "a", theirs, theirs)])
        scene.merge(1, 2)
        assert scene.rows("entry") == [(1, 1, "a", other, other if one is None else one)]


# Rows that refer to a dropped one

VOTE = a_table("vote", "id entry", a_child("entry", "entry"))


def test_what_refers_to_a_dropped_row_refers_to_the_one_that_stays():
    scene = Scene(a_list(), VOTE, entry=[(1, 1, "a"), (2, 2, "a")], vote=[(7, 2), (8, 1), (9, None)])
    scene.merge(1, 2)
    assert scene.rows("vote") == [(7, 1), (8, 1), (9, None)]
    assert scene.undo() == []
    assert scene.rows("vote") == [(7, 2), (8, 1), (9, None)]


def test_children_are_written_before_their_parent_is_dropped():
    scene = Scene(a_list(), VOTE, entry=[(1, 1, "a"), (2, 2, "a")], vote=[(7, 2)])
    scene.merge(1, 2)
    before, after = scene.references.steps()
    assert [write.table for write in before.updated] == ["vote"]
    assert list(after.dropped) == ["entry"]


def test_a_row_is_dropped_before_another_takes_its_place():
    scene = Scene(a_list(winner=Side.ABSORBED), entry=[(1, 1, "a"), (2, 2, "a")])
    scene.merge(1, 2)
    before, after = scene.references.steps()
    assert list(before.dropped["entry"]) == [(1,)]
    assert [list(write.keys) for write in after.updated] == [[(2,)]]


def test_a_child_that_clashes_follows_its_own_policy():
    unique = a_unique("entry", "who")
    for policy, left in (("drop", [(8, 1, "x")]), ("move", None)):
        vote = a_table("vote", "id entry who", a_child("entry", "entry", policy), unique)
        scene = Scene(a_list(), vote, entry=[(1, 1, "a"), (2, 2, "a")], vote=[(7, 2, "x"), (8, 1, "x")])
        if left is None:
            assert refusal(scene).startswith("the row that stays has the same already in entry, who")
        else:
            scene.merge(1, 2)
            assert scene.rows("vote") == left


def test_children_of_dropped_children_follow_level_by_level():
    vote = a_table("vote", "id entry who", a_child("entry", "entry", "drop"), a_unique("entry", "who"))
    note = a_table("note", "id vote parent", a_child("vote", "vote"), a_child("parent", "note"))
    scene = Scene(
        a_list(),
        vote,
        note,
        entry=[(1, 1, "a"), (2, 2, "a")],
        vote=[(7, 2, "x"), (8, 1, "x")],
        note=[(20, 7, None), (21, 7, 20)],
    )
    scene.merge(1, 2)
    assert scene.rows("note") == [(20, 8, None), (21, 8, 20)]
    assert scene.undo() == []
    assert scene.rows("vote") == [(7, 2, "x"), (8, 1, "x")]
    assert scene.rows("note") == [(20, 7, None), (21, 7, 20)]


def test_the_row_that_stays_is_not_made_to_refer_to_itself():
    table = a_table(
        "entry", "id client list parent", a_reference(policy="drop"), PER_CLIENT, a_child("parent", "entry")
    )
    scene = Scene(table, entry=[(1, 1, "a", 2), (2, 2, "a", None)])
    assert refusal(scene) == "the row that stays in the place of another would refer to itself by parent"


def test_a_row_is_not_dropped_for_pointing_to_itself_while_others_refer_to_it():
    gift = a_table(
        "entry", "id giver taker", a_reference("giver", itself="drop"), a_reference("taker", itself="drop")
    )
    scene = Scene(gift, VOTE, entry=[(2, 2, 1)], vote=[(7, 2)])
    assert refusal(scene) == "they refer to a row that would be dropped, and no row stays in its place"


# The rows of customers and packages themselves

CLIENT = a_table("client", "id city phone status into", touch={"status": "touched"})
CLIENTS = [(1, "Ulm", None, "open", None), (2, "Bonn", None, "open", None)]
RETIRE = {"status": "closed", "into": Placeholder.SURVIVOR_KEY, "phone": Placeholder.NULL}


def an_own(**more):
    places = {number: RowAt("client", (int(number),)) for number in ("1", "2")}
    cells = {(n, f): CellAt("client", at.key, f.value) for n, at in places.items() for f in (Field.CITY, Field.PHONE)}
    return OwnRows(customers=places, fields=cells, **more)


def test_the_absorbed_customers_own_row_is_retired():
    client = a_table("client", "id city phone status into")
    written = {("client", "status", "closed"): "closed", ("client", "into", "1"): 1}
    scene = Scene(client, own=an_own(retire=RETIRE), written=written, client=CLIENTS)
    scene.merge(1, 2)
    assert scene.rows("client") == [CLIENTS[0], (2, "Bonn", None, "closed", 1)]


def test_a_taken_field_is_written_as_the_cell_that_it_was():
    client = a_table("client", "id city phone status into")
    for theirs, taken, cell in ((721, "721", 721), (None, "", None), ("", "", "")):
        scene = Scene(client, own=an_own(), client=[(1, "Ulm", "1", "", None), (2, "Bonn", theirs, "", None)])
        survivor = a_customer(1).with_values({Field.PHONE: "1"})
        scene.merge(survivor, a_customer(2), {Field.PHONE: taken, Field.CITY: ""})
        assert scene.rows("client")[0] == (1, "Ulm", cell, "", None)


def test_a_field_that_is_read_only_cannot_be_taken():
    scene = Scene(CLIENT, own=an_own(), client=CLIENTS)
    with pytest.raises(FieldNotWritable) as caught:
        scene.merge(a_customer(1), a_customer(2), {Field.STREET: "Weg 1"})
    assert caught.value.details == {"number": "1", "field": "street"}


def test_a_package_moves_with_its_contact():
    row = PackageRow("package", (5,), "client", {Field.STREET: "street", Field.EMAIL: "email"})
    own = OwnRows(packages={"P5": row})
    details = ("Weg 1", *EMPTY_DETAILS[1:])
    for before, after, cells in (
        (None, details, ("Weg 1", None)),
        (details, None, (None, "")),
        (details, details, ("Weg 1", "")),
    ):
        held = (None, None) if before is None else ("Weg 1", "")
        scene = Scene(a_table("package", "id client street email"), own=own, package=[(5, 2, *held)])
        moved = Package("P5", "2", contact=before), Package("P5", "1", contact=after)
        scene.merge(a_customer(1), a_customer(2), packages=[moved])
        assert scene.rows("package") == [(5, 1, *cells)]


def test_a_customers_or_packages_own_row_is_never_dropped():
    own = OwnRows(packages={"P2": PackageRow("entry", (2,), "client")})
    scene = Scene(a_list(), own=own, entry=[(1, 1, "a"), (2, 2, "a")])
    assert refusal(scene) == "a customer's or a package's own row would have to be dropped"

"""What one plan leaves behind is what the next one is decided on."""

from support.world import a_customer, details

from custmerge.rules.fields import Customer, Field, Package
from custmerge.rules.history import Actor
from custmerge.rules.plan import Choice, Image, State, Wishes, plan_merge
from custmerge.rules.undo import MergeEntry, PresentState, plan_undo

OWN = ("Weg 1", "", "", "", "", "", "", "")


def merged(state, survivor, absorbed, choice=None, take=()):
    plan = plan_merge(
        state.records[survivor], state.records[absorbed], state.packages_of(absorbed), Wishes(choice, take)
    )
    state.execute(plan)
    return plan


def a_state():
    packages = [Package("P1", "20002", domains=("one.example",)), Package("P2", "30003", contact=OWN)]
    records = [a_customer("10001", city="Ulm"), a_customer("20002", city="Bonn"), a_customer("30003", city="Köln")]
    return State({record.number: record for record in records}, packages)


def test_an_order_leaves_an_empty_tombstone_and_moves_its_packages():
    state = a_state()
    merged(state, "10001", "20002", Choice.ADOPT)
    assert state.records["20002"] == Customer("20002", merged_into="10001")
    assert [package.package for package in state.packages_of("10001")] == ["P1"]
    assert state.packages_of("20002") == []
    assert state.survivors == {"10001"}


def test_a_kept_choice_gives_the_package_the_details_of_the_absorbed_number():
    state = a_state()
    merged(state, "10001", "20002", Choice.KEEP)
    assert state.packages["P1"].contact == tuple(details(city="Bonn").values())
    assert state.contacts == {"P1"}


def test_a_number_that_took_another_over_passes_its_packages_on():
    state = a_state()
    merged(state, "20002", "30003", Choice.KEEP)
    plan = merged(state, "10001", "20002", Choice.ADOPT)
    assert [package.package for package in plan.packages] == ["P1", "P2"]
    assert state.packages["P2"] == Package("P2", "10001")


def test_a_taken_field_is_what_the_next_order_compares():
    state = a_state()
    merged(state, "10001", "20002", Choice.ADOPT, (Field.CITY,))
    assert state.records["10001"] == a_customer("10001", city="Bonn")


def test_what_no_plan_changed_is_not_written():
    state = a_state()
    merged(state, "10001", "20002", Choice.ADOPT)
    assert [record.number for record in state.changed_records] == ["20002"]
    assert [package.package for package in state.changed_packages] == ["P1"]


def test_an_undo_puts_back_what_an_order_took():
    state = a_state()
    before = dict(state.records), dict(state.packages)
    plan = merged(state, "10001", "20002", Choice.KEEP)
    entry = MergeEntry(1, "10001", "20002", Choice.KEEP, (), "2026-01-01T00:00:00Z", Actor("anna", "staff"), "", None)
    image = Image(plan.survivor, plan.absorbed, plan.packages)
    present = PresentState(state.records["10001"], state.records["20002"], state.packages)
    state.undo(plan_undo(entry, image, present))
    assert (state.records, state.packages) == before


def test_what_was_decided_before_stands_in_the_place_of_what_was_read():
    state = a_state()
    state.assume({"20002": Customer("20002", merged_into="10001")}, [Package("P1", "10001")], survivors=["10001"])
    assert state.packages_of("20002") == []
    assert [package.package for package in state.packages_of("10001")] == ["P1"]
    assert state.changed_records == []

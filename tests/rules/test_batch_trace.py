"""What entries tell of bulk files, in one go and in parts."""

from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.ledger_check import BatchTrace, joined, trace

ENTRIES = st.lists(
    st.tuples(st.sampled_from(["merge", "undo", "bulk_approve", "purge"]), st.integers(1, 3), st.integers(1, 9)),
    max_size=30,
)


def body(action, batch, row):
    """Return what an entry says."""
    facts = {"action": action, "at": "x", "v": 1, "survivor": ',"batch":7,"row":8,', "order": 1, "batch": batch}
    return facts | ({"row": row} if action == "merge" else {})


def traced(entries):
    traces = {}
    for action, batch, row in entries:
        trace(body(action, batch, row), traces, is_merge=action == "merge")
    return traces


@given(ENTRIES)
def test_they_are_counted(entries):
    for batch, found in traced(entries).items():
        rows = [row for action, of, row in entries if action == "merge" and of == batch]
        undone = sum(1 for action, of, _row in entries if action == "undo" and of == batch)
        is_again = any(row <= max(rows[:place]) for place, row in enumerate(rows) if place)
        seen = (found.merges, found.last, found.undone, bool(found.again))
        assert seen == (len(rows), max(rows, default=0), undone, is_again)


@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_parts_come_to_the_same_as_the_whole(entries, one, other):
    first, second = sorted((one, other))
    parts = [traced(entries[:first]), traced(entries[first:second]), traced(entries[second:])]
    whole, found = traced(entries), joined(parts)
    assert found.keys() == whole.keys()
    for batch, told in found.items():
        one = whole[batch]
        assert (told.merges, told.first, told.last, told.undone) == (one.merges, one.first, one.last, one.undone)
        assert bool(told.again) == bool(one.again)


def test_what_is_no_entry_tells_nothing():
    traces = {}
    for odd in (None, "1", 1.0, True, [1]):
        trace({"batch": odd, "row": 2}, traces, is_merge=True)
        trace({"batch": 1, "row": odd}, traces, is_merge=True)
    trace({"batch": 1}, traces, is_merge=True)
    assert traces == {}
    trace({"batch": 1, "row": 2}, traces, is_merge=True)
    assert traces == {1: BatchTrace(1, 2, 2)}


def test_an_undo_of_the_whole_file_ends_it_before_its_first_order():
    traces = {}
    trace({"action": "undo", "batch": 1, "order": None}, traces, is_merge=False)
    assert traces == {1: BatchTrace(is_ended=True)}
    trace({"action": "undo", "batch": 1, "order": 7}, traces, is_merge=False)
    assert traces == {1: BatchTrace(undone=1, is_ended=True)}

"""What entries tell of bulk files, in one go and in parts."""

import json

from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.batch_trace import Trace, joined, trace

ENTRIES = st.lists(
    st.tuples(st.sampled_from(["merge", "undo", "bulk_approve", "purge"]), st.integers(1, 3), st.integers(1, 9)),
    max_size=30,
)


def body(action, batch, row):
    """Return an entry as the chain has it."""
    facts = {"action": action, "at": "x", "v": 1, "survivor": ',"batch":7,"row":8,'}
    if action != "purge":
        facts["batch"] = batch
    if action == "merge":
        facts["row"] = row
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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
    for odd in (None, b'"at":"x","batch":1,"row":2,', ',"batch":1,"row":2,'):
        trace(odd, traces, is_merge=True)
    for odd in (',"batch":x,"row":2,', ',"batch":1', ',"batch":1,"row":,', ',"batch":1,'):
        trace(f'"at":"x"{odd}', traces, is_merge=True)
    assert traces == {}
    trace('"at":"x","batch":1,"row":2,', traces, is_merge=True)
    assert traces == {1: Trace(1, 2, 2)}

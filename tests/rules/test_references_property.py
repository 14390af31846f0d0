"""The engine of references against a model: random schemas, orders in chains, a host's own changes, undos.

40 examples of each here; with CUSTMERGE_NIGHTLY=1 1000.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.attach_model import Model, Refused
from support.attach_schemas import hosts
from support.reference_memory import MemoryHost
from support.runs import NIGHTLY

EXAMPLES = 1000 if NIGHTLY else 40


@st.composite
def attached(draw):
    """A model of a host's database, and the same in memory as the engine changes it."""
    host, rows = draw(hosts())
    whole = {
        table: [{column: row.get(column) for column in host.tables[table].columns} for row in several]
        for table, several in rows.items()
    }
    return Model(host, whole), MemoryHost(host, whole)


def snapshot(rows):
    return {
        table: sorted(map(texts, several.values() if isinstance(several, dict) else several))
        for table, several in rows.items()
    }


def texts(row):
    # The model doesn't know types: a number is in a text column what it is elsewhere.
    return [(name, "" if cell is None else f"= {cell}") for name, cell in row.items()]


def pairs_of(model, draw):
    numbers = sorted(model.numbers())
    return draw(st.permutations([(a, b) for a in numbers for b in numbers if a != b]))[:5]


def outcome(act, *arguments, **named):
    """Return what an act on the model or the memory gives; None if it is refused."""
    try:
        return act(*arguments, **named)
    except Refused:
        return None


def is_refused(act, *arguments):
    try:
        act(*arguments)
    except Refused:
        return True
    return False


def demand_same(memory, model):
    assert snapshot(memory.rows) == snapshot(model.rows)


@settings(max_examples=EXAMPLES)
@given(attached(), st.data(), st.booleans())
def test_orders_do_what_the_model_says_and_their_undos_give_the_beginning_back(made, data, take_city):
    model, memory = made
    beginning = snapshot(model.rows)
    for pair in pairs_of(model, data.draw):
        if not set(pair) & set(model.merged_into):
            expected = outcome(model.merge, *pair, take_city=take_city) is not None
            assert (outcome(memory.merge, [pair], take_city=take_city) == [True]) == expected
            demand_same(memory, model)
    for number in reversed(model.living_orders):
        model.undo(number)
        memory.undo([number])
        demand_same(memory, model)
    assert snapshot(memory.rows) == beginning


@settings(max_examples=EXAMPLES)
@given(attached(), st.data())
def test_a_chain_in_one_transaction_is_as_its_orders_one_after_the_other(made, data):
    model, memory = made
    beginning = snapshot(model.rows)
    pairs = pairs_of(model, data.draw)
    if (executed := outcome(memory.merge, pairs)) is None:
        # The database refuses one of them, and with it all: the storage then executes them one after the other.
        executed = [outcome(memory.merge, [pair]) == [True] for pair in pairs]
    assert executed == [number is not None for number in model.run(pairs)]
    demand_same(memory, model)
    together = model.living_orders
    model.undo_together(together)
    memory.undo(together)
    demand_same(memory, model)
    assert snapshot(memory.rows) == beginning


@settings(max_examples=EXAMPLES)
@given(attached(), st.data())
def test_an_undo_after_the_hosts_own_changes_does_what_the_model_says_or_is_refused(made, data):
    model, memory = made
    for pair in pairs_of(model, data.draw):
        if not set(pair) & set(model.merged_into) and outcome(memory.merge, [pair]) == [True]:
            model.merge(*pair)
    for _ in range(data.draw(st.integers(0, 4))):
        change(model, memory, data.draw)
    for number in data.draw(st.permutations(model.living_orders)):
        order = model.orders[number - 1]
        if order.survivor in model.merged_into:
            # Such an undo is refused whatever became of the rows.
            continue
        assert is_refused(memory.undo, [number]) == is_refused(model.undo, number)
        demand_same(memory, model)


def change(model, memory, draw):
    """Let the host's program change or delete a row that doesn't stand for anybody."""
    tables = [name for name in sorted(model.rows) if name != model.host.client and model.rows[name]]
    table = draw(st.sampled_from(tables))
    place = draw(st.sampled_from(sorted(model.rows[table])))
    row = model.rows[table][place]
    at = [texts(one) for one in memory.rows[table]].index(texts(row))
    if draw(st.booleans()):
        column = draw(
            st.sampled_from([name for name in row if name not in model.host.tables[table].uniques[0].columns])
        )
        cell = draw(st.sampled_from([one[column] for one in model.rows[table].values()]))
        new = {**row, column: cell}
        model.rows[table][place] = new
        memory.rows[table][at] = dict(new)
    else:
        del model.rows[table][place]
        del memory.rows[table][at]

"""Random schemas with random rows and a random mapping: whatever is merged and undone, the database is the model's.

A handful of examples here; with CUSTMERGE_NIGHTLY=1 many on each database.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from support.attach_life import AttachedLife
from support.attach_model import Model
from support.attach_schemas import hosts
from support.attach_toml import mapping, statements
from support.runs import NIGHTLY

BY_DAY = {"sqlite": 15, "postgresql": 4}


@pytest.mark.on_both
def test_whatever_happens_every_table_is_the_models_and_at_the_end_as_it_was(fresh, tmp_path, request):
    by_day = BY_DAY[request.node.callspec.params["fresh"]]

    @settings(
        max_examples=500 if NIGHTLY else by_day,
        # Chance is for the night: here everybody sees the same.
        derandomize=not NIGHTLY,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # By day an example that fails is the same each time, and short enough.
        phases=tuple(Phase) if NIGHTLY else (Phase.generate,),
        print_blob=True,
    )
    @given(made=hosts(), data=st.data())
    def live(made, data):
        host, rows = made
        note("\n".join(statements(host)))
        note(mapping(host))
        life = AttachedLife(fresh(), tmp_path, host, rows)
        try:
            for _ in range(data.draw(st.integers(3, 8))):
                happen(life, data.draw)
            life.end()
        finally:
            life.close()

    live()


def happen(life, draw):
    """Do one thing with the register."""
    kinds = ["merge", "merge", "run"]
    if life.model.orders:
        kinds += ["undo", "undo", "undo batch"]
    kind = draw(st.sampled_from(kinds))
    if kind == "merge":
        numbers = life.living if len(life.living) > 1 else life.model.numbers()
        survivor, absorbed = draw(st.permutations(numbers))[:2]
        life.merge(survivor, absorbed, take_city=draw(st.booleans()))
    elif kind == "run":
        numbers = st.sampled_from(life.model.numbers())
        pairs = draw(st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1]), max_size=4))
        life.run(pairs, chunk=draw(st.sampled_from([1, 2, 500])))
    elif kind == "undo":
        living = life.model.living_orders or [1]
        life.undo(draw(st.sets(st.sampled_from(living), min_size=1, max_size=3)))
    elif life.batches:
        life.undo_batch(draw(st.sampled_from(sorted(life.batches))), chunk=500)


def test_the_model_gives_everything_back_itself():
    @settings(max_examples=30, phases=(Phase.generate,), derandomize=True, database=None, deadline=None)
    @given(made=hosts(), data=st.data())
    def live(made, data):
        host, rows = made
        model = Model(host, rows)
        began = Model(host, rows).rows
        numbers = st.sampled_from(model.numbers())
        model.run(data.draw(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6)))
        model.undo_together(model.living_orders)
        assert model.rows == began

    live()

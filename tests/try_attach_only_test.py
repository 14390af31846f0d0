from hypothesis import HealthCheck, Phase, given, settings, note
from support.attach_life import AttachedLife
from support.attach_schemas import hosts
import time


def test_it(fresh, tmp_path):
    n = 0

    @settings(
        max_examples=60,
        derandomize=True,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(made=hosts())
    def live(made):
        nonlocal n
        n += 1
        t = time.time()
        life = AttachedLife(fresh(), tmp_path, *made)
        life.demand_alike()
        life.close()
        if n % 10 == 0:
            print(n, time.time() - t)

    live()

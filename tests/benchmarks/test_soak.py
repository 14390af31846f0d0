"""A short soak: four processes merge and undo at random, nothing is lost, and whoever loses a race is told."""

from databases import HASH, Ready
from measuring import written
from soak import soaked
from support.world import World

CUSTOMERS, PROCESSES, SECONDS = 40, 4, 3


def test_processes_that_merge_and_undo_at_random_lose_nothing(cli, tmp_path):
    numbers = [str(number) for number in range(CUSTOMERS)]
    cities = ([number, "Ulm" if int(number) % 2 else "Kiel", HASH] for number in numbers)
    packages = ([f"P{number}", number, f"d{number}.example"] for number in numbers)
    supervisor = World(cli).anna
    for kind, columns, rows in (
        ("customers", ("number", "city", "password_hash"), cities),
        ("packages", ("package", "number", "domains"), packages),
    ):
        written(tmp_path / f"{kind}.csv", columns, rows)
        assert supervisor("import", kind, f"{kind}.csv").code == 0
    done = soaked(Ready(cli.url, supervisor.token, {}), CUSTOMERS, PROCESSES, SECONDS)
    assert done["merge"] > 0, done
    assert done["undo"] > 0
    assert set(done) <= {
        *("merge", "undo", "merged_away", "undo_blocked", "already_undone", "proof_required", "database_locked")
    }

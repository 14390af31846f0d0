"""Finds duplicates through the program's own parts, for measuring.

python duplicates_child.py exact URL TOKEN FILE       the pairs of equal identity, a line each; prints the seconds
python duplicates_child.py read URL                   the reading step; prints the seconds
python duplicates_child.py scored URL FILE THRESHOLD  both lists into a CSV file: left,right,probability,kind
python duplicates_child.py parts URL FOLDER           each part; prints its CPU seconds as JSON, and leaves records,
                                                      numbers, pairs and the model in the folder
python duplicates_child.py recall FOLDER TRUTH        prints how many candidate pairs there are, and the share of
                                                      the true ones that are among them, as JSON
"""

import csv
import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from custmerge.__main__ import COLLECT_AFTER
from custmerge.storage.database import Database

MEMORY, LEAST_PROBABLE = 1 << 30, 0.0002
"""As the program has them; so has `floors/splink_pairs.py`."""
ROWS_AT_ONCE = 2_000


class Progress:
    def advanced(self, done: int, total: int) -> None:
        """Nobody looks."""


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    with closing(Database(url)) as database:
        yield database


def exact(url: str, token: str, file: str) -> None:
    from custmerge.services import access, duplicates

    with _opened(url) as database:
        caller = access.resume(database, token, datetime.now(UTC))
        start = time.perf_counter()
        # Plain lines, as its floor writes them.
        with Path(file).open("w", encoding="utf-8") as lines:
            pairs = duplicates.find_pairs(database, caller, duplicates.Search(), Progress())
            lines.writelines(f"{survivor} {absorbed}\n" for survivor, absorbed in pairs)
        print(time.perf_counter() - start)


def scored(url: str, file: str, threshold: str) -> None:
    from custmerge.rules.duplicates.options import FuzzyOptions
    from custmerge.services.duplicates.fuzzy import fuzzy_pairs

    options = FuzzyOptions(related=True, threshold=float(threshold), memory=MEMORY)
    with _opened(url) as database, Path(file).open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        for found in fuzzy_pairs(database, options, Progress()):
            # Records that are equal in everything need no probability.
            probability = 1.0 if found.probability is None else found.probability
            writer.writerow((found.left, found.right, probability, found.kind.value))


def read(url: str) -> None:
    from custmerge.storage.matching.reading import write_records
    from custmerge.storage.matching.workspace import workspace

    with _opened(url) as database, database.reading() as unit, workspace(MEMORY) as space:
        start = time.perf_counter()
        for _ in write_records(space, unit.register.living(ROWS_AT_ONCE)):
            """Until the last one is written."""
        print(time.perf_counter() - start)


def parts(url: str, folder: str) -> None:
    from custmerge.storage.matching import duckdb, scoring, training
    from custmerge.storage.matching.reading import NUMBERS, RECORDS, write_records
    from custmerge.storage.matching.workspace import workspace

    seconds: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        seconds[name] = time.process_time() - start

    with _opened(url) as database, workspace(MEMORY) as space:
        with part("reading"), database.reading() as unit:
            for _ in write_records(space, unit.register.living(ROWS_AT_ONCE)):
                """Until the last one is written."""
        with part("training"):
            settings = training.trained(space)
        with part("pairs"):
            duckdb.find_pairs(space)
        for table in (RECORDS, NUMBERS, duckdb.PAIRS):
            space.run(f"copy {table} to '{folder}/{table}.parquet'")
        Path(folder, "model.json").write_text(json.dumps(settings), encoding="utf-8")
        with part("scores"):
            duckdb.score(space, settings, scoring.log_odds(LEAST_PROBABLE))
            scoring.add_kinds(space, settings)
            prior = scoring.fitting_prior(space, settings)
            count = sum(1 for _ in scoring.matches(space, settings, prior, 0.5, related=False))
    print(json.dumps({"seconds": seconds, "matches": count}))


def recall(folder: str, truth: str) -> None:
    import duckdb

    pairs, numbers = (f"read_parquet('{folder}/{name}.parquet')" for name in ("pairs", "numbers"))
    columns = ["number", "entity", "group", "kind"]
    labels = f"read_csv('{truth}', header = false, all_varchar = true, names = {columns})"
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE label AS SELECT id, entity FROM {numbers} JOIN {labels} USING (number)"
        ).fetchall()
        ((true,),) = connection.execute(
            "SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM label GROUP BY entity)"
        ).fetchall()
        ((count, kept),) = connection.execute(
            f"SELECT count(*), count(*) FILTER (l.entity = r.entity) FROM {pairs} p "
            "JOIN label l ON l.id = p.join_key_l JOIN label r ON r.id = p.join_key_r"
        ).fetchall()
    print(json.dumps({"pairs": count, "recall": kept / true}))


if __name__ == "__main__":
    # As the program does; Python's own threshold costs a fifth of reading.
    gc.set_threshold(COLLECT_AFTER)
    {"exact": exact, "read": read, "scored": scored, "parts": parts, "recall": recall}[sys.argv[1]](*sys.argv[2:])

"""Scores given pairs with Splink and DuckDB alone: FOLDER with records, pairs (Parquet) and model.json.

The same pairs and the same trained model as custmerge's, at the same memory and threads, down to the same
probability; reads those out that are more probable than not, and prints the CPU seconds.
"""

import sys
import time
from pathlib import Path

import duckdb
from splink import DuckDBAPI, Linker

MEMORY, THREADS, LEAST_PROBABLE = "1GiB", 2, 0.0002


def scored(folder: Path) -> int:
    config = {"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(folder / "spilled")}
    connection = duckdb.connect(folder / "floor.duckdb", config=config)
    for name in ("records", "pairs"):
        connection.execute(f"CREATE TABLE {name} AS FROM read_parquet('{folder / name}.parquet')").fetchall()
    api = DuckDBAPI(connection)
    linker = Linker(api.register("records"), folder / "model.json", log_level=None)
    linker.table_management.register_blocked_pairs_for_predict(api.register("pairs"))
    found = linker.inference.predict(threshold_match_probability=LEAST_PROBABLE)
    return len(connection.execute(f"FROM {found.physical_name} WHERE match_probability >= 0.5").fetchall())


if __name__ == "__main__":
    start = time.process_time()
    scored(Path(sys.argv[1]))
    print(time.process_time() - start)

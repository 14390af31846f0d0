"""The engine on one machine: finds the pairs and scores them in DuckDB."""

from __future__ import annotations

from custmerge.storage.matching.blocking import blocks_sql, keys_sql, pairs_sql
from custmerge.storage.matching.linker import linker_of
from custmerge.storage.matching.reading import RECORDS
from custmerge.storage.matching.scoring import SCORES
from custmerge.storage.matching.settings import Settings, compared_in, retaining
from custmerge.storage.matching.workspace import PAIRS, Workspace


def find_pairs(space: Workspace) -> None:
    """Make the table of the pairs to compare.

    In the order of one of their records, which then stays in the processor's cache: of a million customers it takes a
    tenth less to score them.
    """
    space.run(f"create table keys as {keys_sql(RECORDS, 'hash')}")
    space.run(f"create table blocks as {blocks_sql('keys')}")
    space.run("drop table keys")
    space.run(f"create table {PAIRS} as {pairs_sql('blocks')} order by join_key_l")
    space.run("drop table blocks")


def score(space: Workspace, settings: Settings, lowest_weight: float) -> None:
    """Make the table of the scores of all pairs that have at least a weight."""
    from splink import DuckDBAPI

    api = DuckDBAPI(space.connection)
    linker = linker_of(api, retaining(settings, everything=False), PAIRS, space.keep_rows_of)
    scores = linker.inference.predict(threshold_match_weight=lowest_weight, warning_mode="never")
    gammas = ", ".join(f"gamma_{of}" for of in compared_in(settings))
    space.run(f"create table {SCORES} as select id_l, id_r, match_weight, {gammas} from {scores.physical_name}")
    api.delete_tables_created_by_splink_from_db()
    space.run(f"drop table {PAIRS}")

"""The engine on a cluster: finds the pairs and scores them in Spark, from the Parquet file of the records.

The same statements as in DuckDB, and Splink's own for the scores. Training stays in DuckDB: it takes a sample, which
the two draw differently. The file has to be where the cluster's workers read it under the same name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from custmerge.errors import SparkUnavailable
from custmerge.storage.matching.blocking import blocks_sql, keys_sql, pairs_sql
from custmerge.storage.matching.linker import linker_of
from custmerge.storage.matching.reading import RECORDS, frequent_names_file, records_file, records_sql
from custmerge.storage.matching.scoring import SCORES
from custmerge.storage.matching.settings import Settings, compared_in, retaining
from custmerge.storage.matching.workspace import PAIRS, Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_STDERR = 2
_WARNINGS = ("WARNING", "Using Spark's", "Setting default log level", "To adjust logging level")
"""How lines begin that Java and Spark write at every start."""
_SETTINGS = {
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # In one stage, or in one projection, the comparisons are more code than Java compiles, and would be interpreted.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.CollapseProject",
}


def score(
    space: Workspace, settings: Settings, lowest_weight: float, *, master: str | None, memory: int | None
) -> None:
    """Make the table of the scores of all pairs that have at least a weight; raises SparkUnavailable.

    `master` is the URL of the cluster, None for what Spark is set up for, `memory` is the driver's in bytes.
    """
    from splink import SparkAPI

    with _session(space, master, memory) as session:
        session.read.parquet(records_file(space).as_uri()).createOrReplaceTempView("file")
        session.read.parquet(frequent_names_file(space).as_uri()).createOrReplaceTempView("frequent_names")
        session.sql(records_sql("file", "frequent_names")).createOrReplaceTempView(RECORDS)
        session.sql(keys_sql(RECORDS, "xxhash64")).createOrReplaceTempView("keys")
        session.sql(blocks_sql("keys")).createOrReplaceTempView("blocks")
        session.sql(pairs_sql("blocks")).persist().createOrReplaceTempView(PAIRS)
        api = SparkAPI(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)
        linker = linker_of(api, retaining(settings, everything=False), PAIRS, partial(_keep, session))
        scores = linker.inference.predict(threshold_match_weight=lowest_weight, warning_mode="never")
        gammas = [f"gamma_{of}" for of in compared_in(settings)]
        space.keep(
            SCORES, session.table(scores.physical_name).select("id_l", "id_r", "match_weight", *gammas).toArrow()
        )


def _keep(session: SparkSession, name: str, sql: str) -> None:
    session.sql(sql).persist().createOrReplaceTempView(name)


@contextmanager
def _session(space: Workspace, master: str | None, memory: int | None) -> Iterator[SparkSession]:
    """Give a session for a block; what it keeps on this machine's disk is in the workspace."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("custmerge")
    if master is not None:
        builder = builder.master(master)
    if memory is not None:
        builder = builder.config("spark.driver.memory", f"{memory >> 20}m")
    folders = {"spark.local.dir": space.folder / "spark", "spark.sql.warehouse.dir": space.folder / "warehouse"}
    for name, value in {**_SETTINGS, **folders}.items():
        builder = builder.config(name, str(value))
    log = space.folder / "java.log"
    session = None
    try:
        with _silent(log):
            session = builder.getOrCreate()
        try:
            # A few tasks for each core: Spark's own number is one for large clusters.
            session.conf.set("spark.sql.shuffle.partitions", str(4 * session.sparkContext.defaultParallelism))
            yield session
        finally:
            session.stop()
    except (PySparkException, Py4JError, OSError) as error:
        # A cluster that doesn't answer is noticed only by the first statement.
        reason = str(getattr(error, "java_exception", error)).partition("\n")[0]
        if session is None:
            # PySpark's own reason only says that Java has ended.
            reason = " ".join([reason, *_complaint(log)])
        raise SparkUnavailable(reason=reason, master=master or "Spark") from None


def _complaint(log: Path) -> list[str]:
    """Return the first line of what Java has written that is no warning, if there is one."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith(_WARNINGS)][:1]


@contextmanager
def _silent(log: Path) -> Iterator[None]:
    """Let Java, if a block starts it, write what it has to say to whoever runs a cluster into a file.

    It has this process's standard error for good, and its warnings come before any level of logging can be set.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:
        # It is closed: then nobody reads it.
        yield
        return
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)

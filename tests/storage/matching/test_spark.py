"""The model on a cluster: one of two workers, each a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import matching_scenes
from support.population import population

from custmerge.errors import SparkUnavailable
from custmerge.storage.matching import spark
from custmerge.storage.matching.scoring import SCORES

CLUSTER = "local-cluster[2,1,1024]"
TESTS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path[1:]])}
# PySpark leaves sockets and the pipe to its Java process open.
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def scores_of(space):
    return {(left, right): rest for left, right, *rest in space.rows(f"select * from {SCORES} order by id_l, id_r")}


def test_both_engines_find_the_same_pairs_with_the_same_probabilities_and_java_says_nothing(capfd):
    records = population(5_000, seed=23)
    with matching_scenes.space_of((record.number, record.values) for record in records) as space:
        model = matching_scenes.searched(space)
        expected = scores_of(space)
        space.run(f"drop table {SCORES}")
        spark.score(space, model, matching_scenes.LOWEST_WEIGHT, master=CLUSTER, memory=None)
        found = scores_of(space)
    assert found.keys() == expected.keys()
    assert capfd.readouterr().err == ""
    for pair, (weight, *levels) in expected.items():
        assert found[pair][1:] == levels
        assert found[pair][0] == pytest.approx(weight, abs=1e-9)


NO_JAVA = """
import os, sys
os.environ["JAVA_HOME"] = "/nowhere/java"
from support import matching_scenes
from custmerge.storage.matching import spark
with matching_scenes.space_of([]) as space:
    spark.score(space, {"comparisons": []}, 0, master="local[1]", memory=None)
"""


def test_what_java_says_where_it_does_not_start_is_in_the_sentence():
    # In a process of its own: Java starts but once in a process.
    done = subprocess.run([sys.executable, "-c", NO_JAVA], env=TESTS, capture_output=True, text=True, check=False)
    assert "SparkUnavailable" in done.stderr
    assert "/nowhere/java" in done.stderr


def test_a_cluster_that_does_not_answer_is_named():
    with matching_scenes.space_of([]) as space, pytest.raises(SparkUnavailable, match="nowhere"):
        spark.score(space, {"comparisons": []}, 0, master="nowhere", memory=None)

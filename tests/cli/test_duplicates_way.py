"""The whole way of duplicates on a population: found, reviewed, checked, approved, merged, and taken back."""

import csv
import os
import subprocess
import sys

import pytest
from support.population import MUST_NOT_BE_MERGED, Kind, population
from support.population_scenes import attach_to, host_rows, import_into

ROWS = 400


@pytest.fixture(scope="module")
def records():
    return list(population(ROWS, seed=11))


def lines_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def example(repository, supervisor, agent, tmp_path):
    """Run the example script; the review gives every line the choice `keep`."""

    def run(*arguments, ends_with=0, **changes):
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "custmerge"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m custmerge "$@"\n')
        program.chmod(0o755)
        environ = agent.environ(
            CHECKER_TOKEN=supervisor.token,
            RUNNER_TOKEN=agent.token,
            REVIEW="sed -i 2,$s/,,/,keep,/",
            PATH=f"{program.parent}:{os.environ['PATH']}",
            **changes,
        )
        script = ["bash", str(repository / "examples" / "duplicates.sh"), *arguments]
        done = subprocess.run(
            script, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == ends_with, done.stderr
        return lines_of(tmp_path / "pairs.report.csv")

    return run


def are_merged_and_taken_back(example, supervisor):
    """Assert that the example merges every pair of its file, of which there are some, and then undoes all of it."""
    report = example("pairs.csv", UNDO="yes")
    assert len(report) > 10
    assert {line["status"] for line in report} == {"merged"}
    history = supervisor.in_process("history", "--limit", "1000", "-f", "json").json
    pairs = {
        action: {(entry["survivor"], entry["absorbed"]) for entry in history if entry["action"] == action}
        for action in ("merge", "undo")
    }
    assert pairs["merge"] == pairs["undo"] == {(line["survivor"], line["absorbed"]) for line in report}
    (batch,) = supervisor.in_process("bulk", "status", "-f", "json").json
    assert (batch["state"], batch["merged"]) == ("undone", len(report))
    assert supervisor.in_process("audit", "--format", "json").json["status"] == "ok"


@pytest.mark.on_both
def test_the_example_finds_merges_and_undoes(example, world, supervisor, records):
    import_into(world.anna, records)
    before = world.dump()
    are_merged_and_taken_back(example, supervisor)
    assert world.dump() == before


def test_the_example_finds_merges_and_undoes_in_a_hosts_tables(example, cli, supervisor, records):
    attach_to(cli, records)
    before = host_rows(cli.url)
    are_merged_and_taken_back(example, supervisor)
    assert host_rows(cli.url) == before


def test_nobody_who_must_not_be_merged_is_in_the_exact_list_unless_of_one_name(sqlite_cli):
    records = list(population(6_000, seed=23))
    assert {record.kind for record in records} >= MUST_NOT_BE_MERGED
    import_into(sqlite_cli, records)
    by_number = {record.number: record for record in records}
    listed = sqlite_cli.as_("anna").in_process("duplicates", "-f", "json").json
    pairs = [(by_number[pair["survivor"]], by_number[pair["absorbed"]]) for pair in listed]
    assert sum(one.entity == other.entity for one, other in pairs) > 300
    assert {one.kind for one, other in pairs if one.group == other.group and one.entity != other.entity} <= {
        Kind.FATHER_AND_SON
    }


def test_the_example_with_the_model_merges_who_is_written_differently(example, world):
    records = list(population(1_500, seed=31))
    import_into(world.anna, records)
    report = example("pairs.csv", "--fuzzy", "--memory", "1GB", ends_with=7)
    by_number = {record.number: record for record in records}
    pairs = [(line["status"], by_number[line["survivor"]], by_number[line["absorbed"]]) for line in report]
    wrong = [(status, one.kind) for status, one, other in pairs if one.entity != other.entity]
    assert {status for status, _, _ in pairs} == {"merged", "blocked"}
    assert any(one.first_name != other.first_name and one.last_name == other.last_name for _, one, other in pairs)
    assert len(pairs) > 150
    assert len(wrong) < 0.05 * len(pairs)
    # Without a date of birth two people of one name can't be told apart; all others wait for a contract transfer.
    assert {kind for status, kind in wrong if status == "merged"} <= {Kind.FATHER_AND_SON}

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


@pytest.fixture
def example(repository, supervisor, agent, tmp_path):
    """Run the example script; the review gives every line the choice `keep`."""

    def run(*arguments, **changes):
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
        assert done.returncode == 0, done.stderr
        return done

    return run


def lines_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def are_merged_and_taken_back(example, supervisor, tmp_path):
    """Assert that the example merges every pair of its file, of which there are some, and then undoes all of it."""
    example("pairs.csv", UNDO="yes")
    report = lines_of(tmp_path / "pairs.report.csv")
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
def test_the_example_finds_merges_and_undoes(example, world, supervisor, records, tmp_path):
    import_into(world.anna, records)
    before = world.dump()
    are_merged_and_taken_back(example, supervisor, tmp_path)
    assert world.dump() == before


def test_the_example_finds_merges_and_undoes_in_a_hosts_tables(example, cli, supervisor, records, tmp_path):
    attach_to(cli, records)
    before = host_rows(cli.url)
    are_merged_and_taken_back(example, supervisor, tmp_path)
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

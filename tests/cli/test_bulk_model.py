"""Contract §6: a run comes to what an independent model says, and the example works."""

import csv
import os
import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bulk_model import DETAILS, IDENTITY
from support.bulk_scenes import NUMBERS, lines, load, model_of, pairs_file, rows
from support.runs import NIGHTLY

values = st.sampled_from(["a", "a", "a", "b"])
customers = st.fixed_dictionaries(
    {
        number: st.fixed_dictionaries(
            {"company": st.sampled_from(["x", "x", "x", "x", "y"]), "city": values, "street": values}
        )
        for number in NUMBERS
    }
)
EXAMPLES = iter(range(10_000))


@settings(
    max_examples=50 if NIGHTLY else 8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    records=customers, given_rows=rows, contacts=st.sets(st.sampled_from(NUMBERS)), chunk=st.sampled_from([1, 3, 500])
)
def test_a_run_is_what_an_independent_model_says(world, agent, supervisor, records, given_rows, contacts, chunk):
    mark = f"{next(EXAMPLES)}-"
    named = {mark + number: record for number, record in records.items()}
    given_rows = [
        {**row, "survivor": mark + row["survivor"], "absorbed": mark + row["absorbed"]} for row in given_rows
    ]
    # Orders count on from the example before.
    before = max(
        (
            e["order"] or 0
            for e in supervisor.in_process("history", "--limit", "1", "--action", "merge", "-f", "json").json
        ),
        default=0,
    )
    load(world, named, {mark + number for number in contacts})
    model = model_of(named, {mark + number for number in contacts})
    model.orders = before
    pairs_file(world, given_rows)
    expected = [tuple("" if cell is None else str(cell) for cell in line) for line in model.run(given_rows)]
    if not given_rows:
        return
    supervisor("bulk", "check", "pairs.csv", "--report", "check.csv", "--format", "json")
    assert [line[:5] for line in lines(world, "check.csv")] == [line[:5] for line in expected]
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    agent("bulk", "run", "pairs.csv", "--report", "report.csv", "--chunk", chunk)
    assert lines(world) == expected
    only = lambda found: {k: v for k, v in found.items() if mark in k}  # noqa: E731
    found, packages = only(world.customers()), only(world.packages())
    assert {n: c["merged_into"] for n, c in found.items() if c["merged_into"]} == model.merged_into
    assert {n: {k: c[k] for k in (*IDENTITY, *DETAILS)} for n, c in found.items()} == model.customers
    assert {k: {"number": p["number"], "contact": p["contact"]} for k, p in packages.items()} == model.packages


# The example


def test_the_nightly_example_checks_approves_and_runs(repository, supervisor, agent, tmp_path):
    for kind in ("customers", "packages"):
        supervisor.in_process("import", kind, repository / "examples" / f"{kind}.csv")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "custmerge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m custmerge "$@"\n')
    program.chmod(0o755)
    environ = agent.environ(
        CHECKER_TOKEN=supervisor.token, RUNNER_TOKEN=agent.token, PATH=f"{program.parent}:{os.environ['PATH']}"
    )
    line = ["bash", str(repository / "examples" / "bulk.sh"), str(repository / "examples" / "bulk.csv"), "report.csv"]
    done = subprocess.run(line, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "report.csv").open(newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"merged"}

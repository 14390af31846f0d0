"""The README is true: its two commands run in a fresh clone, in a fresh virtual environment."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from support.runs import NIGHTLY

# What the second command runs inside this test: few tests, on both databases. All of them is what `.ci/run` runs.
PART = "tests/rules/test_state.py tests/cli/test_empty_contacts.py"
IS_SECOND_COMMAND = os.environ.get("CUSTMERGE_RUN_BY_README") == "1"
"""Whether these tests are what the second command runs, in a fresh clone: `.ci/run` says so."""


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text("utf-8")


@pytest.fixture
def clone(repository, tmp_path):
    subprocess.run(["git", "clone", "--quiet", str(repository), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def command(readme, name):
    return re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", readme, re.DOTALL)[1].strip()


def run(line, clone, **variables):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "VIRTUAL_ENV", "PYTHON", "CUSTMERGE"))}
    # What was downloaded before is there, and only what is imported is compiled.
    cache = {"PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip")}
    pip = {**cache, "PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    home = {"HOME": str(clone.parent), "XDG_DATA_HOME": str(clone.parent / "data")}
    environ = {**pip, **kept, **home, **variables}
    return subprocess.run(
        ["bash", "-euc", line], cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.mark.clone
def test_both_commands_install_and_show_the_whole_way_and_pass_the_tests(readme, clone):
    # One clone for both: what the second needs and `.[test]` doesn't name, the first doesn't install either.
    shown = run(command(readme, "run"), clone, LANG="C.UTF-8")
    assert shown.returncode == 0, shown.stderr
    assert "Order 1 is done: 20003 went into 10001." in shown.stdout
    assert "contract transfer" in shown.stdout + shown.stderr
    git = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert git.stdout == "", "the installation leaves something behind in the checkout"
    # The wheel has the manual, and the man page where `man` looks.
    assert run(".venv/bin/custmerge help files", clone).stdout.startswith("# Files\n")
    assert (clone / ".venv" / "share" / "man" / "man1" / "custmerge.1").read_text("ascii").startswith(".TH CUSTMERGE")
    if NIGHTLY or not IS_SECOND_COMMAND:
        demand_the_tests_pass(readme, clone)


def demand_the_tests_pass(readme, clone):
    # Given by the environment, so that the command stays the README's; the last testpaths and -n win.
    passed = run(command(readme, "test"), clone, PYTEST_ADDOPTS=f"-n 1 -o 'testpaths={PART}'")
    assert passed.returncode == 0, passed.stdout[-3000:]
    assert re.search(r"\d{2,} passed", passed.stdout)
    assert "skipped" not in passed.stdout


def test_the_readme_is_short_and_every_link_in_it_and_in_the_manual_leads_somewhere(repository, readme):
    assert len(readme.encode()) <= 16 * 1024
    pages = [repository / "README.md", repository / "tests" / "README.md"]
    for page in (*pages, *(repository / "custmerge" / "help").glob("*/*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page, target)


def test_every_test_that_the_manual_names_is_there(repository):
    named = re.findall(
        r"`([a-z_/]*test_\w+(?:\.py)?)`", (repository / "custmerge/help/en/security.md").read_text("utf-8")
    )
    files = [path.as_posix() for path in (repository / "tests").rglob("test_*.py")]
    functions = {name for file in files for name in re.findall(r"def (test_\w+)\(", Path(file).read_text("utf-8"))}
    assert len(named) > 50
    assert [name for name in named if name not in functions and not any(f.endswith(f"/{name}") for f in files)] == []


def test_the_verifying_program_of_the_manual_verifies(repository, world, supervisor):
    import sys

    world.customer("10001")
    page = (repository / "custmerge/help/en/history.md").read_text("utf-8")
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    supervisor("export", "history", "-f", "jsonl", "--out", "history.jsonl")
    path = supervisor.folder / "history.jsonl"

    def verify():
        return subprocess.run([sys.executable, "-c", program], cwd=path.parent, capture_output=True, check=False)

    assert verify().returncode == 0
    path.write_text(path.read_text().replace("customers", "packages", 1))
    assert verify().returncode != 0


def test_the_picture_is_what_the_program_draws(repository):
    import sys

    drawn = subprocess.run(
        [sys.executable, str(repository / "examples" / "picture.py")], capture_output=True, text=True, check=True
    )
    assert drawn.stdout == (repository / "examples" / "diff.svg").read_text("utf-8")

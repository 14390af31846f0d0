"""The README is true: its two commands run in a fresh clone, in a fresh virtual environment."""

import os
import re
import subprocess

import pytest

# What the second command runs inside this test: few tests, on both databases. All of them is what `.ci/run` runs.
PART = "tests/rules/test_compare.py tests/cli/test_empty_contacts.py"


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
    environ = {**kept, "HOME": str(clone.parent), "XDG_DATA_HOME": str(clone.parent / "data"), **variables}
    return subprocess.run(
        ["bash", "-euc", line], cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.mark.clone
def test_the_first_command_installs_and_shows_the_whole_way(readme, clone):
    done = run(command(readme, "run"), clone, LANG="C.UTF-8")
    assert done.returncode == 0, done.stderr
    assert "Order 1 is done: 20003 went into 10001." in done.stdout
    assert "contract transfer" in done.stdout + done.stderr
    git = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert git.stdout == "", "the installation leaves something behind in the checkout"


@pytest.mark.clone
def test_the_second_command_installs_and_passes_the_tests(readme, clone):
    # Given by the environment, so that the command stays the README's; the last testpaths win.
    done = run(command(readme, "test"), clone, PYTEST_ADDOPTS=f"-o 'testpaths={PART}'")
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d{2,} passed", done.stdout)
    assert "skipped" not in done.stdout


def test_the_verifying_program_of_the_readme_verifies(readme, world, supervisor):
    import sys

    world.customer("10001")
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
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

"""The README's block "Set it up": from nothing to the first merge of own data."""

import os
import re
import subprocess
import sys

HEADLESS = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "LANG": "C.UTF-8"}


def test_the_block_goes_from_nothing_to_the_first_merge_of_own_data(repository, tmp_path):
    block = re.search(r"<!-- set-up -->\n```sh\n(.*?)```", (repository / "README.md").read_text("utf-8"), re.DOTALL)[
        1
    ]
    # What the command above the block has made: the folder in which the program is installed.
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / ".venv").symlink_to(sys.prefix)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **HEADLESS}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=tmp_path / "clone",
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Order 1 is done: 4712 went into 4711." in done.stdout
    assert "Next: custmerge login --staff anna\n" in done.stderr
    assert "teeladen.example" in done.stdout.partition("Order 1 is done")[2]

"""The blocks to paste: "Set it up", from nothing to the first merge of own data, and nightly audits."""

import os
import re
import stat
import subprocess
import sys

import pytest

HEADLESS = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "LANG": "C.UTF-8"}
# What cron gives a job of a person's own crontab. Source: crontab(5).
CRON = {"LOGNAME": "anna", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
CRONTAB = """#!/bin/sh
# In place of cron's: keeps the table in the home of the test.
if [ "$1" = -l ]; then cat "$HOME/crontab"; else cat > "$HOME/new" && mv "$HOME/new" "$HOME/crontab"; fi
"""


@pytest.fixture(scope="module")
def blocks(repository):
    """Every block of code that a page shows, by the page."""

    def of(page):
        return re.findall(r"```sh\n(.*?)```", (repository / page).read_text("utf-8"), re.DOTALL)

    return of


@pytest.fixture(scope="module")
def paste(tmp_path_factory):
    """Paste lines into a shell of somebody who has installed the program in a folder, and has nothing else."""
    home = tmp_path_factory.mktemp("home")
    # What the command above the block has made: the folder in which the program is installed.
    (home / "clone").mkdir()
    (home / "clone" / ".venv").symlink_to(sys.prefix)
    (home / "bin").mkdir()
    (home / "bin" / "crontab").write_text(CRONTAB)
    (home / "bin" / "crontab").chmod(0o755)

    def run(lines, **variables):
        environ = {"PATH": f"{home}/bin:{os.environ['PATH']}", "HOME": str(home), **HEADLESS, **variables}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=home / "clone",
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    run.home = home
    return run


@pytest.fixture(scope="module")
def set_up(blocks, paste):
    """What the block shows."""
    done = paste(next(block for block in blocks("README.md") if "init" in block))
    assert done.returncode == 0, done.stderr
    return done


def test_the_block_goes_from_nothing_to_the_first_merge_of_own_data(set_up):
    assert "Order 1 is done: 4712 went into 4711." in set_up.stdout
    assert "Next: custmerge login --staff anna\n" in set_up.stderr
    assert "teeladen.example" in set_up.stdout.partition("Order 1 is done")[2]


def test_the_nightly_audit_is_one_block_on_every_page(blocks):
    def without_words(block):
        return re.sub(r" *# .*|--lang de ", "", block)

    readme = next(block for block in blocks("README.md") if "crontab" in block)
    english, german = (blocks(f"custmerge/help/{language}/cron.md")[0] for language in ("en", "de"))
    assert english == readme
    assert without_words(german) == without_words(readme)
    # Behind the page's margin no line is broken on a usual screen.
    for language in ("en", "de"):
        lines = "".join(blocks(f"custmerge/help/{language}/cron.md")).splitlines()
        assert [line for line in lines if len(line) > 76] == []


def test_the_nightly_audit_works_as_it_is_pasted_and_pasted_again(blocks, paste, set_up):
    shell = {"CUSTMERGE_TOKEN_STORE": "file", "PATH": f"{paste.home}/bin:{sys.prefix}/bin:{os.environ['PATH']}"}
    nightly = paste.home / "custmerge" / "nightly"

    def lines_of_cron():
        return (paste.home / "crontab").read_text().splitlines()

    def job():
        environ = {"HOME": str(paste.home), **CRON}
        command = re.fullmatch(r"30 3 \* \* \* (.*)", lines_of_cron()[-1])[1]
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=paste.home, env=environ, capture_output=True, text=True, check=False
        )

    (paste.home / "crontab").write_text("0 5 * * * another job\n")
    tokens = []
    for language in ("en", "de"):
        done = paste(blocks(f"custmerge/help/{language}/cron.md")[0], **shell)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert lines_of_cron()[0] == "0 5 * * * another job"
        assert len(lines_of_cron()) == 2
        token = nightly / "custmerge-token"
        tokens.append(token.read_text())
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert stat.S_IMODE(nightly.stat().st_mode) == 0o700
        assert (job().stdout, (nightly / "report").read_text()) == ("", "")
    assert len(set(tokens)) == 2
    assert len((nightly / "checkpoints").read_text().splitlines()) == 4
    # Pasted where nobody is logged in: the token that works stays.
    without_login = blocks("custmerge/help/en/cron.md")[0].split("\n", 2)[2]
    refused = paste(without_login, **shell, CUSTMERGE_TOKEN="nobody's")
    assert "Your session is over" in refused.stderr
    assert (nightly / "custmerge-token").read_text() == tokens[-1]
    assert job().stdout == ""
    # Pasted into a terminal that doesn't find the program: the line that works stays.
    before = lines_of_cron()
    paste(without_login, **shell | {"PATH": f"{paste.home}/bin:/usr/bin:/bin"})
    assert lines_of_cron() == before
    # What it finds is printed, which cron mails, and kept.
    (nightly / "checkpoints").write_text(f'{{"seq": 1, "hash": "{"0" * 64}", "at": "2026-01-31T03:30:00Z"}}\n')
    found = job().stdout
    assert "checkpoint" in found
    assert (nightly / "report").read_text() == found


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_nightly_audit_of_a_whole_machine_works_as_it_is_pasted(blocks, paste, set_up, repository, language):
    machine = paste.home / language
    stubs = {
        "id": "exit 1",
        "useradd": 'echo "$@" >> "$HOME/users"',
        # Files of that machine become files of this test, of whom the test runs as.
        "install": f'exec /usr/bin/install $(echo "$@" | sed "s/-o custmerge//; s, /, {machine}/,g")',
    }
    (machine / "bin").mkdir(parents=True)
    for name, program in stubs.items():
        (machine / "bin" / name).write_text(f"#!/bin/sh\n{program}\n")
        (machine / "bin" / name).chmod(0o755)
    (machine / "etc" / "cron.d").mkdir(parents=True)
    shell = {"CUSTMERGE_TOKEN_STORE": "file", "PATH": f"{machine}/bin:{sys.prefix}/bin:{os.environ['PATH']}"}
    own, block = blocks(f"custmerge/help/{language}/cron.md")[:2]
    login = "\n".join(own.splitlines()[:2])
    done = paste(f"{login}\ncd {machine}; ln -s {repository}/examples\n{block}", **shell)
    assert done.returncode == 0, done.stderr
    assert not (machine / "token").exists()
    token = machine / "etc" / "custmerge" / "credentials" / "custmerge-token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o400
    assert stat.S_IMODE((machine / "var" / "lib" / "custmerge-audit").stat().st_mode) == 0o700
    table = (machine / "etc" / "cron.d" / "custmerge").read_text()
    assert table == (repository / "examples" / "cron" / "crontab").read_text()
    # The table's first job, as its user would run it: with the folders that the block has made.
    command = re.search(r"^30 3 \* \* \*  custmerge  (.*)", table, re.MULTILINE)[1]
    environ = {"HOME": str(paste.home), "CREDENTIALS_DIRECTORY": str(token.parent), "PATH": shell["PATH"]}
    command = command.replace(" /var", f" {machine}/var")
    audit = subprocess.run(["/bin/sh", "-c", command], env=environ, capture_output=True, text=True, check=False)
    assert (audit.returncode, audit.stdout, audit.stderr) == (0, "", "")

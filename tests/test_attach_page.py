"""The manual's page on attaching: from a proposal to the first merge, for two hosts, as it can be pasted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

PAGES = {language: f"custmerge/help/{language}/attach.md" for language in ("en", "de")}
HEADLESS = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "LANG": "C.UTF-8"}
WITHOUT_KEYRING = {"CUSTMERGE_TOKEN_STORE": "file"}


@pytest.fixture(scope="module")
def blocks(repository):
    """The blocks of the page in each language, by what the comment above each says."""
    found = {}
    for language, page in PAGES.items():
        of_page = found[language] = {}
        for name, lines in re.findall(r"<!-- (.*?) -->\n```sh\n(.*?)```", (repository / page).read_text(), re.DOTALL):
            of_page[name] = of_page.get(name, "") + lines
    return found


@pytest.fixture
def paste(tmp_path, repository):
    """Paste lines into a shell of somebody who has nothing but the program."""

    def run(lines, **variables):
        environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "examples": str(repository / "examples"),
            **HEADLESS,
            **variables,
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def postgresql_url(postgresql_server):
    """A database without any table."""
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE attach_page")
    yield postgresql_server.get_uri("attach_page")
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("DROP DATABASE attach_page WITH (FORCE)")


@pytest.mark.parametrize(("language", "host"), [("en", "panel")])
def test_a_host_is_attached_and_two_of_its_customers_are_merged_by_pasting(blocks, paste, language, host):
    lines = blocks[language]
    shown = paste(lines[f"load {host}"] + lines[host], CUSTMERGE_LANG=language)
    assert {"en": "Order 1 is undone", "de": "Auftrag 1 ist zurückgenommen"}[language] in shown


def test_the_shop_is_attached_on_postgresql_by_the_same_lines(blocks, paste, postgresql_url, repository):
    with psycopg.connect(postgresql_url) as connection:
        connection.execute((repository / "examples/attach/shop.sql").read_text("utf-8"))
    shown = paste(blocks["de"]["shop"], CUSTMERGE_DATABASE_URL=postgresql_url, **WITHOUT_KEYRING)
    assert "Order 1 is undone: K-200 is in use again." in shown

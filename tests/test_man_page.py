"""The man page says what the manual says, and roff takes nothing of it for a request."""

import re
import runpy
import shutil
import subprocess

import pytest

from custmerge.cli.app import VERBS


@pytest.fixture(scope="module")
def program(repository):
    return runpy.run_path(str(repository / "custmerge" / "help" / "man_page.py"))


@pytest.fixture(scope="module")
def page(repository, program):
    return program["man_page"](repository, version="1.2-dev", description="merges 'two' numbers")


def test_the_man_page_has_the_sections_and_every_command(page):
    sections = re.findall(r"^\.SH (.*)$", page, re.MULTILINE)
    assert sections[:4] == ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS"]
    assert {"EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"} <= set(sections)
    assert [verb for verb in VERBS if rf"\fBcustmerge {verb}" not in page] == []
    assert page.isascii()


def test_nothing_in_a_text_means_anything_to_roff(program):
    lines = list(
        program["blocks"]("\\fB is `\\n`, `--a`, 'b', \"c\", ~/d^`` ` ``, ä\n\n.SH is a text\n\n```\n.TH\n```\n")
    )
    assert lines[1] == r"\efB is \fB\en\fR, \fB\-\-a\fR, \(aqb\(aq, \(dqc\(dq, \(ti/d\(ha\fB\(ga\fR, \[u00E4]"
    assert lines[3] == r"\&.SH is a text"
    assert r"\&.TH" in lines


def test_no_kind_of_markdown_is_left_out_unseen(program):
    with pytest.raises(ValueError, match="blockquote"):
        list(program["blocks"]("> a quotation"))


def test_a_formatter_has_nothing_to_warn_of(page):
    if not shutil.which("groff"):
        # Nothing here can draw it; what it is made of is in the tests above.
        return
    words = ["groff", "-man", "-Tutf8", "-ww"]
    done = subprocess.run(words, input=page, capture_output=True, text=True, check=True)
    assert done.stderr == ""

"""Questions in a real terminal: what is typed can be edited, and what was not understood is asked again."""

import os
import pty
import subprocess
import sys
import termios

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn
from support.marks import on_sqlite_alone
from support.scenes import scene
from support.typist import Typist

LEFT, HOME, CTRL_W = "\x1b[D", "\x1b[H", "\x17"


@scene
def customers(world):
    world.customer("10001")
    world.customer("20003", password="pw-3", domains=["drei.example"])
    return world


@on_sqlite_alone
def test_an_answer_can_be_edited_while_it_is_typed_and_blanks_that_were_pasted_around_it_do_not_count(
    customers, agent
):
    typist = Typist(agent, "merge")
    typist.answers("Number that is kept: ", f" 1001{LEFT}0")
    typist.sees("10001 is kept")
    typist.answers("Customer number to take over: ", f"no {CTRL_W}003 \t{HOME}20")
    typist.answers("A domain from its package: ", "")
    typist.sees("Type one of its domains")
    typist.sees("A domain from its package: ")
    assert "^[" not in typist.child.before
    typist.presses_ctrl_c()
    assert typist.ends() == 130


@on_sqlite_alone
@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_questions_go_to_stderr_though_the_data_goes_to_a_file(customers, agent, tmp_path, term):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 80))
    command = [sys.executable, "-m", "custmerge", "merge", "20003"]
    environ = agent.environ(TERM=term, CUSTMERGE_LANG="en")
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, stdin=theirs, stdout=out, stderr=theirs, env=environ)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        child = fdspawn(terminal, encoding="utf-8", timeout=60)
        child.expect("kept: $")
        child.sendline("")
        child.expect(pexpect.EOF)
    process.wait(60)
    assert (tmp_path / "out").read_bytes() == b""

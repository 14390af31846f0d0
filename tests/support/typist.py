"""Somebody in front of a real terminal."""

import os
import pty
import re
import termios
from functools import partial
from multiprocessing.connection import Connection

import pexpect
from pexpect.fdpexpect import fdspawn

from support.cli_process import run_on_a_terminal

ENGLISH = {"CUSTMERGE_LANG": "en", "TERM": "xterm-256color", "COLUMNS": "80"}
CTRL_C = "\x03"


class Typist:
    """Somebody in front of the terminal."""

    def __init__(self, cli, *arguments, rows=40, columns=80, **environment):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (rows, int(environment.get("COLUMNS") or columns)))
        self._terminal = os.fdopen(ours, "rb", buffering=0)
        # What the descriptor is in doesn't matter: a connection is what can be handed to another process.
        with Connection(theirs) as theirs:
            target = partial(run_on_a_terminal, theirs)
            self.process, _ = cli.start(*arguments, target=target, **{**ENGLISH, **environment})
        self.child = fdspawn(self._terminal, encoding="utf-8", codec_errors="replace", timeout=300)

    def answers(self, question, answer):
        # Nothing comes behind a question. What is typed before a password is asked for would be thrown away.
        self.child.expect(f"{re.escape(question)}$")
        self.child.sendline(answer)

    def sees(self, text):
        self.child.expect_exact(text)

    def presses_ctrl_c(self):
        self.child.send(CTRL_C)

    def ends(self):
        self.child.expect(pexpect.EOF)
        self._terminal.close()
        self.process.join(300)
        return self.process.exitcode

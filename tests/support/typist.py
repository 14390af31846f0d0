"""Somebody in front of a real terminal."""

import sys

import pexpect

ENGLISH = {"CUSTMERGE_LANG": "en", "TERM": "xterm-256color", "COLUMNS": "80"}


class Typist:
    """Somebody in front of the terminal."""

    def __init__(self, cli, *arguments, **environment):
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "custmerge", *arguments],
            env=cli.environ(**{**ENGLISH, **environment}),
            cwd=str(cli.folder),
            encoding="utf-8",
            codec_errors="replace",
            timeout=300,
            dimensions=(40, int(environment.get("COLUMNS", "80"))),
        )

    def answers(self, question, answer):
        self.child.expect_exact(question)
        self.child.sendline(answer)

    def sees(self, text):
        self.child.expect_exact(text)

    def ends(self):
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

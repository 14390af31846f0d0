"""Doctor: checks of the database and its surroundings, each with what to do about a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from custmerge.database_url import sqlite_path
from custmerge.errors import N_, CustmergeError, DatabaseError, SchemaChanged
from custmerge.rules.history import CLOCK_TOLERANCE
from custmerge.settings import TokenPlace
from custmerge.storage.database import Database
from custmerge.storage.files.token_store import keyring_problem, loose_file
from custmerge.storage.tables import VERSIONS

_OTHERS, _OTHERS_WRITE = 0o077, 0o022


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its outcome."""

    check: str
    ok: bool
    message: str
    """An English template for translation, filled from `details`."""
    details: dict[str, str]


def examine(
    database: Database, now: datetime, environ: Mapping[str, str], place: TokenPlace = TokenPlace.KEYRING
) -> list[Check]:
    """Return the checks of the database, its integrity, connection, clock, staff, rights, of files and keyring.

    `place` is where logins are kept: no keyring is asked where it is a file.
    """
    checks = [_database(database)]
    if checks[0].ok:
        checks += [_integrity(database), _connection(database), _clock(database, now), _staff(database)]
        checks += _schema(database)
    if checks[0].ok or database.is_sqlite:
        checks.append(_permissions(database))
    return [*checks, _files(database, environ), _keyring(place)]


def _database(database: Database) -> Check:
    try:
        with database.reading() as unit:
            customers, packages, domains = unit.register.count()
    except DatabaseError as error:
        return Check("database", False, type(error).template, {k: str(v) for k, v in error.details.items()})
    message = N_(
        "{database} answers: version {version}, {customers} customers, {packages} packages, {domains} domains."
    )
    counts = {"customers": str(customers), "packages": str(packages), "domains": str(domains)}
    return Check("database", True, message, {"database": database.name, "version": VERSIONS[-1], **counts})


def _integrity(database: Database) -> Check:
    try:
        with database.reading() as unit:
            if not database.is_sqlite:
                return _checksums(is_on=unit.protection.has_checksums())
            problem = unit.protection.damage()
    except DatabaseError as error:
        return Check("integrity", False, type(error).template, {k: str(v) for k, v in error.details.items()})
    if problem is None:
        return Check("integrity", True, N_("The file is sound (PRAGMA integrity_check)."), {})
    message = N_("The file is damaged ({reason}): stop working with it and restore a copy.")
    return Check("integrity", False, message, {"reason": problem})


def _checksums(*, is_on: bool) -> Check:
    # Reading every page needs the rights of the server's administrator.
    if is_on:
        message = N_("The server verifies the checksum of every page that it reads; pg_amcheck looks at all of them.")
    else:
        message = N_("The server has no checksums (data_checksums is off): damage shows only to pg_amcheck.")
    return Check("integrity", True, message, {})


def _clock(database: Database, now: datetime) -> Check:
    """Compare this machine's clock with the database's; on SQLite, which has none, with the newest history entry."""
    with database.reading() as unit:
        server_time, newest = unit.server_time(), unit.chain.newest_moment()
    if server_time is None:
        seconds = round((newest - now).total_seconds()) if newest else 0
        good = N_("This machine's clock isn't behind the newest history entry.")
        bad = N_("This machine's clock is {seconds} s behind the newest history entry: set it by NTP.")
    else:
        seconds = round(abs((now - server_time).total_seconds()))
        good = N_("The clocks of this machine and of the database are {seconds} s apart.")
        bad = N_(
            "The clocks of this machine and of the database are {seconds} s apart, the database's counts: "
            "set them by NTP."
        )
    is_ok = seconds <= CLOCK_TOLERANCE.total_seconds()
    return Check("clock", is_ok, good if is_ok else bad, {"seconds": str(seconds)})


def _schema(database: Database) -> list[Check]:
    """Compare a host's tables with what they were when they were attached; our own are the audit's."""
    with database.reading() as unit:
        if unit.mapping.is_ours:
            return []
        changed = unit.changed_tables()
    if not changed:
        return [Check("schema", True, N_("The host's tables are as they were attached."), {})]
    template = SchemaChanged.template
    return [Check("schema", False, template, {"database": database.name, "tables": ", ".join(changed)})]


def _staff(database: Database) -> Check:
    with database.reading() as unit:
        has_staff = unit.people.has_staff()
    nobody = N_("Nobody works here yet: run `custmerge init --supervisor NAME`.")
    return Check("staff", has_staff, N_("Somebody works here.") if has_staff else nobody, {})


def _permissions(database: Database) -> Check:
    if not database.url.startswith("sqlite:"):
        with database.reading() as unit:
            lacking = unit.rights.lacking()
        if lacking is None:
            return Check("permissions", True, N_("The server looks after who may read the database."), {})
        message = N_("The role {role} may not {right} {table}: let the owner run `custmerge init --grant {role}`.")
        return Check("permissions", False, message, dict(zip(("role", "right", "table"), lacking, strict=True)))
    path = sqlite_path(database.url)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return Check("permissions", False, N_("There is no file {file}."), {"file": str(path)})
    message, details = N_("Only its owner can read {file}."), {"file": str(path), "mode": f"{mode:04o}"}
    if mode & _OTHERS and path.is_file():
        message = N_("{file} can be read by others (mode {mode}): run `chmod 600 {file}`.")
        return Check("permissions", False, message, details)
    folder = path.absolute().parent
    if (mode := folder.stat().st_mode & 0o777) & _OTHERS_WRITE:
        message = N_("Others can put another file in its place in {folder} (mode {mode}): run `chmod 700 {folder}`.")
        return Check("permissions", False, message, {"folder": str(folder), "mode": f"{mode:04o}"})
    return Check("permissions", True, message, details)


def _connection(database: Database) -> Check:
    with database.reading() as unit:
        host, is_encrypted = unit.protection.connection()
    if host is None:
        return Check("connection", True, N_("The database is on this machine."), {})
    message = N_("The connection to {host} is encrypted (TLS).")
    if not is_encrypted:
        message = N_(
            "The connection to {host} isn't encrypted: everybody on the way can read it; add ?sslmode=verify-full."
        )
    return Check("connection", is_encrypted, message, {"host": host})


def _files(database: Database, environ: Mapping[str, str]) -> Check:
    error = loose_file(database.url, environ)
    if error is None:
        return Check("files", True, N_("The files that a token or setting is read from are yours alone."), {})
    return Check("files", False, type(error).template, {name: str(value) for name, value in error.details.items()})


def _keyring(place: TokenPlace) -> Check:
    if place is TokenPlace.FILE:
        return Check("keyring", True, N_("None is used: logins are kept in a file that only you can read."), {})
    try:
        problem = keyring_problem()
    except CustmergeError as error:
        problem = str(error)
    if problem is None:
        return Check("keyring", True, N_("A keyring is there to keep tokens in."), {})
    message = N_(
        "No keyring can be used ({reason}): set CUSTMERGE_TOKEN_STORE=file, or --print-token and CUSTMERGE_TOKEN."
    )
    return Check("keyring", False, message, {"reason": problem})

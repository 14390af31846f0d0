"""doctor: what it looks at, and what its codes mean."""

import os
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from custmerge.errors import DatabaseMissing, DatabaseUnreachable
from custmerge.services import doctor
from custmerge.storage.catalogue import Protection
from custmerge.storage.database import Database
from custmerge.storage.dialect import translated_errors


def checks_of(done):
    return {check["check"]: check["ok"] for check in done.json}


def test_the_help_says_what_the_codes_mean(sqlite_cli):
    text = " ".join(sqlite_cli("doctor", "--help").out.split())
    for code in ("0: all is well", "1: something is to be put right", "8: the database can't be used"):
        assert code in text


def test_a_database_on_this_machine_needs_no_encryption(cli):
    done = cli("doctor", "-f", "json")
    assert (done.code, checks_of(done)["connection"]) == (0, True)


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_connection_to_another_machine_has_to_be_encrypted(database_url, monkeypatch, is_encrypted):
    monkeypatch.setattr(Protection, "connection", lambda _: ("db.example.com", is_encrypted))
    # Which keyring this process has is another question, and may take long to answer.
    monkeypatch.setattr(doctor, "keyring_problem", lambda: None)
    with closing(Database(database_url)) as database:
        checks = doctor.examine(database, datetime.now(UTC), {})
    (check,) = (check for check in checks if check.check == "connection")
    assert check.ok is is_encrypted
    assert check.details == {"host": "db.example.com"}


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/d", "sqlite:///nowhere.db"])
def test_what_is_wrong_beside_a_database_that_is_away_is_told_too(sqlite_cli, url):
    done = sqlite_cli("doctor", "-f", "json", CUSTMERGE_DATABASE_URL=url)
    assert (done.code, done.err) == (8, "")
    assert {"database", "files", "keyring"} <= {check["check"] for check in done.json}


def test_loose_files_are_found(cli, tmp_path):
    done = cli("login", "--staff", "ben", "--password-stdin", "--insecure-storage", stdin="korrektes-pferd-batterie")
    assert (done.code, checks_of(cli("doctor", "-f", "json"))["files"]) == (0, True)
    (path,) = (tmp_path / "data" / "custmerge" / "tokens").iterdir()
    path.chmod(0o644)
    done = cli("doctor", "-f", "json")
    assert (done.code, checks_of(done)["files"]) == (1, False)


def test_a_folder_in_which_others_can_exchange_the_database_is_found(sqlite_cli, tmp_path):
    tmp_path.chmod(0o777)
    done = sqlite_cli("doctor", "-f", "json")
    assert (done.code, checks_of(done)["permissions"]) == (1, False)
    assert str(tmp_path) in done.out


def test_folders_that_are_made_for_a_database_are_their_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'x.db'}").upgrade()
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")} == {0o700}


def test_what_is_no_file_is_no_database_and_keeps_its_rights(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").chmod(0o666)
    for place in (tmp_path / "pipe", "/dev/null"):
        before = Path(place).stat().st_mode
        with pytest.raises(DatabaseUnreachable):
            Database(f"sqlite:///{place}").upgrade()
        assert Path(place).stat().st_mode == before


def test_a_database_file_is_its_owners_alone_whatever_the_umask(sqlite_cli, tmp_path):
    for umask in (0o000, 0o277, 0o777):
        before = os.umask(umask)
        try:
            Database(f"sqlite:///{tmp_path / f'{umask:o}.db'}").upgrade()
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"{umask:o}.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "said", ['connection failed: FATAL: database "nowhere" does not exist', "Datenbank »nowhere« existiert nicht"]
)
def test_a_missing_database_is_known_in_every_language_of_the_server(postgresql_server, said):
    with pytest.raises(DatabaseMissing), translated_errors(postgresql_server.get_uri("nowhere")):
        raise psycopg.OperationalError(said)


def test_a_database_that_is_there_but_does_not_let_us_in_is_unreachable(postgresql_server):
    url = postgresql_server.get_uri("template1")
    with pytest.raises(DatabaseUnreachable), translated_errors(url):
        raise psycopg.OperationalError("Passwort-Authentifizierung für Benutzer fehlgeschlagen: does not exist")

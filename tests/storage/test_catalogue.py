"""What is written down for the audit is what the migrations make."""

import tempfile
from contextlib import closing

import pytest

from custmerge.storage import catalogue
from custmerge.storage.catalogue.sqlite import _tokens
from custmerge.storage.database import Database
from storage.write_catalogue import VERSIONS, migrated, of_server, together

REWRITE = "run `python tests/storage/write_catalogue.py`"


def test_the_catalogue_of_sqlite_is_what_the_migrations_make(tmp_path):
    assert migrated(f"sqlite:///{tmp_path / 'new.db'}") == catalogue.expected("sqlite"), REWRITE


def test_the_catalogue_of_postgresql_is_what_they_make_on_every_version_new_and_restored(
    postgresql_server,
):
    # Not below pytest's folder, which the server's own user can't read.
    with tempfile.TemporaryDirectory(prefix="custmerge-") as folder:
        found = [made for version in VERSIONS for made in of_server(folder, version)]
    assert together(found) == catalogue.expected("postgresql"), REWRITE


def test_nothing_differs_in_a_database_that_nobody_touched(database_url):
    with closing(Database(database_url)) as database, database.reading() as unit:
        assert unit.protection.deviations() == []


@pytest.mark.parametrize(
    ("made", "tokens"),
    [
        ("a/*b*/c--d\ne", ["a", "c", "e"]),
        ("a /* b", ["a"]),
        ("'--' /**/ '''/*' ''", ["'--'", "'''/*'", "''"]),
        ('"a""--" [b/*] `c--`', ['"a""--"', '"b/*"', '"c--"']),
        ("CHECK \"CHECK\" 'CHECK'", ["check", '"CHECK"', "'CHECK'"]),
        ("a->>'b'||c", ["a", "-", ">", ">", "'b'", "|", "|", "c"]),
        ("x'00' X\u00a0", ["x'00'", "X\u00a0"]),
        ("CREATE \ufeff\ufeffTRIGGER a\ufeffb", ["create", "trigger", "a\ufeffb"]),
        ("chec\u212a", ["chec\u212a"]),
    ],
)
def test_a_text_of_sqlites_is_read_as_sqlite_reads_it(made, tokens):
    assert _tokens(made) == tokens

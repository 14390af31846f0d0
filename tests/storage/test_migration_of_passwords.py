"""Whose password somebody else chose before that was kept is asked for another after the upgrade."""

from contextlib import closing

import pytest
from sqlalchemy import text
from support.command_line import CommandLine
from support.databases import execute
from support.migration_scenes import EARLIER, GIVEN, NOW, OWN, audited

from custmerge.rules.history import Action, Actor, Draft, stamp
from custmerge.rules.people import person_row_digest
from custmerge.services import init
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from custmerge.storage.ledger.history import Chain

at_versions_with_staff = pytest.mark.parametrize("version", [v for v in EARLIER if "0002" <= v < "0006"])
LOGIN = ("login", "--staff", "eva", "--password-stdin", "--print-token")


def upgraded(url):
    with closing(Database(url)) as database:
        init.prepare(database, lambda: NOW)
        with database.reading() as unit:
            return {person.name: person.password_chosen_by for person in unit.people.all_staff()}


def seal_as_a_version_without_that_column(url):
    engine = open_engine(url)
    columns = "id, name, role, password_hash, created_at, disabled_at"
    with engine.begin() as connection:
        rows = connection.execute(text(f"SELECT {columns} FROM custmerge_staff")).all()
        digests = [(row[1], person_row_digest(*row, None)) for row in rows]
        facts = [{"did": "seal", "name": name, "row_sha256": digest} for name, digest in digests]
        Chain(connection).append([Draft(stamp(NOW), Actor("init", "system"), Action.USER, told) for told in facts])
    engine.dispose()


@at_versions_with_staff
def test_a_password_that_somebody_else_chose_has_to_be_changed_after_the_upgrade(old, tmp_path):
    chosen = upgraded(old)
    assert (chosen["eva"], chosen["udo"], chosen["anna"]) == ("anna", None, None)
    assert audited(old).findings == []
    cli = CommandLine(old, tmp_path)
    assert cli(*LOGIN, stdin=GIVEN).code == 4
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


@at_versions_with_staff
def test_what_is_sealed_already_is_sealed_anew_with_who_chose_the_password(old):
    seal_as_a_version_without_that_column(old)
    assert upgraded(old)["eva"] == "anna"
    assert audited(old).findings == []


@at_versions_with_staff
def test_a_row_that_is_not_as_it_was_sealed_gets_no_new_seal(old):
    seal_as_a_version_without_that_column(old)
    execute(old, "UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'eva'")
    assert upgraded(old)["eva"] is None
    assert [found.subject for found in audited(old).findings] == ["user eva"]


@at_versions_with_staff
def test_sessions_that_such_a_password_has_opened_end_with_the_upgrade(old):
    row = f"'x', (SELECT id FROM custmerge_staff WHERE name = 'eva'), '{stamp(NOW)}', '{stamp(NOW)}'"
    execute(old, f"INSERT INTO custmerge_session (token_sha256, staff, created_at, last_used_at) VALUES ({row})")
    upgraded(old)
    engine = open_engine(old)
    with engine.connect() as connection:
        query = "SELECT count(*) FROM custmerge_session WHERE token_sha256 = 'x'"
        assert connection.execute(text(query)).scalar() == 0
    engine.dispose()

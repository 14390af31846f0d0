"""A group of many thousands, some of whom are dismissed, takes seconds."""

import time
from contextlib import closing

from sqlalchemy import insert

from custmerge.rules.duplicates.dismissal import Dismissal, identity_digest
from custmerge.rules.duplicates.groups import Group
from custmerge.rules.duplicates.survivors import SurvivorRule
from custmerge.rules.fields import EMPTY_DETAILS, Customer
from custmerge.services.duplicates.candidates import Grouping
from custmerge.storage.database import Database
from custmerge.storage.tables import register as tables

NUMBERS = [f"{number}" for number in range(10_000, 20_000)]
SALT = bytes(16)


def test_candidates_of_a_large_group_with_dismissals_take_seconds(database_url):
    records = [Customer(number, ("A", "Jo", "Doe", *EMPTY_DETAILS)) for number in NUMBERS]
    fields = {column.name: value for column, value in zip(tables.field_columns, records[0].values, strict=True)}
    with closing(Database(database_url)) as database, database.writing() as unit:
        unit._connection.execute(
            insert(tables.customer), [{**fields, "number": number, "search": ""} for number in NUMBERS]
        )
        for other in (1, 2, 5_000):
            digest = identity_digest(SALT, records[0], records[other])
            pair = NUMBERS[0], NUMBERS[other]
            unit.dismissals.put(Dismissal(*pair, "x", "anna", "2026-11-28T01:59:03Z", SALT, digest))
        start = time.monotonic()
        found = list(Grouping(unit, SurvivorRule.OLDEST).candidates([Group(NUMBERS)]))
        assert time.monotonic() - start < 4
    assert len(found) == len(NUMBERS) - 2
    assert {each.absorbed for each in found if each.survivor == NUMBERS[1]} == {NUMBERS[2], NUMBERS[5_000]}

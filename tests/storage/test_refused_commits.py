"""A commit that the database refuses, for a foreign key that waits for it, leaves nothing open."""

import pytest
from support.databases import execute, first_cells

from custmerge.errors import CustmergeError
from custmerge.storage.database import Database


def test_after_a_refused_commit_the_next_transaction_begins_anew(database_url):
    execute(
        database_url,
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "CREATE TABLE child (parent integer REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    database = Database(database_url)
    with pytest.raises(CustmergeError), database.writing() as unit:
        unit._connection.exec_driver_sql("INSERT INTO child VALUES (1)")
    with database.writing() as unit:
        unit._connection.exec_driver_sql("INSERT INTO parent VALUES (1)")
    database.close()
    assert first_cells(database_url, "SELECT count(*) FROM child") == [0]
    assert first_cells(database_url, "SELECT count(*) FROM parent") == [1]

"""Purge: old before-images are erased, the rest holds."""

import pytest

LONG_AGO = "2020-01-01T00:00:00Z"


def test_a_young_before_image_stays(merged, supervisor):
    done = supervisor("purge", "--older-than", "365d", "--yes", "-f", "json").json
    assert (done["orders"], done["dry_run"]) == (0, False)


def test_what_is_erased_is_counted_and_is_an_entry_of_its_own(merged, supervisor, aged):
    assert supervisor("purge", "--older-than", "1y", "--dry-run", "-f", "json").json["orders"] == 1
    assert supervisor("purge", "--older-than", "52w", "--yes", "-f", "json").json["orders"] == 1
    assert supervisor("purge", "--older-than", "52w", "--yes", "-f", "json").json["orders"] == 0
    assert len(supervisor("history", "--action", "purge", "-f", "json").json) == 1
    assert "Vogelsang" not in aged()


def test_nothing_is_erased_without_a_yes(merged, supervisor, aged):
    done = supervisor("purge", "--older-than", "365d")
    assert (done.code, "--yes" in done.err) == (2, True)
    assert "Vogelsang" in aged()


@pytest.mark.parametrize("age", ["365", "0d", "-1d", "1m", "d", "9999999d", "200y"])
def test_an_age_that_is_none_is_refused_with_what_to_write(supervisor, age):
    done = supervisor("purge", "--older-than", age, "--yes", "--format", "json")
    assert (done.code, done.error["code"]) == (2, "bad_value" if age != "-1d" else done.error["code"])


@pytest.mark.parametrize("name", ["ben", "ada"])
def test_only_a_supervisor_may(cli, name):
    assert cli.as_(name)("purge", "--older-than", "365d", "--yes").code == 4


@pytest.fixture
def aged(merged, database_url):
    """Makes the order old, as years would; gives what its before-image holds."""
    from custmerge.storage.unit import Database

    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql(f"UPDATE custmerge_order SET at = '{LONG_AGO}'")

    def image():
        with database.reading() as unit:
            return unit._connection.exec_driver_sql("SELECT image FROM custmerge_before_image").scalar()

    yield image
    database.close()

"""`duplicates --fuzzy`: who is written differently, by the model."""

import json
from contextlib import closing
from dataclasses import replace
from unittest.mock import Mock

import pytest
from support.population import population
from support.population_scenes import import_into
from support.scenes import scene

from custmerge.rules.duplicates.candidate import Kind
from custmerge.rules.duplicates.options import FuzzyOptions
from custmerge.services.duplicates import fuzzy
from custmerge.storage.database import Database

ANNA, PETER, EITHER = "200001", "200002", "200003"
"""A couple, and a number that may be of either."""


@scene
def searched(cli):
    records = list(population(400, seed=8))
    shared = {
        "company": "",
        "last_name": "Hinterbrinkmeyer",
        "street": "Am Hang 17",
        "postcode": "76133",
        "city": "Karlsruhe",
        "phone": "0721 913740",
        "mobile": "",
        "email": "zusammen@example.com",
        "account_number": "",
        "bank_code": "",
    }
    couple = {ANNA: "Anna", PETER: "Peter", EITHER: ""}
    records += [replace(records[0], number=number, first_name=first, **shared) for number, first in couple.items()]
    import_into(cli, records)


@pytest.fixture
def anna(cli, searched):
    return cli.as_("anna")


def rows(done):
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_pairs_come_with_probability_and_reasons(anna):
    found = rows(anna("duplicates", "--fuzzy", "--format", "jsonl"))
    assert found
    assert all(row["kind"] == "same" and 0.5 <= row["probability"] <= 1 and row["why"] for row in found)


def test_a_saved_model_gives_the_same_probabilities(anna):
    first = rows(anna("duplicates", "--fuzzy", "--save-model", "model.json", "-f", "jsonl"))
    again = rows(anna("duplicates", "--fuzzy", "--model", "model.json", "-f", "jsonl"))
    assert [(row["survivor"], row["absorbed"]) for row in first] == [
        (row["survivor"], row["absorbed"]) for row in again
    ]
    assert [row["probability"] for row in first] == pytest.approx([row["probability"] for row in again], abs=1e-9)
    threshold = rows(anna("duplicates", "--fuzzy", "--model", "model.json", "--threshold", "0.999", "-f", "jsonl"))
    assert len(threshold) <= len(first)
    one = first[0]["absorbed"]
    against = rows(anna("duplicates", "--fuzzy", "--model", "model.json", "--against", one, "-f", "jsonl"))
    assert {one} <= {number for row in against for number in (row["survivor"], row["absorbed"])}
    done = anna("duplicates", "--fuzzy", "--model", "model.json", "--explain", "why.html", "-f", "jsonl")
    assert done.code == 0, done.err
    assert first[0]["survivor"] in (anna.folder / "why.html").read_text(encoding="utf-8")


def test_a_threshold_of_next_to_nothing_is_one(anna):
    assert len(rows(anna("duplicates", "--fuzzy", "--threshold", "5e-324", "--limit", "1", "-f", "jsonl"))) == 1


def test_a_file_that_is_no_model_is_refused(anna):
    (anna.folder / "model.json").write_text("{}")
    done = anna("duplicates", "--fuzzy", "--model", "model.json")
    assert done.code == 2
    assert "model.json" in done.err


@pytest.mark.parametrize(("asked", "star"), [(ANNA, [EITHER]), (EITHER, [EITHER]), (PETER, [])])
def test_the_star_of_one_number_is_the_one_of_the_whole_list(anna, asked, star):
    """Two that are related stay apart, whichever number is asked for."""
    whole = rows(anna("duplicates", "--fuzzy", "--save-model", "model.json", "-f", "jsonl"))
    against = rows(anna("duplicates", "--fuzzy", "--model", "model.json", "--against", asked, "-f", "jsonl"))
    assert [(row["survivor"], row["absorbed"]) for row in against] == [(ANNA, absorbed) for absorbed in star]
    assert against == [row for row in whole if asked in (row["survivor"], row["absorbed"])]


@pytest.mark.parametrize("is_wanted", [False, True])
def test_related_pairs_are_explained_only_where_they_are_asked_for(anna, monkeypatch, is_wanted):
    shown = []
    monkeypatch.setattr(fuzzy, "write_waterfall", lambda *given: shown.extend(given[-1]))
    options = FuzzyOptions(related=is_wanted, explain="why.html")
    with closing(Database(anna.url)) as database:
        pairs = list(fuzzy.fuzzy_pairs(database, options, Mock()))
    # They count for the groups all the same.
    assert {pair.kind for pair in pairs} == {Kind.SAME, Kind.RELATED}
    assert {match.kind for match in shown} == ({Kind.SAME, Kind.RELATED} if is_wanted else {Kind.SAME})

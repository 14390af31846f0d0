"""`duplicates --fuzzy` finds records that are equal in everything, also where the model can't compare them."""

import json

import pytest
from support.population import population
from support.population_scenes import import_into
from support.scenes import scene

COPIES = [str(number) for number in range(70_001, 70_031)]
"""More than one block of the model holds."""


@scene
def copies(cli, world):
    """Katrin thirty times among a hundred others."""
    import_into(cli, list(population(100, seed=8)))
    world.customers_like(*COPIES[:-1])
    world.customer(COPIES[-1], last_name=" VOGELSANG ", phone="+49 721 913740", street="Marktstraße 12")


@pytest.fixture
def anna(cli, copies):
    return cli.as_("anna")


def rows(done):
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def pairs(some):
    return {(row["survivor"], row["absorbed"]) for row in some}


STAR = {(COPIES[0], other) for other in COPIES[1:]}


@pytest.mark.parametrize("threshold", [(), ("--threshold", "0.999999")])
def test_more_copies_than_the_model_compares_are_one_star_without_a_probability(anna, threshold):
    found = rows(anna("duplicates", "--fuzzy", *threshold, "-f", "jsonl"))
    of_katrin = [row for row in found if row["survivor"] == COPIES[0]]
    assert pairs(of_katrin) == STAR
    # The surest come first.
    assert found[: len(of_katrin)] == of_katrin
    assert {(row["kind"], row["probability"], row["via"]) for row in of_katrin} == {("same", None, None)}
    assert {row["identity"] for row in of_katrin} == {"same", "equivalent"}
    assert {*of_katrin[0]["why"]} >= {"company equal", "last name equal", "address equal", "e-mail equal"}


def test_they_are_in_the_bulk_file_and_are_found_from_each_of_them(anna):
    lines = anna("duplicates", "--fuzzy", "--survivor", "recent", "-f", "csv").out.splitlines()
    assert {f"{COPIES[-1]},{other},," for other in COPIES[:-1]} <= {*lines}
    assert pairs(rows(anna("duplicates", "--fuzzy", "--against", COPIES[7], "-f", "jsonl"))) == STAR


def test_two_of_them_that_were_dismissed_are_kept_apart(anna):
    done = anna("duplicates", "dismiss", COPIES[0], COPIES[7], "--reason", "two shops")
    assert done.code == 0, done.err
    found = pairs(rows(anna("duplicates", "--fuzzy", "-f", "jsonl")))
    assert found & STAR == STAR - {(COPIES[0], COPIES[7])}
    assert COPIES[7] not in {number for pair in found for number in pair}


@scene
def few(world):
    """Katrin twice among a dozen of her firm and her name: none of them has more than an address."""
    address = {"phone": "", "mobile": "", "email": "", "account_number": "", "bank_code": ""}
    for number in range(10_001, 10_013):
        world.customer(str(number), **address, street=f"Weg {number}")
    world.customers_like("70001", "70002", **address)


def test_of_a_few_customers_equal_ones_are_found_unless_a_probability_is_asked_for(cli, few):
    anna = cli.as_("anna")
    (found,) = rows(anna("duplicates", "--fuzzy", "-f", "jsonl"))
    assert (found["survivor"], found["absorbed"], found["kind"]) == ("70001", "70002", "same")
    assert found["probability"] is None
    assert rows(anna("duplicates", "--fuzzy", "--threshold", "0.5", "-f", "jsonl")) == []


@pytest.mark.parametrize("customers", [0, 1])
@pytest.mark.parametrize("option", ["--save-model", "--explain"])
def test_a_file_that_cant_be_written_for_want_of_customers_is_a_sentence(world, supervisor, option, customers):
    world.customers_like(*["10001"][:customers])
    done = supervisor("duplicates", "--fuzzy", option, "new.file", "-f", "json")
    assert (done.code, done.out, done.error["code"]) == (2, "", "bad_value")
    assert f"{option} new.file isn't written: there are fewer than two customers." in done.error["message"]
    assert not (world.folder / "new.file").exists()
    assert supervisor("duplicates", "--fuzzy", "-f", "json").json == []

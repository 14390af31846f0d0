"""The made-up customers that duplicates are looked for in: lifelike, the same in every run, with their truth."""

from collections import Counter, defaultdict
from itertools import combinations

import pytest
from support.population import FIELDS, MUST_NOT_BE_MERGED, Kind, population
from support.population.writing import iban

from custmerge.rules.fields import FIELDS as FIELDS_OF_THE_PROGRAM
from custmerge.rules.records import problems_of_customer

ROWS = 4_000


@pytest.fixture(scope="module")
def records():
    return list(population(ROWS, seed=4))


def test_the_fields_are_those_of_a_customer(records):
    assert tuple(map(str, FIELDS_OF_THE_PROGRAM)) == FIELDS
    assert records[0].values == tuple(getattr(records[0], field) for field in FIELDS)


def test_a_seed_gives_the_same_rows_again_and_another_seed_others(records):
    assert list(population(ROWS, seed=4)) == records
    assert [record.values for record in population(ROWS, seed=5)] != [record.values for record in records]


def test_every_row_can_be_imported_under_its_own_number(records):
    assert len({record.number for record in records}) == ROWS
    for record in records:
        row = {"number": record.number, **dict(zip(FIELDS, record.values, strict=True))}
        assert problems_of_customer(row) == []


def test_one_row_of_seven_is_a_further_number_of_somebody(records):
    rows = Counter(record.entity for record in records)
    assert 0.11 < 1 - len(rows) / ROWS < 0.17
    assert max(rows.values()) <= 4


def test_every_kind_occurs_and_those_that_must_not_be_merged_have_several_customers(records):
    entities = defaultdict(set)
    kinds = {}
    for record in records:
        entities[record.group].add(record.entity)
        assert kinds.setdefault(record.group, record.kind) == record.kind
    several = Counter(kinds[group] for group, some in entities.items() if len(some) > 1)
    assert set(kinds.values()) == set(Kind)
    assert set(several) == MUST_NOT_BE_MERGED


def test_father_and_son_have_one_name_and_twins_two(records):
    groups = defaultdict(dict)
    for record in records:
        # The same person as written on different days: any writing of theirs.
        groups[record.kind, record.group].setdefault(record.entity, set()).add(record.first_name)
    pairs = {
        kind: [pair for (of, _), people in groups.items() if of == kind for pair in combinations(people.values(), 2)]
        for kind in (Kind.FATHER_AND_SON, Kind.TWINS)
    }
    alike = {kind: sum(bool(a & b) for a, b in some) / len(some) for kind, some in pairs.items()}
    assert alike[Kind.FATHER_AND_SON] > 0.5
    assert alike[Kind.TWINS] < 0.1


def test_last_names_have_a_long_tail(records):
    frequencies = Counter(record.last_name for record in records if record.last_name).most_common()
    assert 0.005 < frequencies[0][1] / ROWS < 0.02
    assert sum(count for _, count in frequencies if count == 1) > ROWS / 4


def test_nobody_has_the_email_address_of_somebody_in_another_group():
    groups = defaultdict(set)
    for record in population(20_000, seed=4):
        groups[record.email.lower()].add(record.group)
    del groups[""]
    # Typing errors make a few.
    assert sum(len(some) > 1 for some in groups.values()) <= 2


def test_an_iban_has_the_check_digits_of_its_konto():
    # Source: ISO 13616, the German example of the IBAN registry.
    assert iban("532013000", "37040044") == "DE89370400440532013000"

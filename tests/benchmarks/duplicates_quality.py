"""How good the pairs are that the model finds, against the truth, beside Splink as its introduction has it.

`pairs`: as they are found. `closed`: with all pairs of the groups that they make.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from databases import Kind, Ready, furnished
from duplicates_scores import Score, best_of_closed, best_of_pairs, closed, score
from duplicates_sets import LabelledSet, Pair, febrl, generated, pair
from importing import imported
from measuring import FLOORS, HERE, PYTHON, finished, heading, line

THRESHOLD, LOWEST = 0.5, 0.01
"""The default, and how far below it pairs are asked for, to see which threshold would have been the best."""
F1_GOAL, PRECISION_GOAL, FEBRL_GOAL, BEST_GOAL, ESTIMATE_GOAL = 0.94, 0.95, 0.99, 0.01, 0.15


@dataclass(frozen=True)
class _Found:
    """What a search finds, by pair."""

    same: Mapping[Pair, float]
    both: Mapping[Pair, float]
    """The list `same` and the list `related` together."""


def measure(kind: Kind, folder: Path, *, quick: bool, seed: int) -> None:
    labelled = generated(folder, 5_000 if quick else 50_000, seed)
    ready = furnished(kind, folder)
    imported(ready, labelled.file)
    _print_exact(ready, labelled)
    found = _found(ready, folder)
    heading(f"{labelled.name}: list `same` at {THRESHOLD}, F1 (precision, recall)")
    _print_plain(labelled, folder)
    _print_list(found.same, labelled, F1_GOAL, PRECISION_GOAL)
    _print_estimate(found.same, labelled)
    _print_relations([one for one, at in found.same.items() if at >= THRESHOLD], labelled)
    for labelled in _febrl_sets(folder, quick=quick):
        ready = furnished(kind, folder)
        imported(ready, labelled.file)
        found = _found(ready, folder)
        heading(f"{labelled.name}: both lists at {THRESHOLD}, F1 (precision, recall)")
        _print_plain(labelled, folder)
        _print_list(found.both, labelled, FEBRL_GOAL)
        _print_estimate(found.both, labelled)


def _febrl_sets(folder: Path, *, quick: bool) -> Iterator[LabelledSet]:
    try:
        for which in (1,) if quick else (1, 2, 3, 4):
            yield febrl(folder, which, with_number=True)
    except ImportError:
        print("\nFebrl's sets are left out: they come with the extra `custmerge[bench]`.")


def _found(ready: Ready, folder: Path) -> _Found:
    out = folder / "scored.csv"
    finished((PYTHON, HERE / "duplicates_child.py", "scored", ready.url, out, str(LOWEST)), ready.environ)
    same, both = {}, {}
    for left, right, probability, kind_of_pair in _rows(out):
        both[pair(left, right)] = float(probability)
        if kind_of_pair == "same":
            same[pair(left, right)] = float(probability)
    return _Found(same, both)


def _print_plain(labelled: LabelledSet, folder: Path) -> None:
    """Print Splink at the threshold that its labels say is the best."""
    out = folder / "plain.csv"
    finished((PYTHON, FLOORS / "splink_plain.py", labelled.file, out), {"PATH": "", "HOME": str(folder)})
    probabilities = {pair(left, right): float(probability) for left, right, probability in _rows(out)}
    for name, best in (
        ("pairs", best_of_pairs(probabilities, labelled.true_pairs)),
        ("closed", best_of_closed(probabilities, labelled.true_pairs)),
    ):
        _print(f"plain Splink, {name}, best threshold {best.threshold:.6f}", best.score)


def _print_list(
    probabilities: Mapping[Pair, float], labelled: LabelledSet, goal: float, precision: float = 0
) -> None:
    truth = labelled.true_pairs
    pairs = [one for one, probability in probabilities.items() if probability >= THRESHOLD]
    for name, at_default, best in (
        ("pairs", score(pairs, truth), best_of_pairs(probabilities, truth)),
        ("closed", score(closed(pairs), truth), best_of_closed(probabilities, truth)),
    ):
        met = at_default.f1 >= goal and at_default.precision >= precision
        _print(f"custmerge, {name}", at_default, f">= {goal}" + (f", {precision}" if precision else ""), met=met)
        difference = best.score.f1 - at_default.f1
        beside = f"  best threshold with labels {best.threshold:.4f}, better by {difference:.4f}"
        _print(beside, best.score, f"<= {BEST_GOAL}", met=difference <= BEST_GOAL)


def _print_estimate(probabilities: Mapping[Pair, float], labelled: LabelledSet) -> None:
    """Print how many duplicates the probabilities promise, beside how many there are."""
    estimate, true = sum(probabilities.values()), len(labelled.true_pairs)
    off = estimate / true - 1
    met = abs(off) <= ESTIMATE_GOAL
    line(f"duplicates: {true:,}, estimated", f"{estimate:,.0f}", None, f"{off:+.1%}", met=met)


def _print_exact(ready: Ready, labelled: LabelledSet) -> None:
    """Print the list of equal identity, which are stars; no goal is set for it."""
    heading(f"{labelled.name}: list of equal identity, F1 (precision, recall)")
    listed = json.loads(ready("duplicates", "--format", "json").out)
    pairs = {pair(each["survivor"], each["absorbed"]): each["why"] for each in listed}
    _print("all", score(pairs, labelled.true_pairs))
    agreeing = [one for one, why in pairs.items() if _TELLING & set(why)]
    _print("with an address, number, mailbox or account equal, too", score(agreeing, labelled.true_pairs))
    _print_relations(pairs, labelled)


_TELLING = {f"{field} equal" for field in ("street", "phone", "mobile", "e-mail", "account")}


def _print_relations(pairs: Iterable[Pair], labelled: LabelledSet) -> None:
    """Print what the customers are to each other that are two in one pair."""
    wrong = (one for one in pairs if one not in labelled.true_pairs)
    for relation, count in Counter(map(labelled.relation, wrong)).most_common():
        line(f"two customers in one pair: {relation}", f"{count:,}")


def _print(name: str, result: Score, goal: str = "", *, met: bool | None = None) -> None:
    line(name, str(result), None, goal, met=met)


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.reader(lines)

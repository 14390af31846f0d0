"""What was kept of a bulk file's rows is told again, whichever version kept it."""

import json

import pytest

from custmerge.cli.words import sentence
from custmerge.errors import (
    BadValue,
    DetailsDiffer,
    LockedOut,
    MergedAway,
    OtherScopeToStaff,
    OwnPasswordRefused,
    ProofRefused,
    SelfMerge,
    TransferNeeded,
    TransferWaits,
)
from custmerge.rules.bulk import Outcome, Result, outcome_of, packed, read_row, unpacked
from custmerge.rules.fields import Field

ROW = read_row(1, {"survivor": "10001", "absorbed": "20002"})


@pytest.mark.parametrize(
    "error",
    [
        SelfMerge(number="1"),
        MergedAway(number="1", merged_into="2"),
        LockedOut(name="20002", until="2026-01-01T00:00:00Z"),
        DetailsDiffer(survivor="1", absorbed="2", fields=[Field.CITY, Field.PHONE]),
        TransferNeeded(survivor="1", absorbed="2", blocked_by=[Field.COMPANY]),
        TransferWaits(survivor="1", absorbed="2", blocked_by=[Field.COMPANY], transfer=3, filed_by="ben"),
        BadValue(name="take", value="x", why="is no detail field; they are {fields}", fields=["city"]),
        ProofRefused(),
        OwnPasswordRefused(proof="password"),
        OtherScopeToStaff(survivor="1", absorbed="2", columns=["tenant"], survivor_scope=["7"], absorbed_scope=["8"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_kept_of_a_row_says_the_same_again(error):
    told = unpacked(ROW, json.loads(json.dumps(packed(outcome_of(ROW, error)))))
    assert (told.result, told.code) == (outcome_of(ROW, error).result, int(error.exit))
    assert sentence(told.error) == sentence(error)


def test_what_was_merged_is_so_already():
    merged = Outcome(1, "10001", "20002", Result.MERGED, 0, 7, None)
    told = unpacked(ROW, json.loads(json.dumps(packed(merged))))
    assert (told.result, told.order, told.error) == (Result.ALREADY, 7, None)


@pytest.mark.parametrize(
    "kept",
    [
        ["refused", 4, None, "mark_refused", {"name": "x"}],
        ["refused", 4, None, "locked_out", {"name": "20002"}],
        ["refused", 4, None, "locked_out", {}],
        ["refused", 4, None, "bad_value", {"name": "x", "value": "y", "why": "is {worse} than {before}"}],
        ["refused", 4, None, "details_differ", {"survivor": "1", "absorbed": "2", "fields": ["fax"]}],
        ["refused", 4, None, "details_differ", {"survivor": "1", "absorbed": "2", "fields": None}],
        ["refused", 4, None, "locked_out"],
        ["refused", 4, None, "locked_out", None],
        ["refused", 4, None, "locked_out", {"name": "20002", "until": "x"}, "more"],
    ],
    ids=str,
)
def test_a_row_of_another_version_keeps_its_status_and_code(kept):
    told = unpacked(ROW, kept)
    assert (told.result, told.code) == (Result.REFUSED, 4)
    assert kept[3] in sentence(told.error) or len(kept) == 6


def test_a_status_of_another_version_is_a_failure_that_names_it():
    told = unpacked(ROW, ["postponed", 9, None])
    assert (told.result, told.code) == (Result.FAILED, 9)
    assert "postponed" in sentence(told.error)

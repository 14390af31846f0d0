"""Who may merge two numbers; what the history tells of a transfer, and of the people who filed and approved it."""

import pytest

from custmerge.errors import BadValue, MissingInput, OwnNumberOnly, ProofRequired, SelfMerge
from custmerge.rules.people import Capability, demand_authority, still_may, survivor_of
from custmerge.rules.transfers import Status, transfer_history


def entries(*told):
    return [{"action": action, "seq": seq, **facts} for seq, (action, facts) in enumerate(told, start=1)]


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (["transfer_file"], Status.FILED),
        (["transfer_file", "transfer_approve"], Status.APPROVED),
        (["transfer_file", "transfer_approve", "transfer_reject"], Status.REJECTED),
        (["transfer_file", "transfer_approve", "merge"], Status.USED),
        (["transfer_file", "transfer_approve", "transfer_void"], Status.VOID),
        (["transfer_file", "transfer_void"], Status.VOID),
    ],
)
def test_a_transfer_is_what_its_newest_entry_made_of_it(actions, status):
    assert transfer_history(entries(*((action, {}) for action in actions))).status is status


def test_of_a_transfer_without_entries_nothing_is_told():
    assert transfer_history([]) is None


def test_a_seal_for_what_an_older_version_wrote_changes_no_status():
    told = entries(
        ("transfer_file", {}),
        ("transfer_approve", {}),
        ("transfer_void", {"row_sha256": "v"}),
        ("transfer_file", {"did": "seal", "row_sha256": "f"}),
        ("transfer_approve", {"did": "seal", "row_sha256": "a"}),
    )
    history = transfer_history(told)
    assert (history.status, history.filed, history.decided) == (Status.VOID, 1, 2)
    assert (history.filing_digest, history.decision_digest) == ("f", "a")


LOST = [{"did": "disable", "seq": 5}, {"did": "role", "role": "auditor", "seq": 5}]
KEPT = [
    {"did": "role", "role": "supervisor", "seq": 5},
    {"did": "password", "seq": 5},
    {"did": "unlock", "seq": 5},
]


@pytest.mark.parametrize("told", LOST)
def test_a_right_that_was_lost_since_does_not_count_though_it_was_given_back(told):
    assert not still_may("supervisor", None, Capability.TRANSFER_DECIDE, 4, [told])
    assert still_may("supervisor", None, Capability.TRANSFER_DECIDE, 5, [told])


@pytest.mark.parametrize("told", KEPT)
def test_what_takes_no_right_away_leaves_it(told):
    assert still_may("supervisor", None, Capability.TRANSFER_DECIDE, 4, [told])


@pytest.mark.parametrize(
    ("role", "disabled_at"), [("agent", None), ("supervisor", "2026-01-01T00:00:00Z"), ("x", None), (7, None)]
)
def test_the_present_row_has_to_allow_it_too(role, disabled_at):
    assert not still_may(role, disabled_at, Capability.TRANSFER_DECIDE, 4, [])


@pytest.mark.parametrize(("own", "into"), [("1", None), ("1", "1"), (None, "1")])
def test_a_customer_keeps_the_own_number_and_staff_name_one(own, into):
    assert survivor_of(own, into, "2") == "1"


@pytest.mark.parametrize(
    ("own", "into", "absorbed", "error"),
    [
        ("1", "3", "2", OwnNumberOnly),
        (None, None, "2", MissingInput),
        ("1", None, "1", SelfMerge),
        (None, "2", "2", SelfMerge),
        ("1", None, "2 ", BadValue),
        (None, "1\n", "2", BadValue),
    ],
)
def test_other_pairs_are_refused(own, into, absorbed, error):
    with pytest.raises(error):
        survivor_of(own, into, absorbed)


PAIR = ("1", "2")


def test_a_proof_is_authority_enough():
    assert demand_authority(PAIR, is_proved=True, is_customer=True) is None
    assert demand_authority(PAIR, is_proved=True, is_customer=False, transfer=7) is None


def test_an_approved_transfer_stands_in_for_the_proof_of_staff_alone():
    assert demand_authority(PAIR, is_proved=False, is_customer=False, transfer=7) == 7
    with pytest.raises(ProofRequired):
        demand_authority(PAIR, is_proved=False, is_customer=True, transfer=7)
    with pytest.raises(ProofRequired):
        demand_authority(PAIR, is_proved=False, is_customer=False, transfer=None)

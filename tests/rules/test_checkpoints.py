"""Contract §7: a line of the checkpoint file."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.audit import Checkpoint, checkpoint_line, is_torn_line, read_checkpoint, signed_text

HASH = "0123456789abcdef" * 4
AT = "2026-01-31T08:00:00Z"
SIGNATURE = "A" * 86 + "=="

checkpoints = st.builds(
    Checkpoint,
    st.integers(0, 2**53 - 1),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")),
    st.sampled_from([None, SIGNATURE]),
)


def shape(**changes):
    return json.dumps({"seq": 17, "hash": HASH, "at": AT, **changes})


def test_a_line_has_the_contracts_keys_in_their_order():
    assert checkpoint_line(Checkpoint(17, HASH, AT, None)) == f'{{"seq": 17, "hash": "{HASH}", "at": "{AT}"}}'


def test_a_signed_line_has_its_signature_last():
    line = checkpoint_line(Checkpoint(17, HASH, AT, SIGNATURE))
    assert list(json.loads(line)) == ["seq", "hash", "at", "signature"]


@given(checkpoints)
def test_what_was_written_is_what_is_read(checkpoint):
    assert read_checkpoint(checkpoint_line(checkpoint)) == checkpoint


@given(checkpoints)
def test_a_signature_is_over_the_first_three_keys_as_rfc_8785_writes_them(checkpoint):
    body = {"seq": checkpoint.seq, "hash": checkpoint.hash, "at": checkpoint.at}
    assert signed_text(checkpoint).encode() == rfc8785.dumps(body)


def test_an_empty_history_has_a_checkpoint_too():
    assert read_checkpoint(shape(seq=0)).seq == 0


@given(checkpoints, st.data())
def test_every_true_prefix_of_a_line_is_torn(checkpoint, data):
    whole = checkpoint_line(checkpoint)
    assert is_torn_line(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(checkpoints)
def test_a_whole_line_is_not_torn(checkpoint):
    assert not is_torn_line(checkpoint_line(checkpoint))


@pytest.mark.parametrize(
    "text", ["x", "{}", '{"seq":1', '{"seq": x', '{"seq": 01', '{"seq": 1, "hash": "Z', '{"hash": "', " ", "{'seq'"]
)
def test_what_no_line_begins_with_is_not_torn(text):
    assert not is_torn_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        shape(seq=-1),
        shape(seq=2**53),
        shape(seq=1.0),
        shape(seq=True),
        shape(seq="1"),
        shape(hash=HASH.upper()),
        shape(hash=HASH[1:]),
        shape(hash=HASH + "\n"),
        shape(hash=None),
        shape(at="yesterday"),
        shape(at="2026-01-31T08:00:00+00:00"),
        shape(at="2026-02-30T08:00:00Z"),
        shape(at=0),
        shape(signature=None),
        shape(signature=SIGNATURE, more=1),
        shape(more=1),
        json.dumps({"hash": HASH, "seq": 1, "at": AT}),
        json.dumps({"seq": 1, "hash": HASH}),
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_checkpoint(text)

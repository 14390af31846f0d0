"""Contract §7: bodies in canonical JSON, chained by SHA-256."""

import hashlib
import json
from collections import deque

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.history import (
    NO_HASH,
    Action,
    Actor,
    Draft,
    Entry,
    Head,
    canonical,
    chain_hash,
    extend,
    image_digest,
)
from custmerge.rules.ledger_check import Part, verify_chain

texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(max_codepoint=127), min_size=1)
bodies = st.dictionaries(keys, st.one_of(texts, st.integers(-(2**53) + 1, 2**53 - 1), st.none(), st.lists(texts)))
ANNA = Actor("anna", "staff")


def drafts(count):
    return [Draft("2026-01-31T08:00:00Z", ANNA, Action.IMPORT, {"rows": n}) for n in range(count)]


def breaks(entries):
    part = Part(0, NO_HASH, 0)
    deque(verify_chain(((entry.seq, entry.body, entry.hash) for entry in entries), part), maxlen=0)
    return part.findings.kept


def chain(count):
    return extend(Head(0, NO_HASH, 0), drafts(count))


@given(bodies)
def test_a_body_is_written_as_rfc_8785_says(body):
    assert canonical(body).encode() == rfc8785.dumps(body)


def test_a_key_that_is_not_ascii_is_refused():
    with pytest.raises(ValueError, match="ASCII"):
        canonical({"schlüssel": 1})


def test_the_first_hash_covers_32_zero_bytes_and_the_body():
    (entry,) = chain(1)
    assert entry.hash == hashlib.sha256(bytes(32) + entry.body.encode()).hexdigest()


def test_each_hash_covers_the_one_before():
    first, second = chain(2)
    assert second.hash == hashlib.sha256(bytes.fromhex(first.hash) + second.body.encode()).hexdigest()


def test_entries_are_numbered_from_one_without_gaps():
    assert [(e.seq, json.loads(e.body)["seq"]) for e in chain(3)] == [(1, 1), (2, 2), (3, 3)]


def test_a_body_has_every_key_of_the_contract():
    body = json.loads(chain(1)[0].body)
    assert body == {
        "v": 1,
        "seq": 1,
        "at": "2026-01-31T08:00:00Z",
        "by": "anna",
        "by_kind": "staff",
        "action": "import",
        "order": None,
        "survivor": None,
        "absorbed": None,
        "choice": None,
        "rows": 0,
    }


def test_facts_cannot_overwrite_who_acted_and_when():
    draft = Draft("2026-01-31T08:00:00Z", ANNA, Action.USER, {"by": "ben", "seq": 9, "action": "merge"})
    body = json.loads(extend(Head(0, NO_HASH, 0), [draft])[0].body)
    assert (body["by"], body["seq"], body["action"]) == ("anna", 1, "user")


@given(st.integers(0, 8), st.integers(0, 8))
def test_a_chain_made_in_two_pieces_is_the_chain_made_in_one(first, second):
    begun = chain(first)
    end = Head(begun[-1].seq, begun[-1].hash, 0) if begun else Head(0, NO_HASH, 0)
    assert [e.seq for e in begun + extend(end, drafts(second))] == list(range(1, first + second + 1))
    assert breaks(begun + extend(end, drafts(second))) == []


@given(st.integers(0, 4), st.sampled_from(["edit", "drop", "swap", "double"]))
def test_any_change_inside_a_chain_is_found(position, kind):
    entries = chain(6)
    match kind:
        case "edit":
            entry = entries[position]
            entries[position] = Entry(entry.seq, entry.body.replace("anna", "ben"), entry.hash)
        case "drop":
            del entries[position]
        case "swap":
            entries[position], entries[position + 1] = entries[position + 1], entries[position]
        case "double":
            entries.insert(position, entries[position])
    assert breaks(entries) != []


def test_a_chain_hash_depends_on_both_parts():
    assert len({chain_hash(NO_HASH, "{}"), chain_hash("11" * 32, "{}"), chain_hash(NO_HASH, "[]")}) == 3


def test_a_before_image_is_bound_by_a_salted_digest():
    assert image_digest(b"salt", "image") == hashlib.sha256(b"saltimage").hexdigest()
    assert image_digest(b"salt", "image") != image_digest(b"tlas", "image")

"""What an audit reads of an entry and its order: values, and only in their one canonical writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.world import a_customer

from custmerge.rules.audit import CheckName
from custmerge.rules.history import NO_HASH, canonical, image_digest
from custmerge.rules.ledger_check import EntryRow, LedgerRow, Part, check_entries, compare, read_body
from custmerge.rules.plan import Choice, Plan, before_image

texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(max_codepoint=127), min_size=1)
bodies = st.dictionaries(keys, st.one_of(texts, st.integers(-(2**53) + 1, 2**53 - 1), st.none(), st.lists(texts)))
SALT, AT = b"s" * 16, "2026-01-01T00:00:00Z"
IMAGE = before_image(Plan(a_customer(), a_customer("20002"), Choice.ADOPT, {}, ()))
FACTS = {
    "v": 1, "action": "merge", "at": AT, "order": 1, "survivor": "10001", "absorbed": "20002", "choice": "adopt",
    "taken": ["street", "city"], "by": "ben", "by_kind": "staff", "image_sha256": image_digest(SALT, IMAGE),
}  # fmt: skip
ORDER = (1, "10001", "20002", "adopt", "street city", AT, "ben")


@given(bodies)
def test_a_body_is_read_as_it_was_written(facts):
    assert read_body(canonical(facts)) == facts


@pytest.mark.parametrize(
    "body",
    [
        '{"order": 1}',
        '{"order":1} ',
        '{"order":1,"by":"ben"}',
        '{"order":1,"order":1}',
        '{"order":2,"order":1}',
        '{"order":1.0e0}',
        '{"order":01}',
        '{"order":-0}',
        '{"order":1e400}',
        '{"order":NaN}',
        '{"order":18446744073709551616}',
        '{"by":"\\u00e4"}',
        '{"by":"\\/"}',
        '{"by":"\\ud800"}',
        '{"by":"\ud800"}',
        '{"by":"\n"}',
        "[1]",
        "1",
        "{",
        "",
        b"{}",
        None,
        7,
    ],
)
def test_what_is_written_in_another_way_says_nothing(body):
    assert read_body(body) is None


def checked(facts=FACTS, order=ORDER, salt=SALT, image=IMAGE, body=None):
    """Return what is found in one entry with its order and before-image, and the merges given on."""
    columns = [facts.get(name) for name in ("action", "at", "survivor", "absorbed", "order")]
    body = canonical(facts) if body is None else body
    part = Part(0, NO_HASH, 0)
    merges = list(compare([LedgerRow(1, body, "", *columns, salt, image, *order)], part, purged_until="2025"))
    return [(finding.check, finding.subject) for finding in part.findings.kept], merges


def test_an_order_that_says_what_its_entry_says_is_in_order():
    findings, (merge,) = checked()
    assert findings == []
    assert (merge.order, merge.survivor, merge.choice) == (1, "10001", Choice.ADOPT)


@pytest.mark.parametrize("place", range(1, 7))
@pytest.mark.parametrize("value", [None, 1, b"10001", "x", "street city ", 'street","city', ""])
def test_any_other_cell_of_an_order_is_found(place, value):
    order = (*ORDER[:place], value, *ORDER[place + 1 :])
    assert checked(order=order)[0] == [(CheckName.ORDERS, "order 1")]


@pytest.mark.parametrize("taken", [["street city"], ["street"], ["city", "street"], [], "street city", None])
def test_other_fields_of_an_entry_are_found(taken):
    assert checked({**FACTS, "taken": taken})[0] == [(CheckName.ORDERS, "order 1")]


@pytest.mark.parametrize("number", [True, 1.0])
def test_what_equals_the_number_of_an_order_is_not_one(number):
    assert (CheckName.ORDERS, "order 1") in checked({**FACTS, "order": number})[0]


@pytest.mark.parametrize("version", [{}, {"v": 2}, {"v": True}])
def test_an_entry_of_another_version_is_not_one_of_ours(version):
    facts = {name: value for name, value in FACTS.items() if name != "v"}
    assert checked(facts | version)[0] == [(CheckName.ORDERS, "order 1")]


def test_what_no_merge_writes_is_found_though_entry_order_and_image_agree():
    """It ends nothing: the orders behind it are compared as well."""
    assert checked({**FACTS, "choice": "both"}, (*ORDER[:3], "both", *ORDER[4:])) == (
        [(CheckName.ORDERS, "order 1")],
        [],
    )
    facts = {**FACTS, "image_sha256": image_digest(SALT, "no image")}
    assert checked(facts, image="no image") == ([(CheckName.ORDERS, "order 1")], [])


def test_an_entry_that_is_written_in_another_way_is_no_entry_of_its_order():
    assert checked(body=canonical(FACTS).replace(",", ", "))[0] == [
        (CheckName.CHAIN, "history 1"),
        (CheckName.COLUMNS, "history 1"),
        (CheckName.ORDERS, "order 1"),
        (CheckName.IMAGES, "order 1"),
    ]


@pytest.mark.parametrize(
    ("salt", "image"),
    [
        (SALT, None),
        (SALT, ""),
        (b"", ""),
        (b"t" * 16, IMAGE),
        (None, IMAGE),
        (SALT, IMAGE + " "),
        (SALT, b"x"),
        (SALT, 7),
    ],
)
def test_any_other_image_is_found_and_says_nothing_of_packages(salt, image):
    assert checked(salt=salt, image=image) == ([(CheckName.IMAGES, "order 1")], [])


def test_any_entry_that_is_written_in_another_way_is_found():
    part = Part(0, NO_HASH, 0)
    check_entries([EntryRow(1, '{"action": "login"}', "", "login", None, None, None, None)], part)
    assert [(finding.check, finding.subject) for finding in part.findings.kept] == [
        (CheckName.CHAIN, "history 1"),
        (CheckName.COLUMNS, "history 1"),
    ]


@pytest.mark.parametrize("place", range(5))
def test_a_search_column_that_says_something_else_is_found(place):
    columns = ["merge", AT, "10001", "20002", 1]
    columns[place] = "x"
    part = Part(0, NO_HASH, 0)
    check_entries([EntryRow(1, canonical(FACTS), "", *columns)], part)
    assert [(finding.check, finding.subject) for finding in part.findings.kept] == [(CheckName.COLUMNS, "history 1")]

"""Whatever stands in a record, a file or an argument: nothing of it is obeyed by a terminal."""

import csv
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import execute
from support.runs import NIGHTLY

from custmerge.rules.fields import FIELDS
from custmerge.rules.records import CONTACT_COLUMNS, guard, may_be_damaged

# ESC sequences, C1 controls, bidi overrides, zero width, line separators, markup, formulas, templates.
PIECES = [
    *("\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x85", "\x7f", "\b", "\r", "\n", "\t", "\f", "\x00"[:0]),
    *("\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\U000e0041", "\ue000", "\u0430"),
    *("[red]", "[/]", "[link=file:///etc/passwd]", "{why}", "{0}", "%s", "=1+1", "@x", "'", '"', ";", ",", "\\"),
    *("Müller", "🙂", "ﷺ"),
]
hostile = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(st.characters(codec="utf-8"), max_size=4)), max_size=6
).map(lambda parts: "".join(parts).replace("\x00", ""))
# What looks like a wrong decoding or a lost number is refused, which is shown elsewhere.
hostile = hostile.filter(lambda text: not may_be_damaged(text))
# What a terminal may obey: C0 and C1 but the line feed, bidi, separators, format characters.
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ue000-\uf8ff\U000e0000-\U000e007f]"
)


def write(path, columns, *rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        # As an export writes it: a leading ' would be taken for a guard.
        writer.writerows([guard(cell) for cell in row] for row in rows)


@settings(
    max_examples=25 if NIGHTLY else 4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(hostile, min_size=len(FIELDS), max_size=len(FIELDS)),
    contact=st.lists(hostile, min_size=len(CONTACT_COLUMNS), max_size=len(CONTACT_COLUMNS)),
    name=hostile,
)
def test_no_control_character_comes_out_of_anything_but_a_csv_file(supervisor, tmp_path, values, contact, name):
    write(tmp_path / "c.csv", ["number", *FIELDS], ["1", *values], ["2", *reversed(values)])
    write(tmp_path / "p.csv", ["package", "number", "name", *CONTACT_COLUMNS], ["P1", "1", name, *contact])
    done = supervisor.in_process("import", "customers", "c.csv", "--update")
    assert done.code == 0, done.err
    done = supervisor.in_process("import", "packages", "p.csv", "--update")
    assert done.code == 0, done.err
    word = (values[0].split() or ["x"])[0]
    for command in (
        ("find", "--", word),
        ("show", "1"),
        ("show", "1", "--reveal"),
        ("diff", "2", "--into", "1", "--all"),
        ("history",),
    ):
        for form in ("table", "json"):
            done = supervisor.in_process(*command[:1], "-f", form, *command[1:])
            assert done.code in (0, 1, 3), (command, done.err)
            assert not OBEYED.search(done.out + done.err), command
    for kind in ("customers", "packages", "history"):
        for form in ("json", "jsonl"):
            assert not OBEYED.search(supervisor.in_process("export", kind, "-f", form).out)
    # Nothing was lost on the way in and out.
    exported = {
        row["number"]: row
        for row in map(json.loads, supervisor.in_process("export", "customers", "-f", "jsonl").out.splitlines())
    }
    assert [exported["1"][field] for field in FIELDS] == values
    supervisor.in_process("export", "customers", "--out", "again.csv")
    supervisor.in_process("import", "customers", "again.csv", "--update")
    again = [
        json.loads(line) for line in supervisor.in_process("export", "customers", "-f", "jsonl").out.splitlines()
    ]
    assert {row["number"]: row for row in again} == exported


@settings(
    max_examples=25 if NIGHTLY else 4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=hostile.filter(bool),
    name=hostile.map(lambda text: text.replace("/", "")[:40]).filter(lambda t: t.strip(".")),
)
def test_arguments_and_file_names_are_shown_visibly(supervisor, tmp_path, text, name):
    path = tmp_path / f"x{name}"
    path.write_bytes(b"number,x\n")
    for command in (
        ("show", "--", text),
        ("import", "customers", path.name),
        ("import", "customers", f"{path.name}.missing"),
        ("login", "--print-token", "--password-stdin", "--", text),
        ("user", "unlock", "--", text),
        ("transfer", "file", "1", "--into", "2", "--form", path.name),
        ("history", "--since", text),
        ("--database", f"sqlite:///{text}", "whoami"),
        ("--database", text, "whoami"),
        ("--lang", text, "whoami"),
    ):
        done = supervisor.in_process(*command, stdin="x")
        # 0: the login before it has made the name one that can be unlocked.
        assert done.code in (0, 2, 4, 5, 8), (command, done.err)
        assert not OBEYED.search(done.err + done.out), command
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["{x}", "{", "{0}", "{option.__class__}", "{option:>2000000}"])
def test_brackets_in_what_somebody_typed_are_no_places_to_be_filled(agent, world, text):
    world.customer("10001")
    world.customer("20001", domains=["eins.example"])
    done = agent("verify", "20001", "--into", "10001", "--domain", text)
    assert (done.code, text in done.err, done.err.count("\n")) == (2, True, 1), done.err


def test_brackets_in_a_row_hide_nothing_from_an_audit(agent, supervisor, world, database_url):
    world.customer("10001", company="Eins")
    world.customer("20001", company="Zwei")
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    assert agent("transfer", "file", "20001", "--into", "10001", "--form", "form.pdf").code == 0
    execute(database_url, "UPDATE custmerge_transfer SET status = '{x}'")
    done = supervisor("audit", "--only", "transfers", "-f", "json")
    assert (done.code, "{x}" in done.json["findings"][0]["message"]) == (2, True)
    assert supervisor("transfer", "list").code == 0

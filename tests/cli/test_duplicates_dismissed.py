"""Two numbers that are two customers: no search finds them again, in either direction, until a name changes."""

import re

import pytest
from support.databases import execute, first_cells
from support.scenes import scene

REASON = "father & son\u200b <b>"


@scene
def alike(world):
    """Katrin three times."""
    world.customers_like("10001", "10002", "10003")
    return world


def pairs(who, *options):
    return [(row["survivor"], row["absorbed"]) for row in who("duplicates", "-f", "json", *options).json]


def dismiss(who, one, other, reason=REASON):
    return who("duplicates", "dismiss", one, other, "--reason", reason, "-f", "json")


def test_a_dismissed_pair_has_a_shape_of_its_own(alike, supervisor, auditor):
    done = dismiss(supervisor, "10002", "10001")
    assert done.code == 0
    expected = {"number": "10001", "other": "10002", "reason": REASON, "by": "anna"}
    assert done.json | {"at": ""} == {**expected, "at": ""}
    (listed,) = auditor("duplicates", "dismissed", "-f", "json").json
    assert listed == {**done.json, "holds": True}
    assert "\\u200b" in auditor("duplicates", "dismissed").out


@pytest.mark.parametrize("rule", ["oldest", "recent"])
def test_it_is_found_in_neither_direction(alike, supervisor, rule):
    dismiss(supervisor, "10003", "10001")
    found = pairs(supervisor, "--survivor", rule)
    assert found == ([("10001", "10002")] if rule == "oldest" else [("10003", "10002")])
    assert ("10001", "10003") not in pairs(supervisor, "--against", "10003")
    bulk = supervisor("duplicates", "--survivor", rule, "-f", "csv").out.splitlines()[1:]
    assert bulk == [f"{one},{other},," for one, other in found]


def test_two_that_were_dismissed_arent_merged_by_way_of_a_third(alike, supervisor):
    dismiss(supervisor, "10002", "10003")
    assert pairs(supervisor) == [("10001", "10002")]


def test_it_comes_back_with_the_old_reason_when_names_change(alike, supervisor, auditor):
    dismiss(supervisor, "10001", "10002")
    for last_name, is_back in ((" VOGELSANG", False), ("Adler", True)):
        (alike.folder / "new.csv").write_text(
            "number,last_name\n" + "".join(f"{n},{last_name}\n" for n in ("10001", "10002"))
        )
        assert supervisor("import", "customers", "new.csv", "--update").code == 0
        found = {
            (row["survivor"], row["absorbed"]): row["why"] for row in supervisor("duplicates", "-f", "json").json
        }
        assert (("10001", "10002") in found) is is_back
    assert found["10001", "10002"][-1] == f"dismissed before: {REASON}"
    assert "dismissed before: father & son\\u200b <b>" in supervisor("duplicates", COLUMNS="300").out
    assert [row["holds"] for row in auditor("duplicates", "dismissed", "-f", "json").json] == [False]
    # Once more, and it holds again.
    assert dismiss(supervisor, "10001", "10002").code == 0
    assert pairs(supervisor) == []
    assert supervisor("audit").code == 0


def test_it_comes_back_with_the_old_reason_by_way_of_a_third_too(alike, supervisor):
    dismiss(supervisor, "10002", "10003")
    names = "".join(f"{number},Adler\n" for number in ("10001", "10002", "10003"))
    (alike.folder / "new.csv").write_text("number,last_name\n" + names)
    assert supervisor("import", "customers", "new.csv", "--update").code == 0
    why = [row["why"][-1] for row in supervisor("duplicates", "-f", "json").json]
    assert len(why) == 2
    assert why[1] == f"dismissed from 10002 before: {REASON}"
    assert "dismissed from 10002 before: father" in supervisor("duplicates", COLUMNS="300").out


def test_it_may_be_taken_back_by_either_order_of_the_numbers(alike, supervisor):
    dismiss(supervisor, "10001", "10002")
    assert supervisor("duplicates", "undismiss", "10002", "10001", "-f", "json").json["reason"] == REASON
    assert len(pairs(supervisor)) == 2
    done = supervisor("duplicates", "undismiss", "10002", "10001", "-f", "json")
    assert (done.code, done.error["code"]) == (5, "not_dismissed")
    assert supervisor("audit").code == 0


def test_both_are_entries_that_each_number_finds_without_the_reason(alike, supervisor):
    dismiss(supervisor, "10002", "10001")
    supervisor("duplicates", "undismiss", "10001", "10002")
    for number in ("10001", "10002"):
        entries = supervisor("history", number, "-f", "json").json
        told = [(entry["action"], entry["survivor"], entry["absorbed"], entry["by"]) for entry in entries]
        assert told == [("undismiss", "10001", "10002", "anna"), ("dismiss", "10001", "10002", "anna")]
    assert "father" not in supervisor("export", "history", "-f", "jsonl").out
    assert "10001 ≠ 10002" in supervisor("history", "--action", "dismiss").out


@pytest.mark.parametrize(
    ("one", "other", "reason", "code"),
    [
        ("10001", "10001", "x", "bad_value"),
        ("10001", "4711", "x", "unknown_number"),
        ("10001", "10002", " ", "bad_value"),
        ("10001", "10002", "x" * 1_001, "bad_value"),
    ],
)
def test_what_cannot_be_dismissed_is_refused(alike, supervisor, one, other, reason, code):
    done = dismiss(supervisor, one, other, reason)
    assert done.error["code"] == code
    assert supervisor("history", "--action", "dismiss", "-f", "json").json == []


def test_a_refusal_says_what_to_do_in_the_language_of_the_person(alike, supervisor):
    to_itself = ("duplicates", "dismiss", "10001", "10001", "--reason", "x")
    assert "is the first number too; name another one" in supervisor(*to_itself).err
    assert "nennen Sie eine andere" in supervisor("--lang=de", *to_itself).err
    empty = supervisor("duplicates", "dismiss", "10001", "10002", "--reason", "").err
    assert "give it a value" in empty
    assert "leave it out" not in empty
    assert "--threshold braucht eine Zahl" in supervisor("--lang=de", "duplicates", "--fuzzy", "--threshold", "x").err


def test_an_auditor_may_look_and_nothing_else(alike, supervisor, auditor, agent):
    dismiss(supervisor, "10001", "10002")
    assert dismiss(auditor, "10001", "10003").code == 4
    assert auditor("duplicates", "undismiss", "10001", "10002").code == 4
    assert auditor("duplicates", "dismissed").code == 0
    assert agent("duplicates", "dismissed").code == 4


EDITS = {
    "a changed reason": "UPDATE custmerge_dismissal SET reason = 'x'",
    "other people": "UPDATE custmerge_dismissal SET \"by\" = 'ben'",
    "other names": "UPDATE custmerge_dismissal SET identity_sha256 = 'x'",
    "another number": "UPDATE custmerge_dismissal SET other = '10003'",
    "a deleted row": "DELETE FROM custmerge_dismissal",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_audit_finds_what_was_changed_by_hand(alike, supervisor, database_url, edit):
    dismiss(supervisor, "10001", "10002")
    execute(database_url, EDITS[edit])
    done = supervisor("audit", "-f", "json")
    assert done.code == 2
    assert {finding["check"] for finding in done.json["findings"]} == {"dismissals"}


def test_a_purge_erases_old_reasons_and_the_pair_stays_dismissed(alike, supervisor, database_url):
    dismiss(supervisor, "10001", "10002")
    old = "2024-01-01T00:00:00Z"
    execute(database_url, f"UPDATE custmerge_dismissal SET at = '{old}'")
    assert supervisor("purge", "--older-than", "365d", "--yes", "-f", "json").json["reasons"] == 1
    assert first_cells(database_url, "SELECT count(*) FROM custmerge_dismissal WHERE reason IS NULL") == [1]
    assert pairs(supervisor) == [("10001", "10003")]
    # What was changed by hand before isn't sealed anew.
    assert supervisor("audit").code == 2


HOSTILE = "\x1b[31m[red]x[/red]\nzwei {0} \u202e"


def test_nothing_of_a_reason_or_a_number_is_obeyed_by_a_terminal_or_taken_for_a_style(world, supervisor):
    """Names themselves aren't in these tables."""
    name = {"company": HOSTILE, "first_name": "[bold]Jo[/]", "last_name": "Doe"}
    world.customers_like("[red]1", "[/]2", "[red]3", **name)
    shown = [supervisor("duplicates", COLUMNS="60").out]
    done = supervisor("duplicates", "dismiss", "[red]1", "[/]2", "--reason", HOSTILE)
    assert done.code == 0, done.err
    shown += [done.out, supervisor("duplicates", "dismissed", COLUMNS="60").out]
    (world.folder / "new.csv").write_text("number,last_name\n[red]1,Adler\n[/]2,Adler\n[red]3,Adler\n")
    assert supervisor("import", "customers", "new.csv", "--update").code == 0
    shown += [supervisor("duplicates", COLUMNS="60").out, supervisor("duplicates", "dismissed", COLUMNS="60").out]
    assert [
        text for text in shown if "[red]" not in text or re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    ] == []
    assert [text for text in shown[2:] if "[31m[red]x[/red]" not in "".join(text.split())] == []
    assert max(len(line) for text in (*shown[:1], *shown[2:]) for line in text.splitlines()) <= 60
    assert supervisor("duplicates", "dismissed", "-f", "json").json[0]["reason"] == HOSTILE.strip()


def test_a_row_with_a_salt_that_is_no_bytes_stops_no_search_and_the_audit_names_it(alike, supervisor):
    """SQLite takes a text there."""
    dismiss(supervisor, "10001", "10002")
    if alike.url.startswith("sqlite"):
        execute(alike.url, "UPDATE custmerge_dismissal SET salt = 'x', reason = 5")
    else:
        execute(alike.url, "UPDATE custmerge_dismissal SET salt = 'x', reason = '5'")
    assert pairs(supervisor) == [("10001", "10002"), ("10001", "10003")]
    assert supervisor("duplicates").code == 0
    (listed,) = supervisor("duplicates", "dismissed", "-f", "json").json
    assert listed["holds"] is False
    assert supervisor("duplicates", "dismissed").code == 0
    assert "dismissal 10001 10002" in {
        finding["subject"] for finding in supervisor("audit", "-f", "json").json["findings"]
    }

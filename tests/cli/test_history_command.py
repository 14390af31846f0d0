"""Contract §3, `history`: what an entry tells, who is told what, and nothing that a terminal obeys."""

import json
from contextlib import closing

import pytest
from support import history_scenes
from support.history_scenes import KEYS, draft

from custmerge.rules.history import Action, Actor
from custmerge.storage.database import Database

append = history_scenes.append
merged = history_scenes.merged
undone = history_scenes.undone


def rows_of(table):
    """The cells of a wide table's rows by their first column; what follows in a row's cells is joined."""
    rows = {}
    for line in table.splitlines()[2:]:
        first, _, rest = line.partition(" ")
        seq = first or seq  # noqa: F821 (the first line has one)
        rows[seq] = rows.get(seq, "") + " ".join(rest.split()) + "\n"
    return rows


def test_a_merge_tells_how_much_moved_and_which_fields_were_taken(merged, agent):
    out = agent("history", "20002", COLUMNS="120").out
    for told in ("20002 → 10001", "keep; 1 package; 2 domains", "taken: street"):
        assert told in out


def test_what_else_an_entry_tells_is_named_without_digests(append, agent):
    append(draft(Action.PURGE, until="2026-01-31T00:00:00Z", orders=3))
    append(draft(Action.IMPORT, kind="packages", rows=7, updated=2, file_sha256="ab" * 32))
    append(draft(Action.USER, did="add", name="eva", role="supervisor", row_sha256="cd" * 32))
    out = agent("history", COLUMNS="120").out
    for told in (
        "orders: 3; until: 2026-01-31 00:00:00",
        "packages; rows: 7; updated: 2",
        "add; name: eva; role: supervisor",
    ):
        assert told in out
    assert "abab" not in out
    assert "angelegt; Name: eva; Rolle: Supervisor" in agent("--lang", "de", "history", COLUMNS="120").out


def test_what_else_an_entry_tells_cannot_colour_the_terminal(append, agent):
    append(draft(Action.USER, did="add", name="[red]b\x1b[31m"))
    assert "name: [red]b\\x1b[31m" in agent("history", COLUMNS="120").out


def test_an_order_that_is_asked_for_names_what_it_moved(merged, agent):
    out = agent("history", "--order", "1").out
    assert "1 package moved: P20002" in out
    assert "2 domains moved: auch.example, zwei.example" in out


def test_names_are_told_only_with_the_merge_that_moved_them(merged, agent):
    assert "P20002" not in agent("history").out
    assert "P20002" not in agent("history", "--order", "1", "--action", "undo").out


def test_a_customer_is_not_told_what_an_order_of_others_moved(merged, cli):
    merged.customer("40004", password="pw-4")
    done = cli.login("40004", "pw-4")("history", "--order", "1")
    assert (done.code, "zwei.example" in done.out, "20002" in done.out) == (5, False, False)


def test_a_before_image_that_was_purged_is_said_to_be(merged, agent):
    with closing(Database(agent.url)) as database, database.writing() as unit:
        unit._connection.exec_driver_sql("""UPDATE custmerge_before_image SET image = '' WHERE "order" = 1""")
    out = agent("history", "--order", "1").out
    assert "The names of what was moved were purged." in out
    assert "zwei.example" not in out


def test_an_order_that_was_taken_back_is_shown_as_such(undone, agent):
    undo = agent("history", "--action", "undo", "-f", "json").json[0]["seq"]
    merges = rows_of(agent("history", "--action", "merge", COLUMNS="120").out)
    assert [f"undone by no. {undo}" in row for row in merges.values()] == [False, True]


def test_json_lines_and_csv_keep_their_shape_whatever_became_of_an_order(undone, agent):
    assert all(list(entry) == KEYS for entry in agent("history", "-f", "json").json)
    assert all(list(json.loads(line)) == KEYS for line in agent("history", "-f", "jsonl").out.splitlines())
    assert agent("history", "-f", "csv").out.splitlines()[0].split(",") == KEYS


def test_german_words_for_it(undone, agent):
    out = agent("--lang", "de", "history", "20002", COLUMNS="120").out
    for told in ("1 Paket; 2 Domains", "übernommen: Straße", "Rücknahme durch Nr."):
        assert told in out


@pytest.mark.parametrize("columns", [60, 80])
def test_the_table_fits_the_screen(undone, agent, columns):
    for line in agent("--lang", "de", "history", COLUMNS=str(columns)).out.splitlines():
        assert len(line) <= columns


def test_nothing_in_an_entry_is_obeyed_by_the_terminal(merged, append, agent):
    hostile = "\x1b[31mrot\u202e\n"
    append(
        draft(Action.MERGE, by=Actor(hostile, "staff"), order=1, survivor=hostile, taken=[hostile], choice=hostile)
    )
    for options in ((), ("--order", "1")):
        out = agent("history", *options, COLUMNS="200").out
        assert "\\x1b[31mrot\\u202e\\n" in out
        assert "\x1b" not in out

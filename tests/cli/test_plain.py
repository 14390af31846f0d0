"""`--plain`: one fact a line, no boxes, no colours, for screen readers."""

import re

import pytest
from support.marks import on_sqlite_alone
from support.scenes import scene
from support.typist import Typist
from support.world import details

LOOKS = re.compile("[\u2500-\u257f\u2580-\u259f\x1b]")


@scene
def customers(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")
    world.package("Q", "20002", ["laden.example"], contact=details(street="Postfach 1"))
    return world


@on_sqlite_alone
@pytest.mark.parametrize(
    "command",
    [
        ("diff", "20002", "--into", "10001"), ("show", "20002"), ("find", "Katrin"), ("history",), ("user", "list"),
        ("token", "list"), ("transfer", "list"), ("bulk", "status"), ("audit",), ("doctor",), ("config", "show"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_table_has_boxes_or_colours(customers, supervisor, command):
    typist = Typist(supervisor, "--plain", *command, PAGER="")
    typist.ends()
    assert LOOKS.search(typist.child.before) is None


@on_sqlite_alone
def test_each_cell_of_a_table_is_a_line_with_its_heading_and_marks_are_words(customers, agent):
    shown = agent("--plain", "diff", "20002", "--into", "10001").out
    assert "different\nField: city\n10001 kept: Karlsruhe\n20002 taken over: Ulm\n\n" in shown
    german = agent("--lang", "de", "--plain", "show", "20002").out
    assert "\nOrt: Ulm\n" in german


@on_sqlite_alone
def test_the_form_is_plain_too(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "--plain", "merge", "20002", "--domain", "zwei.example", COLUMNS="40")
    typist.answers("belongs to it: ", "pw-2")
    typist.sees("different\r\nField: city\r\n10001 kept: Karlsruhe\r\n20002 taken over: Ulm\r\n")
    typist.sees("1: Adopt the data of 10001 for the moved packages; these lose the contact of their own: Q\r\n")
    typist.sees("4: [ ] Take over for 10001: city Ulm\r\n")
    assert "─" not in typist.child.before
    typist.answers("Your choice: ", "2")
    typist.answers("[y/N]: ", "y")
    assert typist.ends() == 0


@on_sqlite_alone
def test_it_can_be_chosen_for_good(customers, agent):
    (customers.folder / "config.toml").write_text("plain = true\n")
    diff = ("diff", "20002", "--into", "10001")
    chosen = agent(*diff, CUSTMERGE_PLAIN="1").out
    assert chosen.startswith("different\n")
    assert agent(*diff, CUSTMERGE_CONFIG="config.toml").out == chosen
    assert agent(*diff, CUSTMERGE_CONFIG="config.toml", CUSTMERGE_PLAIN="0").out != chosen
    wrong = agent(*diff, CUSTMERGE_PLAIN="perhaps")
    assert (wrong.code, wrong.err) == (2, "custmerge: plain perhaps: choose 1 or 0.\n")
    (customers.folder / "config.toml").write_text("plain = 1\n")
    assert "plain must be true or false" in agent(*diff, CUSTMERGE_CONFIG="config.toml").err

"""Contract §3, `history`: a table higher than the screen goes through the pager."""

import time

import pytest
from support import history_scenes
from support.history_scenes import draft
from support.marks import on_sqlite_alone
from support.typist import Typist

append = history_scenes.append
merged = history_scenes.merged
undone = history_scenes.undone
pytestmark = on_sqlite_alone
PERSON = {"COLUMNS": None, "CI": None}


@pytest.fixture
def long_history(append):
    append(*(draft(order=number) for number in range(1, 41)))


def on_a_terminal(cli, *arguments, rows=24, **environment):
    """Run a command in a terminal of its own and return how it ended and what was seen."""
    typist = Typist(cli, *arguments, rows=rows, **{**PERSON, **environment})
    return typist.ends(), typist.child.before


@pytest.fixture
def pager(cli):
    """A pager that says so before and after what it shows."""
    path = cli.folder / "my-pager"
    path.write_text("#!/bin/sh\necho PAGED\ncat\n")
    path.chmod(0o755)
    return f"{path} --any 'option'"


def test_a_table_higher_than_the_screen_goes_through_the_pager(long_history, agent, pager):
    code, seen = on_a_terminal(agent, "history", PAGER=pager)
    assert (code, seen.startswith("PAGED"), " 40 " in seen) == (0, True, True)


def test_a_pager_gets_no_secret_and_runs_nothing(long_history, agent):
    path = agent.folder / "telling-pager"
    path.write_text('#!/bin/sh\necho "token:$CUSTMERGE_TOKEN url:$CUSTMERGE_DATABASE_URL secure:$LESSSECURE"\n')
    path.chmod(0o755)
    _code, seen = on_a_terminal(agent, "history", PAGER=str(path))
    assert "token: url: secure:1" in seen


def test_less_is_told_that_the_text_is_utf_8_whatever_the_locale_is(long_history, agent):
    path = agent.folder / "telling-pager"
    path.write_text('#!/bin/sh\necho "charset:$LESSCHARSET"\n')
    path.chmod(0o755)
    for given, told in ((None, "charset:utf-8"), ("latin1", "charset:latin1")):
        _code, seen = on_a_terminal(agent, "history", PAGER=str(path), LANG="de_DE.UTF-8", LESSCHARSET=given)
        assert told in seen


def test_a_table_that_fits_the_screen_needs_no_pager(long_history, agent, pager):
    _, seen = on_a_terminal(agent, "history", "--limit", "5", PAGER=pager)
    assert "PAGED" not in seen
    _, seen = on_a_terminal(agent, "history", PAGER=pager, rows=60)
    assert "PAGED" not in seen


@pytest.mark.parametrize(
    ("options", "environment"),
    [(["--no-input"], {}), ([], {"CI": "true"}), ([], {"PAGER": ""}), ([], {"PAGER": "no-such-pager"})],
)
def test_without_a_person_or_a_pager_the_table_comes_straight_out(long_history, agent, pager, options, environment):
    code, seen = on_a_terminal(agent, *options, "history", **{"PAGER": pager, **environment})
    assert (code, "PAGED" in seen, " 40 " in seen) == (0, False, True)


def test_what_goes_into_a_pipe_is_not_paged(long_history, agent, pager):
    assert "PAGED" not in agent("history", PAGER=pager).out


def test_cat_is_a_pager(long_history, agent):
    code, seen = on_a_terminal(agent, "history", PAGER="cat")
    assert (code, " 40 " in seen) == (0, True)


def test_less_is_the_pager_where_none_is_named(long_history, agent):
    typist = Typist(agent, "history", rows=24, **PERSON, PAGER=None)
    typist.sees("40")
    time.sleep(0.5)
    assert typist.process.is_alive()
    typist.child.send("q")
    assert typist.ends() == 0


@pytest.mark.parametrize(("options", "coloured"), [([], True), (["--no-color"], False)])
def test_colours_reach_the_pager_where_they_are_wanted(undone, long_history, agent, options, coloured):
    _, seen = on_a_terminal(agent, *options, "history", PAGER="cat")
    assert ("\x1b[38;5;16;48;5;136m" in seen) is coloured


def test_ctrl_c_that_ends_the_pager_ends_with_130(long_history, agent):
    typist = Typist(agent, "history", rows=24, **PERSON, PAGER="sh -c 'echo PAGED; exec sleep 30'")
    typist.sees("PAGED")
    time.sleep(0.3)
    typist.presses_ctrl_c()
    assert typist.ends() == 130
    assert "Traceback" not in typist.child.before

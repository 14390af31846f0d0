"""`merge NUMBER` on a terminal: what it asks for, when, and in which colours."""

import os

import pytest
from support import form_scenes
from support.marks import on_sqlite_alone
from support.typist import Typist

customers = form_scenes.customers


def test_on_a_terminal_merge_asks_for_what_is_missing(customers, agent):
    typist = Typist(agent, "merge", "20002", "--into", "10001")
    typist.answers("A domain from its package: ", "zwei.example")
    typist.answers("The password that belongs to it: ", "pw-2")
    typist.answers("Your choice: ", "adopt")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "y")
    typist.sees("Order 1 is done")
    assert typist.ends() == 0


def test_a_merge_is_confirmed_before_it_is_executed(customers, agent):
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    typist = Typist(agent, "merge", "20002", "--into", "10001", "--adopt")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "n")
    typist.sees("nothing was changed")
    assert typist.ends() == 1
    assert customers.customers()["20002"]["merged_into"] is None


@on_sqlite_alone
@pytest.mark.parametrize("variables", [{"CI": "true"}, {}], ids=["CI", "--no-input"])
def test_nothing_is_asked_in_ci_or_with_no_input(customers, agent, variables):
    options = () if variables else ("--no-input",)
    typist = Typist(agent, *options, "merge", "20002", "--into", "10001", "--adopt", **variables)
    assert typist.ends() == 4


# Colour


@on_sqlite_alone
@pytest.mark.parametrize(
    ("options", "variables", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--no-color",), {}, False),
        ((), {"TERM": "dumb"}, False),
    ],
    ids=["terminal", "NO_COLOR", "--no-color", "dumb"],
)
def test_colour_only_where_it_is_wanted(customers, agent, options, variables, coloured):
    typist = Typist(agent, *options, "diff", "20004", "--into", "10001", **variables)
    typist.sees("Anders GmbH")
    assert typist.ends() == 3
    assert ("\x1b[" in typist.child.before) == coloured


def test_staff_are_asked_again_for_a_number_that_cannot_be_kept(customers, cli):
    typist = Typist(cli.as_("ben"), "--quiet", "merge")
    typist.answers("Number that is kept: ", "1 2")
    typist.sees("white space")
    typist.answers("Number that is kept: ", "99999")
    typist.sees("There is no customer number 99999")
    typist.answers("Number that is kept: ", "10001")
    typist.answers("Customer number to take over: ", "20003")
    typist.answers("A domain from its package: ", "drei.example")
    typist.answers("The password that belongs to it: ", "falsch")
    typist.sees("Not verified")
    typist.answers("The password that belongs to it: ", "\x02")
    typist.answers("A domain from its package [drei.example]: ", "<")
    # An unknown number is asked for again, with the one that was right.
    typist.answers("Customer number to take over [20003]: ", "99999")
    typist.sees("There is no customer number 99999")
    typist.sees("Customer number to take over [20003]: ")
    typist.child.send("\x02")
    typist.answers("Number that is kept [10001]: ", "<")
    typist.sees("This is the first question")
    typist.answers("Number that is kept [10001]: ", "")
    typist.sees("Customer number to take over [20003]: ")
    typist.child.send("\x04")
    assert typist.ends() == 130


def test_a_choice_that_was_given_is_not_asked_for_again(customers, cli):
    typist = Typist(cli.login("10001", "pw-1"), "merge", "--keep")
    typist.answers("Customer number to take over: ", "20002")
    typist.answers("A domain from its package: ", "zwei.example")
    typist.answers("The password that belongs to it: ", "pw-2")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "y")
    typist.sees("Order 1 is done")
    typist.answers("Merge a further number? [y/N]: ", "n")
    assert typist.ends() == 0
    assert customers.packages()["P20002"]["contact"]["city"] == "Ulm"


@pytest.mark.parametrize(
    ("arguments", "code"), [(("diff", "20002"), 1), (("merge", "20002", "--dry-run", "--keep"), 0)]
)
def test_on_a_terminal_staff_are_asked_for_the_number_that_is_kept_by_every_command(
    customers, agent, arguments, code
):
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    typist = Typist(agent, *arguments)
    typist.answers("Number that is kept: ", "10001")
    assert typist.ends() == code


@on_sqlite_alone
def test_an_answer_that_is_no_text_is_refused_like_any_that_cannot_be(customers, agent):
    # As in a German or English locale, where Python would give up at such a byte. What is edited never has one.
    typist = Typist(agent, "merge", PYTHONIOENCODING="utf-8:strict", TERM="dumb")
    typist.sees("Number that is kept: ")
    os.write(typist.child.child_fd, b"2\xfc\n")
    typist.sees("has invisible characters in it")
    typist.answers("Number that is kept: ", "")
    assert typist.ends() == 1


def test_a_customer_who_names_another_number_to_keep_is_told_so(customers, cli):
    done = Typist(cli.login("10001", "pw-1"), "merge", "--into", "20003")
    done.sees("20003")
    assert done.ends() == 4


@on_sqlite_alone
def test_the_form_has_no_format(customers, agent):
    done = Typist(agent, "merge", "--format", "json")
    done.sees("--format needs the NUMBER")
    assert done.ends() == 2


def test_with_an_approved_contract_transfer_the_form_asks_for_no_password(customers, cli, agent, supervisor):
    (customers.folder / "form.pdf").write_bytes(b"%PDF-")
    agent.in_process("transfer", "file", "20004", "--into", "10001", "--form", "form.pdf")
    supervisor.in_process("transfer", "approve", "1", "--yes")
    typist = Typist(agent, "merge", "--into", "10001")
    typist.answers("Customer number to take over: ", "20004")
    typist.sees("Contract transfer 1 is approved")
    typist.answers("Merge 20004 into 10001? [y/N]: ", "y")
    typist.sees("Uses up contract transfer 1.")
    typist.answers("Merge a further number? [y/N]: ", "n")
    assert typist.ends() == 0


@on_sqlite_alone
def test_a_number_of_the_command_line_that_is_not_there_is_asked_for_again(customers, agent):
    typist = Typist(agent, "merge", "99999", "--into", "10001", "--domain", "neun.example", "--adopt")
    typist.sees("There is no customer number 99999")
    typist.answers("Customer number to take over: ", "20002")
    typist.answers("A domain from its package: ", "zwei.example")
    typist.answers("The password that belongs to it: ", "pw-2")
    typist.answers("[y/N]: ", "y")
    assert typist.ends() == 0
    # The kept number isn't this question's; and where nobody can be asked it stays an error.
    assert Typist(agent, "merge", "20003", "--into", "99999").ends() == 5
    done = agent.in_process("merge", "99999", "--into", "10001")
    assert (done.code, "There is no customer number 99999" in done.err) == (5, True)

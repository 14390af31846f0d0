"""`verify`, `merge` and its form on a terminal where a domain isn't the proof."""

import pytest
from support import form_scenes
from support.mapped import MappedCommandLine
from support.typist import Typist

from custmerge.rules.proofs import ProofBy

customers = form_scenes.customers
PASSWORD = "The password of that customer number: "


@pytest.fixture
def by_password(agent):
    return MappedCommandLine(agent, proof=ProofBy.PASSWORD)


def test_the_form_asks_for_the_own_password_and_for_no_domain(customers, by_password):
    typist = Typist(by_password, "merge")
    typist.answers("Number that is kept: ", "10001")
    typist.answers("Customer number to take over: ", "20003")
    typist.sees("2 of 4: proof")
    typist.answers(PASSWORD, "falsch")
    typist.sees("Not verified: the customer number or the password isn't right.")
    typist.sees("20003: type the password again, or < to change the number.")
    typist.answers(PASSWORD, "<")
    typist.answers("Customer number to take over [20003]: ", "20002")
    typist.answers(PASSWORD, "pw-2")
    typist.answers("Your choice: ", "adopt")
    typist.answers("Merge 20002 into 10001? [y/N]: ", "y")
    typist.sees("Order 1 is done")
    typist.answers("Merge a further number? [y/N]: ", "n")
    assert typist.ends() == 0


def test_merge_with_a_number_asks_for_its_password_alone(customers, by_password):
    typist = Typist(by_password, "merge", "20003", "--into", "10001")
    typist.answers(PASSWORD, "falsch")
    typist.sees("20003: type the password again.")
    typist.answers(PASSWORD, "pw-3")
    typist.answers("Merge 20003 into 10001? [y/N]: ", "y")
    assert typist.ends() == 0


def test_a_domain_that_was_given_is_refused_before_a_password_is_asked_for(customers, by_password):
    for arguments in (
        ("merge", "20003", "--into", "10001", "--domain", "drei.example"),
        ("verify", "20003", "--into", "10001", "--domain", "drei.example"),
    ):
        typist = Typist(by_password, *arguments, COLUMNS="200")
        typist.sees("leave --domain out")
        assert typist.ends() == 2


def test_verify_asks_for_the_password_of_the_number(customers, by_password):
    typist = Typist(by_password, "verify", "20003", "--into", "10001")
    typist.answers("Password for 20003: ", "pw-3")
    assert typist.ends() == 0


def test_verify_asks_for_a_domain_that_is_missing_where_it_is_the_proof(customers, agent):
    typist = Typist(agent, "verify", "20003", "--into", "10001")
    typist.answers("A domain from its package: ", "drei.example")
    typist.answers("Password for drei.example: ", "pw-3")
    assert typist.ends() == 0
    told = agent("verify", "20003", "--into", "10001", "--password-stdin", "-f", "json", stdin="pw-3")
    assert (told.code, told.error["code"]) == (2, "missing_input")


def test_where_there_is_no_proof_the_form_says_so(customers, agent):
    typist = Typist(
        MappedCommandLine(agent, proof=ProofBy.NOTHING), "merge", "20003", "--into", "10001", COLUMNS="200"
    )
    typist.sees("Nothing proves here that 20003 may be taken over")
    assert typist.ends() == 4


def test_the_form_shows_another_scope_and_asks_nothing_more(customers, agent):
    scoped = MappedCommandLine(agent, has_scope=True)
    done = scoped.process(
        "verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2"
    )
    assert done.code == 0, done.err
    typist = Typist(scoped, "merge", "20002", "--into", "10001", COLUMNS="250")
    typist.sees("which the mapping says has to be the same")
    assert typist.ends() == 3

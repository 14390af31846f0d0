"""diff with two numbers, with one and with none."""

from support.marks import on_sqlite_alone
from support.merge_scenes import pair
from support.typist import Typist

__all__ = ["pair"]


@on_sqlite_alone
def test_the_second_number_is_the_one_that_is_kept(pair, agent):
    assert agent("diff", "20002", "10001", "-f", "json").json["survivor"] == "10001"
    assert agent("diff", "20002", "10001", "--into", "10001").code == 1
    done = agent("diff", "20002", "10001", "--into", "30003")
    assert (done.code, done.out, "given twice" in done.err) == (2, "", True)
    assert "20002 10001" in agent("diff", "--help").out


@on_sqlite_alone
def test_a_customer_may_name_the_own_number_alone(pair, cli):
    customer = cli.login("10001", "pw-1")
    customer.in_process("verify", "20002", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    assert customer("diff", "20002", "10001").code == 1
    assert customer("diff", "20002", "20002").code == 4


@on_sqlite_alone
def test_what_is_missing_is_asked_for_on_a_terminal_and_named_elsewhere(pair, agent):
    typist = Typist(agent, "diff")
    typist.answers("Customer number to take over: ", "20002")
    typist.answers("Number that is kept: ", "10001")
    typist.sees("Gartenweg 3")
    assert typist.ends() == 1
    typist = Typist(agent, "diff", "20002")
    typist.answers("Number that is kept: ", "10001")
    assert typist.ends() == 1
    done = agent("diff")
    assert (done.code, "NUMBER" in done.err) == (2, True)
    done = agent("diff", "20002")
    assert (done.code, "--into" in done.err) == (2, True)

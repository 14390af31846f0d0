"""find: why a row is there, how many there are, and that it is no list of everybody."""

import pytest
from support.marks import on_sqlite_alone


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("müller.example", "domain müller.example"),
        ("xn--mller-kva.example", "domain müller.example"),
        ("gartenweg", "street Gartenweg 3"),
        ("0721", "phone 0721 91374-0"),
        ("katrin@", "e-mail address katrin@sonnentau.example"),
        ("vogelsang eins.example 5550142", "domain eins.example"),
        ("vogelsang eins.example 5550142", "mobile 0171 5550142"),
        (".example", "domain eins.example and 1 more"),
    ],
)
def test_it_is_said_where_a_word_stands_that_the_line_does_not_show(world, agent, text, why):
    email = "" if text == ".example" else "katrin@sonnentau.example"
    world.customer("10001", street="Gartenweg 3", email=email, domains=["müller.example", "eins.example"])
    assert why in agent("find", text, COLUMNS="120").out


def test_nothing_is_said_where_the_line_shows_it(world, agent):
    world.customer("10001", domains=["vogelsang.example"])
    done = agent("find", "vogelsang karlsruhe", COLUMNS="120")
    assert "Found in" not in done.out
    assert "vogelsang.example" not in done.out
    assert done.err == "1 found.\n"


@on_sqlite_alone
def test_it_is_said_how_many_there_are_and_that_there_are_more(world, agent):
    world.customers_like(*(f"3{number:04}" for number in range(51)))
    done = agent("find", "vogelsang")
    assert done.err == "More than 50 found: add a word, or give --limit.\n"
    assert "30049" in done.out
    assert "30050" not in done.out
    assert agent("find", "vogelsang", "--limit", "51").err == "51 found.\n"
    assert len(agent("find", "vogelsang", "-f", "json").json) == 50
    assert agent("find", "nobody").err == "Nothing found.\n"


@on_sqlite_alone
def test_a_reason_is_never_bank_data(world, agent):
    world.customer("10001", account_number="DE89370400440532013000", domains=["532013000.example"])
    out = agent("find", "532013000", COLUMNS="120").out
    assert "domain 532013000.example" in out
    assert "account" not in out


@on_sqlite_alone
def test_blank_text_is_no_search(agent):
    for blank in ("", " ", "\u00a0\t"):
        done = agent.in_process("find", blank)
        assert (done.code, done.out) == (2, "")
        assert "`export customers` gives everybody" in done.err

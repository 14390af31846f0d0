"""find, show, diff and history: shapes, masking, marks, widths."""

import pytest
from support.world import fields


def test_diff_has_the_contracts_shape(world, agent):
    world.customer("10001")
    world.customer("20002", street="Gartenweg 3", phone="+49 721 913740", mobile="")
    done = agent("diff", "20002", "--into", "10001", "-f", "json")
    assert done.code == 1
    lines = done.json.pop("fields")
    assert {name: value for name, value in done.json.items() if name != "fields"} == {
        "survivor": "10001",
        "absorbed": "20002",
        "identical": False,
        "mergeable": True,
        "blocked_by": [],
        "transfer": None,
    }
    assert [line["field"] for line in lines] == list(fields())
    assert [line["group"] for line in lines] == ["identity"] * 3 + ["detail"] * 8
    assert [line["status"] for line in lines] == [
        *("same", "same", "same", "different", "same", "same", "equivalent", "different", "same", "same", "same")
    ]
    assert lines[3] == {
        "field": "street",
        "group": "detail",
        "survivor": "Marktstr. 12",
        "absorbed": "Gartenweg 3",
        "status": "different",
    }


def test_diff_as_csv_has_a_row_for_each_field(world, agent):
    world.customer("10001")
    world.customer("20002", company="Anders")
    done = agent("diff", "20002", "--into", "10001", "-f", "csv")
    assert done.code == 3
    assert [row["status"] for row in done.rows] == ["blocked"] + ["same"] * 10


def test_equal_rows_are_folded_into_one_line_unless_all(world, agent):
    world.customer("10001")
    world.customer("20002", street="Gartenweg 3")
    folded = agent("diff", "20002", "--into", "10001").out
    assert "Gartenweg 3" in folded
    assert "Karlsruhe" not in folded
    assert "equal: company" in folded
    assert "Karlsruhe" in agent("diff", "20002", "--into", "10001", "--all").out


def test_marks_tell_the_statuses_without_colour(world, agent):
    world.customer("10001")
    world.customer("20002", company="Anders", street="Gartenweg 3", phone="+49 721 913740")
    out = agent("diff", "20002", "--into", "10001", "--all").out
    marks = {line.split()[1]: line.split()[0] for line in out.splitlines() if line[:1] in "=≈≠✗" and line.strip()}
    assert (marks["company"], marks["street"], marks["phone"], marks["city"]) == ("✗", "≠", "≈", "=")
    assert "\x1b" not in out


@pytest.mark.parametrize("width", [60, 80, 200])
def test_long_values_are_readable_at_every_width(world, agent, width):
    words = [f"wort{number:02}" for number in range(28)]
    world.customer("10001", street=" ".join(words), email="x" * 190 + "@sonnentau.example")
    world.customer("20002")
    done = agent("diff", "20002", "--into", "10001", COLUMNS=str(width))
    # Sentences wrap on a terminal only.
    table = done.out.partition("= equal: ")[0]
    assert max(len(line) for line in table.splitlines()) <= width
    for word in words:
        assert word in done.out
    assert done.out.count("x") >= 190


@pytest.mark.parametrize("columns", ["0", "1", "8", "30"])
def test_on_a_terminal_without_a_width_nothing_is_left_out(world, agent, columns):
    world.customer("10001", company="Sonnentau", street="Markt 12")
    world.customer("20002", company="Sonnentau", street="Weg 7")
    out = agent("diff", "20002", "--into", "10001", COLUMNS=columns).out
    assert all(word in out for word in ("street", "Markt 12", "Weg 7"))


def test_account_numbers_are_masked_everywhere_but_in_an_export(world, agent):
    world.customer("10001", domains=["eins.example"], contact={"account_number": "DE89370400440532013000"})
    world.customer("20002", account_number="DE89370400440532013000", bank_code="COBADEFFXXX")
    for arguments in (("show", "10001"), ("diff", "20002", "--into", "10001", "--all"), ("find", "katrin")):
        for form in ("table", "json", "csv"):
            out = agent(*arguments, "-f", form).out
            for secret in ("532013000", "DE89370400440532013000"):
                assert secret not in out
    shown = agent("show", "20002", "-f", "json").json
    assert (shown["account_number"], shown["bank_code"]) == ("DE89…3000", "COBADEFFXXX")


def test_staff_may_reveal_bank_data_and_history_records_it(world, agent, cli):
    world.customer("10001", password="pw-1")
    assert agent("show", "10001", "--reveal", "-f", "json").json["account_number"] == "532013000"
    (entry,) = agent("history", "10001", "-f", "json").json
    assert (entry["action"], entry["by"], entry["survivor"]) == ("reveal", "ben", "10001")
    done = cli.login("10001", "pw-1")("show", "10001", "--reveal")
    assert (done.code, done.out) == (4, "")


def test_show_has_the_contracts_shape(world, agent):
    world.customer("10001", domains=["b.example", "a.example"], contact={"city": "Ulm"})
    shown = agent("show", "10001", "-f", "json").json
    assert list(shown) == ["number", "merged_into", *fields(), "packages", "orders"]
    assert shown["packages"] == [
        {
            "package": "P10001",
            "name": "",
            "contact": dict.fromkeys(list(fields())[3:], "") | {"city": "Ulm"},
            "domains": ["a.example", "b.example"],
        }
    ]
    assert shown["orders"] == []


@pytest.mark.parametrize(
    "text", ["10001", "vogelSANG", "vogelsang karlsruhe", "müller.example", "xn--mller-kva.example", "0721"]
)
def test_find_looks_for_every_word_in_number_fields_and_domains(world, agent, text):
    world.customer("10001", domains=["müller.example"])
    world.customer("20002", last_name="Anders", first_name="Ute", phone="", city="Ulm", email="", mobile="")
    assert [c["number"] for c in agent("find", text, "-f", "json").json] == ["10001"]


@pytest.mark.parametrize("form", ["customer", "domain's package"])
def test_find_never_looks_in_bank_data(world, agent, form):
    account, code = "DE89370400440532013000", "COBADEFFXXX"
    if form == "customer":
        world.customer("10001", account_number=account, bank_code=code)
    else:
        contact = {"account_number": account, "bank_code": code}
        world.customer("10001", account_number="", bank_code="", domains=["eins.example"], contact=contact)
    for text in (account, account[-6:], account[4:9], code, code[:4], f"vogelsang {account}"):
        assert agent("find", text, "-f", "json").json == []
    assert len(agent("find", "vogelsang", "-f", "json").json) == 1


def test_find_does_not_look_in_bank_data_that_a_merge_has_taken_or_an_undo_brought_back(world, agent, supervisor):
    world.customer("10001", account_number="", bank_code="")
    world.customer("20002", password="pw", domains=["zwei.example"])
    proof = ("--domain", "zwei.example", "--password-stdin")
    take = ("--take", "account_number", "--take", "bank_code")
    assert (
        agent.in_process("merge", "20002", "--into", "10001", *proof, "--keep", *take, "--yes", stdin="pw").code == 0
    )
    assert agent("find", "532013", "-f", "json").json == []
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    for text in ("532013", "37040044"):
        assert agent("find", text, "-f", "json").json == []
    assert len(agent("find", "karlsruhe", "-f", "json").json) == 2


@pytest.mark.parametrize("text", ["%", "_", "vogelsang ulm", "'; DROP TABLE customer"])
def test_find_finds_nothing_where_nothing_is(world, agent, text):
    world.customer("10001")
    done = agent("find", text, "-f", "json")
    assert (done.code, done.json) == (0, [])


def test_history_filters_by_number_order_action_and_time(world, agent):
    for number in ("10001", "20002", "30003"):
        world.customer(number, password="pw", domains=[f"n{number}.example"])
    for number in ("20002", "30003"):
        agent.in_process(
            "merge",
            number,
            "--into",
            "10001",
            "--domain",
            f"n{number}.example",
            "--password-stdin",
            "--yes",
            stdin="pw",
        )
    entries = agent("history", "-f", "json").json
    assert [e["seq"] for e in entries] == sorted((e["seq"] for e in entries), reverse=True)
    assert list(entries[0]) == ["seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash"]
    day = entries[0]["at"][:10]

    def orders(*options):
        return [e["order"] for e in agent("history", *options, "-f", "json").json if e["action"] == "merge"]

    assert orders("20002") == [1]
    assert orders("10001") == [2, 1]
    assert orders("--order", "2") == [2]
    assert orders("--action", "import") == []
    assert orders("--since", day) == [2, 1]
    assert orders("--since", "2020-01-01", "--until", "2020-12-31") == []
    assert orders("--until", day) == [2, 1]
    assert orders("--limit", "1") == [2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("history", "99999"), 5),
        (("history", "--order", "7"), 5),
        (("history", "--since", "gestern"), 2),
        (("history", "--limit", "0"), 2),
        (("history", "--action", "tanzen"), 2),
        (("show", "99999"), 5),
        (("diff", "99999", "--into", "10001"), 5),
        (("diff", "20002", "--into", "99999"), 5),
        (("show", " 10001"), 2),
        (("show", "10 001"), 2),
        (("show", ""), 2),
        (("show", "00010001"), 5),
    ],
)
def test_what_is_not_there_or_cannot_be_is_one_sentence(world, agent, arguments, code):
    world.customer("10001")
    done = agent(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)


@pytest.mark.parametrize("arguments", [("",), (" \t",), ("e", "--limit", "1001")])
def test_find_is_no_export_that_nobody_notes(world, agent, arguments):
    world.customer("10001")
    done = agent("find", *arguments, "-f", "json")
    assert (done.code, done.out) == (2, "")


def test_find_takes_20_words_at_most(agent):
    assert agent("find", "x " * 20).code == 0
    assert agent("find", "x " * 21).code == 2


def test_a_day_at_the_end_of_time_is_a_day(agent):
    assert agent("history", "--until", "9999-12-31").code == 0


def test_a_customers_history_does_not_tell_which_numbers_exist(world, cli, agent):
    world.customer("10001", password="pw-1")
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    customer = cli.login("10001", "pw-1")
    for number in ("20002", "99999"):
        customer("verify", number, "--domain", "zwei.example", "--password-stdin", stdin="falsch")
    assert customer("history", "-f", "json").json == []
    assert len(agent("history", "10001", "--action", "login_failed", "-f", "json").json) == 2


def test_where_there_is_nothing_to_list_a_sentence_says_so_and_scripts_get_nothing(sqlite_cli, agent, supervisor):
    for cli, command, said in (
        (agent, ("bulk", "status"), "No bulk file was approved or run so far."),
        (agent, ("transfer", "list"), "There is no contract transfer."),
        (agent, ("transfer", "list", "--status", "used"), "There is no contract transfer with this status."),
        (supervisor, ("token", "list"), "There is no service token: `custmerge token create` makes one."),
    ):
        done = cli.in_process(*command)
        assert (done.code, done.out, done.err) == (0, "", f"{said}\n")
        assert cli.in_process(*command, "-f", "json").json == []

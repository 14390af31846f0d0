"""`attach --propose`: a mapping for tables that nobody has described yet; and the questions of `--check`."""

import pytest
from support.command_line import CommandLine
from support.databases import execute

from custmerge.rules.mapping import Policy
from custmerge.rules.mapping.file import read_mapping


def test_what_is_proposed_is_printed_and_read_again(bare):
    done = bare("attach", "--propose")
    assert done.code == 0
    mapping = read_mapping(done.out)
    assert (mapping.customer.table, mapping.customer.key) == ("client", "id")
    answers = {column: entry.policy for entry in mapping.references for column in entry.columns}
    assert answers["invoice.client_id"] is Policy.MOVE
    assert answers["newsletter.client_id"] is Policy.DROP
    assert answers["history.client_id"] is Policy.LEAVE
    assert "# foreign key" in done.out
    assert "attach FILE --check" in done.err


def test_the_evidence_is_in_the_readers_language(bare):
    done = bare("--lang", "de", "attach", "--propose")
    assert "# Fremdschlüssel" in done.out
    read_mapping(done.out)


def test_a_proposal_is_written_to_a_new_file_that_attach_takes(bare, tmp_path):
    file = tmp_path / "new.toml"
    assert bare("attach", "--propose", "--out", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    done = bare.in_process("attach", str(file), "--check", "--format", "json")
    assert done.json["problems"] == []
    assert [question["column"] for question in done.json["questions"]] == []
    assert done.code == 0


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ('[customer]\ntable = "client"\n', 'table = "client"\nkey = "id"\nnumber = "no"'),
        (
            "# mine\n[fields]\nfirst_name = 'name'\n\n[ignore]\ncolumns = ['history.client_id']\n",
            "first_name = 'name'",
        ),
    ],
)
def test_a_file_that_is_begun_is_kept_and_completed(bare, part, kept):
    execute(bare.url, "UPDATE client SET no = '40004' WHERE id = 4")
    done = bare("attach", bare.mapping(text=part), "--propose")
    assert done.code == 0
    mapping = read_mapping(done.out)
    assert kept in done.out
    assert part.splitlines()[0] in done.out
    assert (mapping.customer.table, mapping.customer.key, mapping.customer.number) == ("client", "id", "no")
    named = [column for entry in mapping.references for column in entry.columns]
    assert ("history.client_id" in named) is not ("history.client_id" in mapping.ignore)
    assert {"invoice.client_id", "newsletter.client_id"} <= {*named}


def test_of_a_whole_mapping_only_what_it_lacks_is_proposed(bare):
    bare.mapping(('\n[[reference]]\ntables = ["history"]\npolicy = "leave"\n', ""))
    whole = (bare.folder / "shop.toml").read_text()
    done = bare("attach", "shop.toml", "--propose")
    assert whole.strip() in done.out
    before, after = read_mapping(whole), read_mapping(done.out)
    assert (after.customer, after.fields) == (before.customer, before.fields)
    assert [entry.columns for entry in after.references[2:]] == [("history.client_id",)]


def test_a_mistake_in_what_is_begun_is_told_by_its_line_and_key(bare):
    done = bare("attach", bare.mapping(text='[customer]\ntable = "planet"\n'), "--propose")
    assert done.code == 2
    assert "line 2: customer.table: there is no table planet" in done.err


def test_no_file_is_replaced(bare, tmp_path):
    file = tmp_path / "old.toml"
    file.write_text("mine")
    done = bare.in_process("attach", "--propose", "--out", str(file))
    assert done.code == 2
    assert "is there already" in done.err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [["--propose", "--check"], ["--propose", "--show"], ["x.toml", "--out", "y.toml"]],
)
def test_options_that_do_not_go_together_are_refused(bare, options):
    assert bare.in_process("attach", *options).code == 2


def test_a_database_without_customers_says_so(tmp_path):
    path = tmp_path / "planets.db"
    path.touch(0o600)
    execute(f"sqlite:///{path}", "CREATE TABLE planet (id integer PRIMARY KEY, mass numeric)")
    done = CommandLine(f"sqlite:///{path}", tmp_path).in_process("attach", "--propose", "--format", "json")
    assert (done.code, done.error["code"]) == (2, "no_customer_table")


def test_a_question_is_told_with_its_numbers_and_the_block_to_paste(bare):
    unanswered = bare.mapping(
        ('tables = ["history"]', 'tables = ["newsletter"]'), ('"newsletter.client_id"', '"invoice.client_id"')
    )
    done = bare.in_process("attach", unanswered, "--check", "--format", "json")
    assert done.code == 1
    assert done.json["ready"] is False
    question = done.json["questions"][0]
    paste = question.pop("paste")
    assert question == {"column": "history.client_id", "rows": 2, "distinct": 2, "keys": 2, "orphans": 0}
    assert read_mapping(f"{(bare.folder / unanswered).read_text()}\n{paste}").references[-1].columns == (
        "history.client_id",
    )
    done = bare("--lang", "en", "attach", unanswered, "--check")
    assert done.code == 1
    assert "history.client_id: does it hold keys of customers? 2 of 2 values are" in done.out
    assert 'columns = ["history.client_id"]\n' in done.out
    assert "Not ready: 1 question." in done.out

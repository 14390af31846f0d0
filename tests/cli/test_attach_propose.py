"""`attach --propose`: a mapping for tables that nobody has described yet; and the questions of `--check`."""

import pytest
from support.command_line import CommandLine
from support.databases import execute

from custmerge.rules.mapping import Policy
from custmerge.rules.mapping_file import read_mapping


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


def test_no_file_is_replaced(bare, tmp_path):
    file = tmp_path / "old.toml"
    file.write_text("mine")
    done = bare.in_process("attach", "--propose", "--out", str(file))
    assert done.code == 2
    assert "is there already" in done.err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [["x.toml", "--propose"], ["--propose", "--check"], ["--propose", "--show"], ["x.toml", "--out", "y.toml"]],
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

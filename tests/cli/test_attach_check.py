"""`attach FILE --check`: what would hold, what is in its way, and nothing is changed."""

import os
from pathlib import Path

import psycopg
import pytest
from support.databases import execute


def checked(bare, *replaced):
    done = bare.in_process("attach", bare.mapping(*replaced), "--check", "--format", "json")
    return done.code, done.json


def test_a_mapping_that_is_ready_is_told_whole(bare):
    code, shown = checked(bare)
    assert code == 0
    assert shown.pop("schema") == checked(bare)[1]["schema"]
    fields = ("company", "first_name", "last_name", "street", "postcode", "city", "phone", "mobile", "email")
    empty = dict.fromkeys((*fields, "account_number", "bank_code"))

    def reference(column, policy, found_by, rows, *, indexed=False, why=""):
        told = {"column": column, "policy": policy, "found_by": found_by, "rows": rows}
        return {**told, "indexed": indexed, "why": why}

    assert shown == {
        "name": "shop",
        "ready": True,
        "customers": 3,
        "fields": empty | {"company": "name"},
        "proof": "nothing",
        "references": [
            reference("history.client_id", "leave", "mapping", 2),
            reference("invoice.client_id", "move", "foreign_key", 3, indexed=True),
            reference("newsletter.client_id", "drop", "foreign_key", 3, indexed=True, why="one row for each list"),
            reference("note.target", "move", "mapping", 1),
        ],
        "questions": [],
        "problems": [],
    }


def test_nothing_is_changed_and_nothing_of_ours_is_made(bare):
    if bare.url.startswith("sqlite"):
        path = Path(bare.url.removeprefix("sqlite:///"))
        before = path.read_bytes()
        checked(bare)
        assert path.read_bytes() == before
        assert [p.name for p in path.parent.glob("host.db*")] == ["host.db"]
    else:
        checked(bare)
        with psycopg.connect(bare.url) as connection:
            found = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'custmerge%'").fetchall()
        assert found == []


@pytest.mark.parametrize("columns", [80, 60])
def test_people_see_every_reference_and_what_to_do(bare, columns):
    done = bare("attach", bare.mapping(), "--check", COLUMNS=str(columns))
    assert done.code == 0
    for text in ("shop: 3 customers", "newsletter.client_id", "drop", "list", "Ready: "):
        assert text in done.out
    done = bare("--lang", "de", "attach", bare.mapping(('"newsletter.client_id"', '"note.text"')), "--check")
    assert done.code == 1
    assert "Zeile 15: " in done.out
    assert "Nicht bereit: 2 Probleme." in done.out


@pytest.mark.parametrize(
    ("before", "after", "subject", "says"),
    [
        ('number = "no"', 'number = "role"', "customer.number", "line 7: role isn't unique: client is there"),
        ('key = "id"', 'key = "name"', "customer.key", "line 6: name isn't unique: Sonne is there"),
        ("where = \"role = 'client'\"\n", "", "customer.number", "line 7: no is empty (rows: 1)"),
        ("where = \"role = 'client'\"", 'where = "rolle"', "customer.where", "line 8: the database refuses"),
        ("kind = 'client'", "art = 1", "reference.2.where", "line 20: the database refuses"),
        (
            'policy = "leave"\n',
            'policy = "leave"\n[[refuse]]\nwhy="x"\nsql="select 1 x from"',
            "refuse.1.sql",
            "line 29: the",
        ),
        (
            "where = \"role = 'client'\"",
            'where = "1 = 1) or (1 = 1"',
            "customer.where",
            "line 8: the database refuses",
        ),
        (
            'company = "name"',
            'company = "name"\n[package]\ntable = "invoice"\nkey = "client_id"\ncustomer = "client_id"',
            "package.key",
            "line 14: client_id isn't unique: 2 is there more than once",
        ),
        ('company = "name"', 'company = { sql = "nam" }', "fields.company", "line 11: the database refuses"),
        ('policy = "move"', 'policy = "move"\nkey = "id"', None, None),
    ],
)
def test_what_only_the_rows_tell_is_told_by_line_and_key(bare, before, after, subject, says):
    code, shown = checked(bare, (before, after))
    problems = {problem["subject"]: problem["message"] for problem in shown["problems"]}
    assert code == (1 if subject else 0)
    if subject:
        assert problems[subject].startswith(says)


def test_sql_that_fails_is_told_of_its_own_field_alone(bare):
    _, shown = checked(bare, ('company = "name"', 'company = "name"\nphone = { sql = "nam" }\ncity = "name"'))
    assert [problem["subject"] for problem in shown["problems"]] == ["fields.phone"]


def test_a_field_that_is_none_is_answered_by_the_keys_of_all(bare):
    done = bare.in_process("attach", bare.mapping(('company = "name"', 'firma = "name"')), "--check", "-f", "json")
    assert done.error["details"]["key"] == "fields.firma"
    assert "company, first_name, last_name, street" in done.error["message"]


def test_truth_values_are_shown_as_the_mapping_writes_them(bare):
    done = bare.in_process("attach", bare.mapping(('key = "id"', 'key = "id"\nretire = { role = false }')), "--check")
    assert "role = false" in done.out


def test_a_table_may_be_named_with_its_schema(bare):
    schema = "main" if bare.url.startswith("sqlite") else "public"
    told = checked(bare)
    named = [('"client"', f'"{schema}.client"'), ('"newsletter.', f'"{schema}.newsletter.')]
    assert checked(bare, *named) == told
    assert checked(bare, ('"history"', f'"{schema}.h*y"'))[1]["references"] == told[1]["references"]


def test_an_unknown_table_is_told_by_line_and_key(bare):
    code, shown = checked(bare, ('table = "client"', 'table = "clients"'))
    assert (code, shown["customers"]) == (1, 0)
    assert shown["problems"][0] == {
        "subject": "customer.table",
        "message": "line 5: there is no table clients; there is client",
    }


def test_a_refusing_statement_is_tried_with_both_keys(bare):
    refuse = (
        '[[refuse]]\nwhy="x"\nsql="select 1 from invoice where client_id in (:absorbed, :survivor) and total > 1"'
    )
    code, _ = checked(bare, ('policy = "leave"\n', f'policy = "leave"\n{refuse}'))
    assert code == 0


def test_a_mapping_that_is_wrong_is_an_error_with_line_and_key(bare):
    done = bare.in_process("attach", bare.mapping(('key = "id"', "")), "--check", "--format", "json")
    assert done.code == 2
    assert done.error["code"] == "bad_mapping"
    assert done.error["message"] == "shop.toml, line 4: customer.key: is missing."
    done = bare.in_process("attach", bare.mapping(("[customer]", "[customer")), "--check")
    assert done.code == 2
    assert "shop.toml, line 4: this isn't TOML" in done.err


def test_a_file_that_others_may_write_is_not_obeyed(bare):
    done = bare.in_process("attach", bare.mapping(mode=0o660), "--check", "--format", "json")
    assert (done.code, done.error["code"]) == (4, "loose_file")
    if os.geteuid() == 0:
        os.chown(bare.folder / bare.mapping(), 4242, 0)
        done = bare.in_process("attach", "shop.toml", "--check", "--format", "json")
        assert (done.code, done.error["code"]) == (4, "loose_file")


@pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)
def test_a_missing_right_on_one_table_is_told(bare, worker_id):
    role = f"clerk_{worker_id}"
    execute(
        bare.url,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT, UPDATE, INSERT, DELETE ON client, newsletter, note, history TO {role}",
        f"GRANT SELECT ON invoice TO {role}",
    )
    bare.url = bare.url.replace("postgres:@", f"{role}:@")
    code, shown = checked(bare)
    execute(bare.url.replace(f"{role}:@", "postgres:@"), f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    assert code == 1
    assert shown["problems"] == [
        {"subject": "invoice", "message": "the connected role may not UPDATE here, which orders need"}
    ]


def test_without_a_file_the_command_says_what_to_name(bare):
    done = bare.in_process("attach")
    assert done.code == 2
    assert "FILE" in done.err


def test_the_rows_of_a_partly_readable_mapping_are_counted_all_the_same(bare):
    _, shown = checked(bare, ('form = "c{key}"', 'form = "c{key}"\nset = { txt = 1 }'))
    assert [each["rows"] for each in shown["references"]] == [2, 3, 3, 1]

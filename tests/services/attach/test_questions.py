"""Which columns `attach FILE --check` asks about, and which not, in a small shop without foreign keys."""

import tomllib

import psycopg
import pytest
from support.databases import execute
from support.host_proposals import asked

KEYS = [number for number in range(1, 401) if number % 13]
"""Of the customers; every thirteenth was deleted."""
MAPPING = """\
format = 1
[customer]
table = "client"
key = "id"
where = "role = 'client'"
[fields]
company = "company"
[proof]
by = "nothing"
"""
TABLES = (
    """CREATE TABLE client (id integer PRIMARY KEY, uid varchar(36) NOT NULL UNIQUE, role text, company text,
    parent_client_id integer, status integer)""",
    "CREATE TABLE invoice (id integer PRIMARY KEY, client_id integer, status integer, number integer, total numeric)",
    "CREATE TABLE payment (id integer PRIMARY KEY, payer integer, invoice_id integer, client_uid varchar(36))",
    "CREATE TABLE note (id integer PRIMARY KEY, target_type text, target_id integer, text text)",
    "CREATE TABLE attachment (id integer PRIMARY KEY, resource text, name text)",
    "CREATE TABLE mailing (id integer PRIMARY KEY, client_ids text, data text, notify_client integer)",
    "CREATE TABLE category (id integer PRIMARY KEY, parent_id integer, sort integer, name text)",
    "CREATE TABLE job (id integer PRIMARY KEY, rel_id integer, attempts integer, kind integer)",
    "CREATE TABLE staff (id integer PRIMARY KEY, name text, login text)",
    "CREATE TABLE post (id integer PRIMARY KEY, author_id integer, edited_by integer, title text)",
    "CREATE TABLE client_order (id integer PRIMARY KEY, client_id integer)",
    "CREATE TABLE order_line (id integer PRIMARY KEY, client_order_id integer, quantity integer)",
)


def uid(number):
    return f"{number:08x}-0000-4000-8000-000000000000"


def rows():
    """Return the rows by their table; 40 % of the people are staff, who aren't customers."""
    keys = [KEYS[place * 7 % len(KEYS)] for place in range(120)]
    return {
        "client": [(n, uid(n), "client", "Firma", KEYS[0] if n % 50 == 0 else None, n % 3 + 1) for n in KEYS]
        + [(n, uid(n), "staff", None, None, 1) for n in range(401, 421)],
        "invoice": [(n, key, n % 3 + 1, n, n) for n, key in enumerate(keys, 1)]
        + [(121, 13, 1, 121, 0), (122, 0, 1, 1, 0)],
        "payment": [(n, key, n, uid(key)) for n, key in enumerate(keys, 1)],
        "note": [(n, ("client", "invoice")[n % 2], keys[n], "Anruf") for n in range(100)],
        "attachment": [(n, f"{('client', 'invoice')[n % 2]},{keys[n]}", f"scan {keys[n]}") for n in range(100)],
        "mailing": [(n, f"{keys[n]},{keys[n + 1]}", f'{{"client_id": {keys[n]}}}', n % 2) for n in range(30)],
        "category": [(n, n // 2 or None, n, f"Ware {n}") for n in range(1, 60)],
        "job": [(n, 3 * n % 397 + 1, n % 5, n % 4) for n in range(1, 150)],
        "staff": [(n, f"P{n}", f"p{n}") for n in range(1, 13)],
        "post": [(n, n % 12 + 1, n % 12 + 1, f"Titel {n}") for n in range(1, 60)],
        "client_order": [(n, key) for n, key in enumerate(keys, 1)],
        "order_line": [(n, n % 120 + 1, n % 5 + 1) for n in range(1, 300)],
    }  # fmt: skip


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    """The shop's database."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shop") / "shop.db"
        path.touch()
        made = f"sqlite:///{path}"
    else:
        made = request.getfixturevalue("bare_database")
    values = {
        table: ", ".join(f"({', '.join(map(literal, row))})" for row in of_table)
        for table, of_table in rows().items()
    }
    execute(made, *TABLES, *(f"INSERT INTO {table} VALUES {text}" for table, text in values.items()))
    return made


@pytest.fixture(scope="module")
def bare_database(request, worker_id):
    server = request.getfixturevalue("postgresql_server")
    name = f"asked_{worker_id}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def found(url):
    """The questions by their columns."""
    return {question.column: question for question in asked(url, MAPPING)}


def test_references_are_asked_for_and_nothing_else(found):
    true = {
        "attachment.resource", "client.parent_client_id", "client_order.client_id", "invoice.client_id",
        "mailing.client_ids", "mailing.data", "note.target_id", "payment.client_uid", "payment.payer",
    }  # fmt: skip
    assert set(found) - true <= {"job.rel_id"}
    assert true - set(found) == set()


def test_a_question_says_how_many_values_are_keys(found):
    question = found["invoice.client_id"]
    # 13 was deleted, and 0 is nobody; the rest are customers.
    assert (question.rows, question.orphans) == (122, 2)
    assert question.keys == question.distinct - 2


@pytest.mark.parametrize("column", ["status", "sort", "quantity", "kind", "attempts", "notify_client", "parent_id"])
def test_small_integers_are_no_question(found, column):
    assert not [name for name in found if name.endswith(f".{column}")]


def test_a_type_column_and_a_form_are_in_the_block_to_paste(found):
    note = tomllib.loads(found["note.target_id"].paste)["reference"][0]
    assert note == {"columns": ["note.target_id"], "where": "target_type = 'client'", "policy": "move"}
    attachment = tomllib.loads(found["attachment.resource"].paste)["reference"][0]
    assert attachment == {"columns": ["attachment.resource"], "form": "client,{key}", "policy": "move"}


def test_a_key_that_the_mapping_lacks_is_named_with_the_block(found):
    paste = found["payment.client_uid"].paste
    assert paste.startswith('# [customer] keys = ["uid"]\n')
    assert tomllib.loads(paste)["reference"][0]["key"] == "uid"


def test_keys_in_lists_and_json_are_left(found):
    assert {
        tomllib.loads(found[f"mailing.{column}"].paste)["reference"][0]["policy"] for column in ("client_ids", "data")
    } == {"leave"}


@pytest.mark.parametrize(
    "text", ['{"client_id": 1}', '{"by": {"client": {"no": "x", "id": 1}}}', '[{"clients": [1, 2]}]']
)
def test_one_key_in_one_json_is_enough_to_ask(tmp_path, text):
    url = f"sqlite:///{tmp_path / 'small.db'}"
    (tmp_path / "small.db").touch()
    execute(
        url,
        "CREATE TABLE client (id integer PRIMARY KEY, role text, company text)",
        "CREATE TABLE event (id integer PRIMARY KEY, data text)",
        "INSERT INTO client VALUES (1, 'client', 'Firma'), (2, 'client', 'Firma')",
        f"INSERT INTO event VALUES (1, {literal(text)})",
    )
    assert [question.column for question in asked(url, MAPPING)] == ["event.data"]


@pytest.mark.parametrize("column", ["created_by", "owner_id", "user_id"])
def test_somebody_who_may_be_anybody_is_not_asked_about(tmp_path, column):
    url = f"sqlite:///{tmp_path / 'small.db'}"
    (tmp_path / "small.db").touch()
    execute(
        url,
        "CREATE TABLE client (id integer PRIMARY KEY, role text, company text)",
        f"CREATE TABLE note (id integer PRIMARY KEY, {column} integer)",
        "INSERT INTO client VALUES (1, 'client', 'A'), (2, 'client', 'B'), (3, 'client', 'C'), (4, 'client', 'D')",
        "INSERT INTO note VALUES (1, 1), (2, 2), (3, 3), (4, 1)",
    )
    assert asked(url, MAPPING) == []


def test_two_types_that_mean_customers_are_one_reference(tmp_path):
    url = f"sqlite:///{tmp_path / 'small.db'}"
    (tmp_path / "small.db").touch()
    execute(
        url,
        "CREATE TABLE client (id integer PRIMARY KEY, role text, company text)",
        "CREATE TABLE note (id integer PRIMARY KEY, target_type text, target_id integer)",
        "INSERT INTO client VALUES (1, 'client', 'Firma'), (2, 'client', 'Firma')",
        r"INSERT INTO note VALUES (1, 'client', 1), (2, 'App\Models\Client', 2), (3, 'invoice', 1)",
    )
    question = asked(url, MAPPING)[0]
    assert (question.column, question.rows, question.keys) == ("note.target_id", 2, 2)
    where = tomllib.loads(question.paste)["reference"][0]["where"]
    assert where == r"target_type = 'App\Models\Client' OR target_type = 'client'"


def test_after_all_blocks_are_pasted_nothing_is_asked(url, found):
    with_keys = MAPPING.replace('key = "id"\n', 'key = "id"\nkeys = ["uid"]\n')
    pasted = "\n".join(question.paste for question in found.values())
    assert asked(url, f"{with_keys}{pasted}\n") == []


def test_what_is_ignored_is_not_asked(url, found):
    ignored = ", ".join(f'"{column}"' for column in found)
    assert asked(url, f"{MAPPING}[ignore]\ncolumns = [{ignored}]\n") == []

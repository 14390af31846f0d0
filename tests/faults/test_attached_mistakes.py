"""Whatever is wrong with a mapping is told in one sentence, with its line and key, and nothing is attached."""

from itertools import zip_longest

import pytest
from support.attach_shop import MAPPING, Shop, lay_out, write_mapping
from support.marks import on_sqlite_alone

TICKET = 'columns = ["ticket.client_id"]\npolicy = "move"\n'
MISTAKES = {
    "an unknown table": ('table = "client"', 'table = "clients"', "customer.table", "clients"),
    "an unknown column": ('number = "client_no"', 'number = "client_nr"', "customer.number", "client_nr"),
    "an unknown column of a field": ('city = "city"', 'city = "town"', "fields.city", "town"),
    "an unknown related row": ('city = "city"', 'city = "address.city"', "fields.city", "address"),
    "an unknown table of a reference": ("ticket.client_id", "tickets.client_id", "reference.1.columns", "tickets"),
    "an unknown column of a reference": ("ticket.client_id", "ticket.client", "reference.1.columns", "client"),
    "no column at all": ("ticket.client_id", "ticket", "reference.1.columns", "TABLE.COLUMN"),
    "an unknown column of unique": (TICKET, TICKET.replace("move", "drop") + 'unique = ["x"]\n', "unique", "x"),
    "nothing that clashes": (TICKET, TICKET.replace("move", "drop"), "reference.1.policy", "ticket"),
    "an unknown column to add": ('add = ["points"]', 'add = ["dots"]', "reference.3.add", "dots"),
    "a text to add": (
        'add = ["points"]',
        'add = ["client_id", "points"]\nlatest = ["points"]',
        "reference.3",
        "points",
    ),
    "an unknown column to set": (TICKET, TICKET + "set = { state = 1 }\n", "reference.1.set.state", "state"),
    "an unknown column to retire": ("{ status =", "{ state =", "customer.retire.state", "state"),
    "a key that retires": ('{ status = "closed" }', "{ id = 5 }", "customer.retire.id", "id"),
    "an unknown key": ('policy = "add"', 'polici = "add"', "polic", ""),
    "an unknown policy": ('policy = "add"', 'policy = "sum"', "reference.3.policy", "sum"),
    "an unknown placeholder": ('"closed"', '"{today}"', "customer.retire.status", "{today}"),
    "a number for a text": ('key = "id"', "key = 5", "customer.key", "text"),
    "no key": ('key = "id"\n', "", "customer.key", "missing"),
    "another format": ("format = 1", "format = 2", "format", "2"),
    "a form without a key": (TICKET, TICKET + 'form = "client"\n', "reference.1.form", "{key}"),
    "an unknown key of the customer": (TICKET, TICKET + 'key = "uuid"\n', "reference.1.key", "uuid"),
    "two answers for one column": (
        'policy = "add"\nadd = ["points"]\n',
        f'policy = "add"\nadd = ["points"]\n\n[[reference]]\n{TICKET}',
        "reference.4.columns",
        "two answers",
    ),
    "an answer for what is ignored": (
        "[fields]",
        '[ignore]\ncolumns = ["ticket.client_id"]\n\n[fields]',
        "ignore.columns",
        "two answers",
    ),
    "an ignored foreign key": (
        "[fields]",
        '[ignore]\ncolumns = ["invoice.client_id"]\n\n[fields]',
        "ignore.columns",
        "invoice.client_id",
    ),
    "no TOML": ('name = "shop"', "name = shop", "", "TOML"),
    "SQL of a field that fails": ('city = "city"', 'city = { sql = "no_such(city)" }', "fields.city", "no_such"),
    "a condition that fails": ('key = "id"', 'key = "id"\nwhere = "no_such > 1"', "customer.where", "no_such"),
    "a condition of a reference that fails": (
        TICKET,
        TICKET + 'where = "no_such > 1"\n',
        "reference.1.where",
        "no_such",
    ),
    "a refusal whose SQL fails": (
        "[fields]",
        '[[refuse]]\nwhy = "posted"\nsql = "select 1 from no_such where id = :absorbed"\n\n[fields]',
        "refuse.1.sql",
        "no_such",
    ),
    "two statements": (
        "[fields]",
        '[[refuse]]\nwhy = "posted"\nsql = "select 1; delete from client"\n\n[fields]',
        "refuse.1.sql",
        "",
    ),
}


TOLD_BY_THE_DATABASE = ("fails", "two statements", "an ignored foreign key")


@pytest.fixture
def unattached(cli):
    """The shop as it is before anything is attached."""
    lay_out(cli.url)
    return Shop(cli)


def mistakes(*, of_the_text):
    """Return the mistakes that the mapping's text shows, whatever the database, or those that a database tells."""
    return [name for name in MISTAKES if of_the_text != any(word in name for word in TOLD_BY_THE_DATABASE)]


def demand_told(shop, text, key, word, line=None):
    """Demand that one sentence tells what is wrong with a mapping."""
    write_mapping(shop.folder, text)
    told = problems(shop.supervisor.in_process("attach", "shop.toml", "--check", "-f", "json"))
    (sentence,) = [said for path, said in told if key in path and word in said]
    assert "\n" not in sentence
    assert (f"line {line}" if line else "line ") in sentence
    # Whatever a check says, attaching says it too; looked at for some.
    assert line is None or shop.supervisor.in_process("attach", "shop.toml").code in (1, 2)


def problems(done):
    """Return the key and the sentence of each mistake that a check has told."""
    if done.code == 2:
        return [(done.error["details"].get("key", ""), done.error["message"])]
    assert (done.code, done.json["ready"]) == (1, False)
    return [(one["subject"], one["message"]) for one in done.json["problems"]]


def demand_mistake_told(shop, mistake):
    old, new, key, word = MISTAKES[mistake]
    assert MAPPING.count(old) == 1
    lines = MAPPING.replace(old, new).splitlines()
    # The first line that isn't as it was; a mistake that is said later is on a later one.
    pairs = enumerate(zip_longest(lines, MAPPING.splitlines()), start=1)
    first = next(number for number, (mine, right) in pairs if mine != right)
    is_there = mistake in ("an unknown table", "an unknown policy", "no TOML", "a condition that fails")
    demand_told(shop, "\n".join(lines), key, word, first if is_there else None)


@on_sqlite_alone
def test_mistakes_in_the_text_are_told_with_their_lines_and_keys(unattached):
    for mistake in mistakes(of_the_text=True):
        demand_mistake_told(unattached, mistake)


def test_mistakes_that_the_database_tells_are_told_with_their_lines_and_keys(unattached):
    for mistake in mistakes(of_the_text=False):
        demand_mistake_told(unattached, mistake)


def test_keys_and_numbers_that_arent_unique_or_are_empty_are_told(unattached):
    unattached.execute("UPDATE client SET company = 'x'")
    for key, right in (("key", '"id"'), ("number", '"client_no"')):
        text = MAPPING.replace(f"\n{key} = {right}", f'\n{key} = "company"')
        demand_told(unattached, text, f"customer.{key}", "company")
    unattached.execute("UPDATE client SET client_no = '' WHERE id = 70003")
    demand_told(unattached, MAPPING, "customer.number", "client_no")


@on_sqlite_alone
def test_a_file_that_others_may_write_is_not_attached(unattached):
    for mode in (0o602, 0o620):
        write_mapping(unattached.folder).chmod(mode)
        demand_refused(unattached, 4)


@on_sqlite_alone
def test_a_file_of_somebody_else_is_not_attached(unattached, somebody_elses):
    somebody_elses(write_mapping(unattached.folder))
    demand_refused(unattached, 4)


@on_sqlite_alone
def test_a_file_that_is_no_mapping_is_one_sentence(unattached):
    for content in (b"", b"\xff\xfe", b"format = 1\n", b"\x00" * 100):
        write_mapping(unattached.folder).write_bytes(content)
        demand_refused(unattached, 2)


def demand_refused(shop, code):
    for options in (("--check",), ()):
        done = shop.supervisor.in_process("attach", "shop.toml", *options)
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done.err
        assert "shop.toml" in done.err

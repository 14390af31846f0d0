"""A mapping is read from TOML, and each mistake in it is told by its line and its key."""

import re
from pathlib import Path

import pytest

from custmerge.errors import BadMapping
from custmerge.rules.fields import Field
from custmerge.rules.mapping import ColumnSource, Itself, Placeholder, Policy, Sql
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.mapping.toml_lines import key_lines
from custmerge.rules.proofs import ProofBy

WHOLE = """\
format = 1
name = "shop"

[customer]
table = "client"
key = "id"
number = "client_no"
keys = ["record_id"]
where = "role = 'client'"
same = ["company_id", "currency"]
password = "pass"
retire = { status = "closed", api_token = "{null}", replaced_by = "{survivor.key}" }
touch = { updated_at = "{now}" }

[related.address]
table = "address"
on = "client_id"
from = "customer.id"
where = "active"
order = "position, id"

[fields]
company = "company"
street = "address.street"
phone = { sql = "'+' || phone_cc || phone" }
city = { column = "address.city", write = true }

[package]
table = "subscription"
key = "id"
customer = "client_id"
name = "title"
contact = { street = "tech_street", email = "tech_email" }

[domain]
table = "domain"
name = { sql = "sld || tld" }
package = "subscription_id"

[[reference]]
columns = ["invoice.client_id", "ticket.client_id"]
policy = "move"

[[reference]]
columns = ["note.target_id"]
where = "target_type = 'client'"
key = "record_id"
form = "client,{key}"
policy = "move"
set = { is_primary = false, moved_at = 2026-01-02T03:04:05 }
itself = "drop"
why = "shown in the plan"

[[refuse]]
why = "a posted entry can't be changed"
sql = "select 1 from move_line where client_id = :absorbed and state = 'posted'"

[ignore]
columns = ["job.rel_id"]
"""
LEAST = """\
[customer]
table = "client"
key = "id"
[fields]
company = "company"
"""


def test_everything_in_a_mapping_is_read():
    mapping = read_mapping(WHOLE)
    assert mapping.name == "shop"
    assert mapping.customer.all_keys == ("id", "record_id")
    assert mapping.customer.retire["api_token"] is Placeholder.NULL
    assert mapping.customer.retire["status"] == "closed"
    assert mapping.fields[Field.STREET] == ColumnSource("street", "address", is_writable=False)
    assert mapping.fields[Field.CITY] == ColumnSource("city", "address", is_writable=True)
    assert mapping.fields[Field.PHONE] == Sql("'+' || phone_cc || phone")
    assert mapping.package.contact == {Field.STREET: "tech_street", Field.EMAIL: "tech_email"}
    assert mapping.domain.name == Sql("sld || tld")
    assert mapping.proof is ProofBy.DOMAIN
    note = mapping.references[1]
    assert (note.policy, note.itself, note.key, note.line) == (Policy.MOVE, Itself.DROP, "record_id", 44)
    assert note.set == {"is_primary": False, "moved_at": "2026-01-02 03:04:05"}
    assert mapping.refuse[0].line == 54
    assert mapping.ignore == ("job.rel_id",)


def test_the_examples_in_the_manual_are_mappings():
    page = Path(__file__).parents[2] / "custmerge/help/en/attach.md"
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        read_mapping(block if "[customer]" in block else LEAST + block)


@pytest.mark.parametrize("without", ["[fields]", ""])
def test_every_field_may_be_left_out(without):
    assert read_mapping(f'[customer]\ntable = "client"\nkey = "id"\n{without}').fields == {}


def test_what_isnt_said_opens_nothing():
    mapping = read_mapping(LEAST)
    assert mapping.customer.number == "id"
    assert mapping.proof is ProofBy.NOTHING


@pytest.mark.parametrize(
    ("before", "after", "line", "key", "says"),
    [
        ('key = "id"', "", 1, "customer.key", "is missing"),
        ('key = "id"', "key = 7", 3, "customer.key", "text"),
        ('key = "id"', 'key = "id"\nkye = "x"', 4, "customer.kye", "no such key"),
        ('key = "id"', 'key = "id"\nretire = { no = "old-{order}" }', 4, "customer.retire.no", "stand alone"),
        ('company = "company"', 'firma = "company"', 5, "fields.firma", "no such key"),
        ('company = "company"', 'city = "address.city"', 5, "fields.city", "[related.address]"),
        ('key = "id"', 'key = "id"\nretire = { a = "{survivor.kye}" }', 4, "customer.retire.a", "{survivor.key}"),
        ('key = "id"', 'key = "id"\nkeys = ["id"]', 4, "customer.keys", "already"),
        ('key = "id"', 'key = "id"\nkeys = ["a", "a"]', 4, "customer.keys.2", "twice"),
    ],
)
def test_a_mistake_in_the_customer_is_told_by_line_and_key(before, after, line, key, says):
    told(LEAST.replace(before, after), line, key, says)


@pytest.mark.parametrize(
    ("added", "line", "key", "says"),
    [
        ("format = 2", 1, "format", "2"),
        ("[colour]\nx = 1", 6, "colour", "no such key"),
        ('[proof]\nby = "mail"', 7, "proof.by", "domain, password, nothing"),
        ('[proof]\nby = "domain"', 7, "proof.by", "no [domain]"),
        ('[proof]\nby = "password"', 7, "proof.by", "no password"),
        ('[domain]\ntable = "d"\nname = "n"', 6, "domain", "either package or customer"),
        (
            '[domain]\ntable = "d"\nname = "n"\npackage = "a"\ncustomer = "b"',
            6,
            "domain",
            "either package or customer",
        ),
        ('[domain]\ntable = "d"\nname = "n"\npackage = "a"', 9, "domain.package", "no [package]"),
        ('[reference]\npolicy = "move"', 6, "reference", "[[reference]]"),
        ('[[reference]]\npolicy = "move"', 6, "reference.1", "columns or tables"),
        ('[[reference]]\ncolumns = ["a.b"]', 6, "reference.1.policy", "is missing"),
        ('[[reference]]\ncolumns = ["a.b"]\npolicy = "copy"', 8, "reference.1.policy", "copy"),
        ('[[reference]]\ncolumns = ["b"]\npolicy = "move"', 7, "reference.1.columns.1", "TABLE.COLUMN"),
        ('[[reference]]\ncolumns = ["a.b"]\npolicy = "add"', 8, "reference.1.policy", "earliest"),
        ('[[reference]]\ncolumns = ["a.b"]\npolicy = "move"\nadd = ["x"]', 9, "reference.1.add", "add"),
        ('[[reference]]\ncolumns = ["a.b"]\npolicy = "move"\nkey = "x"', 9, "reference.1.key", "x"),
        ('[[reference]]\ncolumns = ["a.b"]\npolicy = "move"\nform = "x"', 9, "reference.1.form", "{key}"),
        (
            (
                '[[reference]]\ncolumns = ["a.b"]\npolicy = "move"\n[[reference]]\n'
                'columns = [\n"c.d",\n"a.b"]\npolicy = "leave"'
            ),
            12,
            "reference.2.columns.2",
            "line 7",
        ),
        (
            '[[reference]]\ncolumns = ["a.b"]\npolicy = "move"\n[ignore]\ncolumns = ["a.b"]',
            10,
            "ignore.columns.1",
            "line 7",
        ),
        ('[related.a]\ntable = "a"\non = "x"\nfrom = "a.y"', 9, "related.a.from", "itself"),
        ('[related.a]\ntable = "a"\non = "x"\nfrom = "b.y"', 9, "related.a.from", "[related.b]"),
    ],
)
def test_a_mistake_elsewhere_is_told_by_line_and_key(added, line, key, says):
    text = f"{added}\n{LEAST}" if added.startswith("format") else LEAST + added
    told(text, line, key, says)


def test_a_text_that_isnt_toml_is_told_by_its_line():
    told('[customer]\ntable = "client"\nkey = \n', 3, "", "TOML")
    told('[customer]\ntable = "client', 2, "", "TOML")
    told('[customer]\ntable = "a"\ntable = "b"', 3, "", "TOML")


def test_lines_are_found_whatever_is_in_texts_and_comments():
    text = (
        '# [a]\na."b.c" = """\n[x]\ny = 1\n"""\n[t] # ]\nlist = [ # a\n 1.5, "]",\n  {k = 2},\n]\n'
        "[[u.v]]\nw=1\n[[u.v]]\nw=2\n[u.v.z]\nq = 1979-05-27 07:32:00\n"
    )
    lines = key_lines(text)
    assert lines["a.b.c"] == 2
    assert (lines["t.list.1"], lines["t.list.2"], lines["t.list.3.k"]) == (8, 8, 9)
    assert (lines["u.v.1.w"], lines["u.v.2.w"], lines["u.v.2.z.q"]) == (12, 14, 16)


def told(text, line, key, says):
    with pytest.raises(BadMapping) as caught:
        read_mapping(text, "shop.toml")
    details = caught.value.details
    assert (details["line"], details.get("key", "")) == (line, key)
    sentence = caught.value.filled_details()["why"]
    assert says in sentence
    assert str(caught.value).startswith(f"shop.toml, line {line}: ")

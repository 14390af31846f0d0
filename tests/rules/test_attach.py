"""A mapping over a host's catalogue: which references there are, what orders do with them, and what is in the way."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from custmerge.rules.attach import resolve
from custmerge.rules.attach.references import FoundBy
from custmerge.rules.host_schema import ForeignKey, HostColumn, HostSchema, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.mapping import Itself, Policy, Side
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.references.table_rules import ChildReference, UniqueRules

CUSTOMER = """\
[customer]
table = "client"
key = "id"
number = "no"
keys = ["record_id"]
same = ["company_id"]
[fields]
company = "name"
"""


def table(name, *columns, unique=(), foreign=(), key=("id",)):
    """Return a table; a column is `name` or `name:kind`, a foreign key `column>table`."""
    made = [
        HostColumn(n, k or "integer", Kind(k or "integer"), is_nullable=n not in key) for n, _, k in _split(columns)
    ]
    keys = [Unique(f"{name}_pkey", UniqueKind.PRIMARY, key)] if key else []
    keys += [Unique(f"{name}_{'_'.join(u)}", UniqueKind.CONSTRAINT, u) for u in unique]
    foreign_keys = tuple(
        each if isinstance(each, ForeignKey) else ForeignKey("", (each.split(">")[0],), each.split(">")[1], ("id",))
        for each in foreign
    )
    return HostTable(name, None, name, tuple(made), tuple(keys), foreign_keys)


def _split(columns):
    return [column.partition(":") for column in columns]


CLIENT = table("client", "id", "no:text", "name:text", "record_id", "company_id", "parent_id", "token:text")
INVOICE = table("invoice", "id", "client_id", "total", "updated_at:moment", foreign=["client_id>client"])


def attached(*tables, toml=""):
    schema = HostSchema({each.name: each for each in (CLIENT, *tables)})
    return resolve(read_mapping(CUSTOMER + toml), schema)


def problem(resolved):
    (only,) = resolved.problems
    return only.subject, only.line, only.message.format(**only.details)


def entry(columns, policy, more=""):
    return f'[[reference]]\ncolumns = ["{columns}"]\npolicy = "{policy}"\n{more}\n'


def test_a_foreign_key_without_an_entry_moves():
    resolved = attached(INVOICE)
    assert not resolved.problems
    (reference,) = resolved.references
    assert (reference.name, reference.policy, reference.found_by) == ("invoice.client_id", Policy.MOVE, "foreign_key")
    rules = resolved.tables["invoice"]
    assert (rules.key, rules.columns, rules.uniques) == (("id",), ("id", "client_id"), ())
    assert rules.references[0].form == ("", "")


def test_the_customers_own_table_is_among_those_that_orders_change():
    rules = attached().tables["client"]
    assert rules.columns == ("id", "no", "name", "record_id")
    assert rules.references == ()


def test_a_column_of_the_mapping_holds_the_key_that_it_says_in_its_form():
    note = table("note", "id", "target:text", "kind:text")
    more = 'where = "kind = \'client\'"\nkey = "record_id"\nform = "client,{key}"\nset = { kind = "x" }'
    resolved = attached(note, toml=entry("note.target", "move", more))
    assert not resolved.problems
    rules = resolved.tables["note"]
    (reference,) = rules.references
    assert (reference.key, reference.form, rules.computed[reference.where]) == (1, ("client,", ""), "kind = 'client'")
    assert resolved.references[0].found_by is FoundBy.MAPPING


def test_a_table_that_can_clash_needs_an_entry():
    wish = table("wish", "id", "client_id", "item", unique=[("client_id", "item")], foreign=["client_id>client"])
    subject, line, message = problem(attached(wish))
    assert (subject, line) == ("wish.client_id", None)
    assert "client_id, item" in message
    resolved = attached(wish, toml=entry("wish.client_id", "drop", 'winner = "absorbed"'))
    assert not resolved.problems
    rules = resolved.tables["wish"]
    assert rules.uniques == (UniqueRules(("client_id", "item")),)
    assert rules.columns == ("id", "client_id", "item")
    assert rules.references[0].winner is Side.ABSORBED


def test_a_unique_with_another_one_in_it_asks_for_no_entry():
    ticket = table("ticket", "id", "client_id", unique=[("id", "client_id")], foreign=["client_id>client"])
    assert not attached(ticket).problems
    drop = attached(ticket, toml=entry("ticket.client_id", "drop"))
    assert "nothing says when two rows" in problem(drop)[2]


@pytest.mark.parametrize("policy", ["move", "leave", "refuse"])
def test_any_answer_is_one_for_a_table_that_can_clash(policy):
    profile = table("profile", "client_id", "text:text", key=("client_id",), foreign=["client_id>client"])
    resolved = attached(profile, toml=entry("profile.client_id", policy))
    assert not resolved.problems
    assert ("profile" in resolved.tables) == (policy != "leave")


def test_what_a_condition_says_after_set_is_read_too():
    unique = Unique("main", UniqueKind.INDEX, ("client_id",), where="is_main = 1 AND kind = 'home'")
    address = table("address", "id", "client_id", "is_main", "kind:text", foreign=["client_id>client"])
    address = replace(address, uniques=(*address.uniques, unique))
    resolved = attached(address, toml=entry("address.client_id", "move", "set = { is_main = 0 }"))
    rules = resolved.tables["address"]
    ((before, after),) = rules.references[0].computed_after.items()
    assert rules.uniques == (UniqueRules(("client_id",), where=before),)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE address (id, client_id, is_main, kind)")
        database.execute("INSERT INTO address VALUES (1, 2, 1, 'home')")
        (cells,) = database.execute(f"SELECT {rules.computed[before]}, {rules.computed[after]} FROM address")
    assert cells == (1, 0)


def test_what_the_program_takes_for_unique_is_so_beside_the_constraints():
    credit = table("credit", "id", "client_id", "currency:text", "amount:number", "last:moment")
    more = 'unique = ["currency"]\nadd = ["amount"]\nlatest = ["last"]'
    resolved = attached(credit, toml=entry("credit.client_id", "add", more))
    assert not resolved.problems
    assert resolved.tables["credit"].uniques == (UniqueRules(("client_id", "currency"), of="client_id"),)


def test_partial_and_expression_indexes_are_compared_by_what_they_compute():
    unique = Unique("u", UniqueKind.INDEX, ("client_id", ""), ("lower(mail)",), where="active", nulls_are_equal=True)
    mail = table("mail", "id", "client_id", "mail:text", "active:boolean", foreign=["client_id>client"])
    mail = replace(mail, uniques=(*mail.uniques, unique))
    rules = attached(mail, toml=entry("mail.client_id", "drop")).tables["mail"]
    (rule,) = rules.uniques
    assert (rule.columns[0], rules.computed[rule.columns[1]], rules.computed[rule.where]) == (
        "client_id",
        "lower(mail)",
        "active",
    )
    assert rule.nulls_are_equal


@pytest.mark.parametrize(("column", "policy"), [("label:text", "drop"), ("debit:number", "refuse")])
def test_rows_that_may_clash_need_an_entry_which_is_there_to_be_pasted(column, policy):
    line = table(
        "line", "id", "client_id", "code", column, unique=[("client_id", "code")], foreign=["client_id>client"]
    )
    (found,) = attached(line).problems
    assert found.subject == "line.client_id"
    assert read_mapping(CUSTOMER + found.paste).references[0].policy == policy
    assert attached(line, toml=found.paste).problems == ()


def test_an_empty_unique_is_one_row_for_each_customer():
    detail = table("detail", "id", "client_id", foreign=["client_id>client"])
    rules = attached(detail, toml=entry("detail.client_id", "drop", "unique = []")).tables["detail"]
    assert UniqueRules(("client_id",), of="client_id") in rules.uniques


def test_children_of_rows_that_may_be_dropped_follow_level_by_level():
    review = table("review", "id", "client_id", "item", unique=[("client_id", "item")], foreign=["client_id>client"])
    vote = table("vote", "id", "review_id", "by", unique=[("review_id", "by")], foreign=["review_id>review"])
    remark = table("remark", "id", "vote_id", foreign=["vote_id>vote"])
    resolved = attached(review, vote, remark, toml=entry("review.client_id", "drop"))
    assert resolved.tables["vote"].children == (ChildReference(("review_id",), "review", ("id",)),)
    assert "remark" not in resolved.tables
    resolved = attached(
        review, vote, remark, toml=entry("review.client_id", "drop") + entry("vote.review_id", "drop")
    )
    assert not resolved.problems
    assert resolved.tables["remark"].children[0].parent == "vote"
    assert [each.name for each in resolved.references] == ["review.client_id"]


def test_a_child_of_a_row_that_may_be_dropped_cant_be_left():
    review = table("review", "id", "client_id", "item", unique=[("client_id", "item")], foreign=["client_id>client"])
    vote = table("vote", "id", "review_id", foreign=["review_id>review"])
    toml = entry("review.client_id", "drop") + entry("vote.review_id", "leave")
    assert problem(attached(review, vote, toml=toml))[:2] == ("reference.2.columns.1", 14)


def test_patterns_and_tables_answer_for_many_and_the_more_exact_one_counts():
    names = ["order_history", "item_history"]
    histories = [table(name, "id", "client_id", foreign=["client_id>client"]) for name in names]
    toml = '[[reference]]\ntables = ["*_history"]\npolicy = "leave"\n' + entry("item_history.client_id", "move")
    resolved = attached(*histories, toml=toml)
    assert [(each.name, each.policy) for each in resolved.references] == [
        ("item_history.client_id", Policy.MOVE),
        ("order_history.client_id", Policy.LEAVE),
    ]
    resolved = attached(*histories, toml=entry("*_history.client_id", "refuse"))
    assert {each.policy for each in resolved.references} == {Policy.REFUSE}


def test_composite_foreign_keys_need_what_is_the_same_in_both():
    def order(*to):
        return table(
            "order", "id", "client_id", "scope", foreign=[ForeignKey("", ("client_id", "scope"), "client", to)]
        )

    resolved = attached(order("id", "company_id"))
    assert not resolved.problems
    assert [each.name for each in resolved.references] == ["order.client_id"]
    assert "parent_id" in problem(attached(order("id", "parent_id")))[2]
    assert "keys" in problem(attached(order("no", "company_id")))[2]


def test_a_reference_in_the_customers_own_table_cant_drop_it():
    own = replace(CLIENT, foreign_keys=(ForeignKey("", ("parent_id",), "client", ("id",)),))
    resolved = attached(own)
    assert not resolved.problems
    assert resolved.tables["client"].references[0].itself is Itself.REFUSE
    resolved = attached(own, toml=entry("client.parent_id", "move", 'itself = "drop"'))
    assert problem(resolved)[:2] == ("reference.1.itself", 12)


def test_packages_move_with_their_customers():
    plan = table("plan", "id", "client_id", "title:text", "mail:text")
    toml = '[package]\ntable = "plan"\nkey = "id"\ncustomer = "client_id"\ncontact = { email = "mail" }\n'
    resolved = attached(plan, toml=toml)
    assert not resolved.problems
    rules = resolved.tables["plan"]
    assert rules.columns == ("id", "client_id", "mail")
    assert rules.references[0].column == "client_id"
    assert problem(attached(plan, toml=toml + entry("plan.client_id", "leave")))[1] == 15


@pytest.mark.parametrize(
    ("toml", "subject", "line", "says"),
    [
        (entry("invoic.client_id", "move"), "reference.1.columns.1", 10, "there is invoice"),
        (entry("invoice.clientid", "move"), "reference.1.columns.1", 10, "there is client_id"),
        (entry("*_x.client_id", "move"), "reference.1.columns.1", 10, "no column"),
        (entry("invoice.client_id", "drop"), "reference.1.policy", 11, "unique = []"),
        (entry("invoice.client_id", "drop", 'unique = ["x"]'), "reference.1.unique.1", 12, "no column x"),
        (
            entry("invoice.client_id", "add", 'unique = ["total"]\nadd = ["updated_at"]'),
            "reference.1.add.1",
            13,
            "no number",
        ),
        (entry("invoice.updated_at", "move"), "reference.1.columns.1", 10, "moment"),
        (entry("invoice.client_id", "move", 'form = "c{key}"'), "reference.1.form", 12, "only a text"),
        (entry("invoice.client_id", "move", 'key = "record_id"'), "reference.1.key", 12, "refers to id"),
        (entry("invoice.client_id", "move", 'set = { id = "{null}" }'), "reference.1.set.id", 12, "NULL"),
        (entry("client.record_id", "move"), "reference.1.columns.1", 10, "own key"),
        ('[ignore]\ncolumns = ["invoice.client_id"]', "ignore.columns", 10, "foreign key"),
        (
            entry("inv*.client_id", "move") + entry("*ice.client_id", "leave"),
            "reference.2.columns.1",
            14,
            "two answers",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_by_line_and_key(toml, subject, line, says):
    told = problem(attached(INVOICE, toml=toml))
    assert told[:2] == (subject, line)
    assert says in told[2]


@pytest.mark.parametrize(
    ("before", "after", "subject", "line"),
    [
        ('table = "client"', 'table = "clients"', "customer.table", 2),
        ('key = "id"', 'key = "idd"', "customer.key", 3),
        ('number = "no"', 'number = "number"', "customer.number", 4),
        ('["company_id"]', '["company"]', "customer.same.1", 6),
        ('company = "name"', 'company = "nam"', "fields.company", 8),
        ("[fields]", "retire = { id = 7 }\n[fields]", "customer.retire.id", 7),
        ("[fields]", 'retire = { no = "x" }\n[fields]', "customer.retire.no", 7),
    ],
)
def test_what_is_wrong_with_the_customer_is_told_by_line_and_key(before, after, subject, line):
    mapping = read_mapping(CUSTOMER.replace(before, after))
    resolved = resolve(mapping, HostSchema({"client": CLIENT}))
    assert (subject, line) in [(each.subject, each.line) for each in resolved.problems]


def test_a_table_whose_rows_cant_be_told_apart_is_a_problem():
    assert problem(attached(replace(INVOICE, uniques=())))[0] == "invoice"


def test_the_fingerprint_tells_of_what_the_mapping_names_and_of_new_references():
    before = attached(INVOICE)
    assert attached(replace(INVOICE, rows=7), table("other", "id")).schema == before.schema
    assert attached(replace(INVOICE, triggers=("t",))).schema != before.schema
    assert attached(INVOICE, table("new", "id", "client_id", foreign=["client_id>client"])).schema != before.schema

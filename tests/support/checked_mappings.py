"""What a mapping came to, without a database."""

from custmerge.rules.attach import Problem, resolve
from custmerge.rules.guessing.proposal import Question
from custmerge.rules.host_schema import ForeignKey, HostColumn, HostSchema, HostTable, Kind, Unique, UniqueKind
from custmerge.rules.mapping.file import read_mapping
from custmerge.services.attach.check import Checked, CheckedReference

MAPPING = """\
name = "shop"
[customer]
table = "clients_of_the_shop"
key = "id"
[fields]
company = "name"
phone = { sql = "'+' || country_code || phone_number" }
[[reference]]
columns = ["party_party-party_category.client_id"]
policy = "drop"
why = "a category is given once to each party, whatever the constraints say"
"""
KEY = Unique("", UniqueKind.PRIMARY, ("id",))


def _table(name, *columns, foreign_keys=(), uniques=()):
    made = tuple(HostColumn(column, "text", Kind.TEXT) for column in ("id", *columns))
    return HostTable(name, None, name, made, (KEY, *uniques), foreign_keys)


TO_CLIENT = ForeignKey("", ("client_id",), "clients_of_the_shop", ("id",))
SCHEMA = HostSchema(
    {
        each.name: each
        for each in (
            _table("clients_of_the_shop", "name"),
            _table("party_party-party_category", "client_id", "category"),
            _table("invoice", "client_id", foreign_keys=(TO_CLIENT,)),
        )
    }
)
RESOLVED = resolve(read_mapping(MAPPING), SCHEMA)
PASTE = '[[reference]]\ncolumns = ["ticket.client_no"]\npolicy = "move"\n'
CHECKED = Checked(
    text=MAPPING,
    resolved=RESOLVED,
    catalogue=SCHEMA,
    customers=123_456,
    references=tuple(CheckedReference(each, 100_000, is_indexed=True) for each in RESOLVED.references),
    questions=(Question("ticket.client_no", 120_000, 812, 790, 22, PASTE),),
    problems=(
        *RESOLVED.problems,
        Problem("invoice", "the connected role may not {rights} here", {"rights": "UPDATE"}),
    ),
)

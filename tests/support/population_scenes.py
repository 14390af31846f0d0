"""Registers that hold a population: custmerge's own, and a host's that custmerge is attached to."""

import csv
from contextlib import closing

from support.attach_shop import PASSWORD_HASH, program
from support.population import FIELDS

MAPPING = f"""\
format = 1
name = "host"

[customer]
table = "client"
key = "id"
number = "client_no"
password = "pass"
retire = {{ status = "closed" }}

[fields]
{"".join(f'{field} = "{field}"' + chr(10) for field in FIELDS)}
[domain]
table = "site"
name = "name"
customer = "client_id"

[[reference]]
columns = ["invoice.client_id"]
policy = "move"
"""
TABLES = (
    f"""CREATE TABLE client (
        id bigint NOT NULL PRIMARY KEY, client_no text NOT NULL UNIQUE, {" text, ".join(FIELDS)} text,
        pass text, status text
    )""",
    """CREATE TABLE site (
        id bigint NOT NULL PRIMARY KEY, client_id bigint NOT NULL REFERENCES client (id), name text UNIQUE
    )""",
    "CREATE TABLE invoice (id bigint NOT NULL PRIMARY KEY, client_id bigint NOT NULL, title text)",
)
NAMES = ("client", "site", "invoice")


def import_into(cli, records):
    """Import records, each with a package and a domain."""
    customers = [(record.number, *record.values) for record in records]
    packages = [(f"P{record.number}", record.number, f"k{record.number}.example") for record in records]
    for kind, header, rows in (
        ("customers", ("number", *FIELDS), customers),
        ("packages", ("package", "number", "domains"), packages),
    ):
        with (cli.folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        done = cli.as_("anna").in_process("import", kind, f"{kind}.csv")
        assert done.code == 0, done.err


def attach_to(cli, records):
    """Make a host's tables of the same customers, a site and an invoice for each, and attach to them."""
    mark = "?" if cli.url.startswith("sqlite") else "%s"
    rows = {
        "client": [
            (place, record.number, *record.values, PASSWORD_HASH, "active") for place, record in enumerate(records)
        ],
        "site": [(place, place, f"k{record.number}.example") for place, record in enumerate(records)],
        "invoice": [(place, place, "hosting") for place, _ in enumerate(records)],
    }
    with closing(program(cli.url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN")
        for statement in TABLES:
            cursor.execute(statement)
        for name, some in rows.items():
            cursor.executemany(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(some[0]))})", some)
        cursor.execute("COMMIT")
    mapping = cli.folder / "host.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    mapping.chmod(0o600)
    done = cli.as_("anna").in_process("attach", "host.toml")
    assert done.code == 0, done.out + done.err


def host_rows(url):
    """Return every row of such a host's tables."""
    with closing(program(url)) as connection:
        return {
            name: [tuple(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()]
            for name in NAMES
        }

"""Of each function or operator of PostgreSQL's that we name, the audit looks for one that fits better."""

import re

import psycopg
from support.audit_scenes import audited, live
from support.command_line import CommandLine

from custmerge.storage.catalogue.postgresql import LOOKALIKE_FUNCTIONS, LOOKALIKE_OPERATORS

STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)")
TEXT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--.*|\$\d+")
FUNCTION = re.compile(r"(?<![\w.])([a-z_]\w*)\s*\(", re.IGNORECASE)
STAR = re.compile(r"(?<=[(.])\*|(?<=SELECT )\*")
OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
SPELLED = {"like": "~~", "not like": "!~~", "ilike": "~~*", "not ilike": "!~~*", "!=": "<>"}


def test_every_name_that_our_statements_leave_open_is_among_the_lookalikes(own_server, tmp_path):
    url = own_server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        functions = {row[0] for row in connection.execute("SELECT proname FROM pg_catalog.pg_proc").fetchall()}
        operators = {row[0] for row in connection.execute("SELECT oprname FROM pg_catalog.pg_operator").fetchall()}
        connection.execute("ALTER DATABASE postgres SET log_statement = 'all'")
    cli = CommandLine(url, tmp_path)
    live(cli)
    rest_of_a_life(cli)
    audited(url)
    statements = {TEXT.sub("''", found) for found in ours(own_server.log.read_text("utf-8"))}
    assert len(statements) > 100
    named = {name.lower() for one in statements for name in FUNCTION.findall(one)}
    assert sorted((named & functions) - set(LOOKALIKE_FUNCTIONS)) == []
    used = {name for one in statements for name in OPERATOR.findall(STAR.sub("", one))}
    used |= {meant for one in statements for word, meant in SPELLED.items() if f" {word} " in one.lower()}
    assert sorted((used & operators) - set(LOOKALIKE_OPERATORS)) == []


def rest_of_a_life(cli):
    agent, supervisor = cli.as_("ben"), cli.as_("anna")
    for command in (
        ("find", "Vogelsang"),
        ("show", "10001"),
        ("diff", "20006", "--into", "10001"),
        ("history", "10001", "--since", "2026-01-01", "--until", "2999-01-01", "--limit", "3"),
        ("export", "customers", "--with-hashes"),
        ("export", "packages"),
        ("bulk", "status"),
        ("transfer", "list"),
        ("transfer", "show", "1"),
        ("undo", "--batch", "1", "--yes"),
        ("undo", "2", "--yes"),
        ("purge", "--older-than", "1d", "--yes"),
        ("user", "list"),
        ("user", "role", "ben", "auditor", "--yes"),
        ("user", "disable", "ben", "--yes"),
        ("token", "list"),
        ("token", "revoke", "nightly", "--yes"),
        ("doctor",),
    ):
        supervisor(*command)
    agent("logout")


def ours(log):
    """Give the statements of ours in a log but those that know nothing but the server's own names."""
    only_server = False
    for statement in STATEMENT.findall(log):
        if "set_config('search_path', $1" in statement:
            only_server = not only_server
        elif not only_server and "quote_all_identifiers" not in statement:
            yield statement

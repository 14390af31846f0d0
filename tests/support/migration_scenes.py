"""What several files of tests of upgrades have in common."""

import itertools
import json
import os
import shutil
from contextlib import closing
from datetime import UTC, datetime

import alembic.command
import psycopg
import pytest
from sqlalchemy import MetaData, insert, select, text

from custmerge.rules.audit import CheckName
from custmerge.rules.history import NO_HASH, canonical, chain_hash
from custmerge.rules.people import Role
from custmerge.services import audit
from custmerge.services.access import Caller
from custmerge.storage import schema
from custmerge.storage.database import Database
from custmerge.storage.dialect import open_engine
from support.command_line import CommandLine
from support.runs import made_once, run_folder
from support.world import World

PRELOADED = alembic.command
NOW = datetime.now(UTC)
AUDITOR = Caller(Role.AUDITOR, "ada", "", "", 3)
EARLIER = schema.VERSIONS[:-1]
GIVEN, OWN = "von-anna-gewaehlt", "das-ist-mein-eigenes"
NOTHING_NEW_SINCE = "0003"
"""The version behind which none brought anything that `live` does."""
NUMBERS = itertools.count()


def live(cli, version):
    """Let everything happen that a program of `version` could do."""
    world, agent, supervisor = World(cli), cli.as_("ben"), cli.as_("anna")
    world.customer("10001", domains=["own.example"], city="Ulm")
    for number in range(20001, 20006):
        # Only who differs in identity can have a contract transfer.
        name = "Katrin" if number < 20004 else "Ute"
        world.customer(
            str(number), domains=[f"d{number}.example"], password="hefezopf", city="Köln\\\"'%s", first_name=name
        )
    world.package("Q", "20002", ["q.example"], contact={"street": "Q-Weg 1", "city": "Q"})
    done = [merged(agent, 20001, "--adopt"), merged(agent, 20002, "--keep", "--take", "city")]
    done.append(supervisor("undo", "1", "--yes"))
    if version >= "0002":
        (cli.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
        world.customer("20009", last_name="Anders", domains=["d9.example"])
        done += [
            supervisor("token", "create", "nightly", "--role", "auditor", "--days", "90"),
            supervisor("token", "create", "gone", "--role", "auditor", "--days", "90"),
            supervisor("token", "revoke", "gone", "--yes"),
            supervisor("user", "add", "eva", "--role", "agent", "--password-stdin", stdin=GIVEN),
            supervisor("user", "add", "udo", "--role", "supervisor", "--password-stdin", stdin=GIVEN),
            made_a_token(cli, "udo", "udos"),
            supervisor("user", "disable", "udo", "--yes"),
            agent("transfer", "file", "20009", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "1", "--yes"),
            agent("merge", "20009", "--into", "10001", "--keep", "--yes"),
            agent("transfer", "file", "20005", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "2", "--yes"),
            supervisor("transfer", "reject", "2", "--reason", "Unterschrift fehlt", "--yes"),
            agent("transfer", "file", "20005", "--into", "10001", "--form", "form.pdf"),
            supervisor("transfer", "approve", "3", "--yes"),
        ]
        (cli.folder / "new.csv").write_text("number,company\n20005,Neu\n")
        done += [
            supervisor("import", "customers", "new.csv", "--update"),
            agent("transfer", "file", "20004", "--into", "10001", "--form", "form.pdf"),
        ]
    if version >= "0003":
        (cli.folder / "bulk.csv").write_text("survivor,absorbed,choice\n10001,20003,keep\n")
        done += [supervisor("bulk", "approve", "bulk.csv", "--yes"), agent("bulk", "run", "bulk.csv")]
    assert [one.code for one in done] == [0] * len(done), [one.err for one in done]


def made_a_token(cli, name, token):
    """Let somebody log in for the first time and make a service token."""
    login = cli("login", "--staff", name, "--password-stdin", "--print-token", stdin=f"{GIVEN}\n{OWN}")
    return cli("token", "create", token, "--role", "auditor", CUSTMERGE_TOKEN=login.out.strip())


def merged(agent, number, *options):
    proof = ("--domain", f"d{number}.example", "--password-stdin")
    return agent("merge", number, "--into", "10001", *proof, *options, "--yes", stdin="hefezopf")


@pytest.fixture(params=["sqlite", "postgresql"])
def old_kind(request):
    """Which of both databases is an old one."""
    return request.param


@pytest.fixture
def old_url(old_kind, tmp_path, request):
    """The URL of a database without tables."""
    if old_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
    else:
        yield from made_on(request.getfixturevalue("postgresql_server"), "template0")


@pytest.fixture
def old(old_kind, tmp_path, version, request):
    """A database of `version` as a program of that time left it: with data, and without seals in its history."""
    template = request.getfixturevalue("old_templates")(old_kind, version)
    if old_kind == "sqlite":
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'old.db')}"
    else:
        yield from made_on(request.getfixturevalue("postgresql_server"), template)


def made_on(server, template):
    """Give the URL of a new copy of a server's database, which is gone afterwards."""
    name = f"old_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # As `database_url` does.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def old_templates(sqlite_template, tmp_path_factory, request):
    """Gives the file, or the name on the server, of what `old` is a copy of; each is made once in a run of tests."""
    folder = run_folder(tmp_path_factory)

    def lived(version):
        """A present database in which everything has happened that a program of `version` could do."""
        version = min(version, NOTHING_NEW_SINCE)
        path = folder / f"lived-{version}" / "lived.db"

        def make():
            path.parent.mkdir()
            shutil.copy(sqlite_template, path)
            live(CommandLine(f"sqlite:///{path}", path.parent), version)

        made_once(folder, f"lived-{version}", make)
        return f"sqlite:///{path}"

    def sqlite(version):
        path = folder / f"old-{version}.db"
        made_once(folder, path.stem, lambda: leave_behind(lived(version), f"sqlite:///{path}", version))
        return path

    def postgresql(version):
        server, name = request.getfixturevalue("postgresql_server"), f"template_of_{version}"

        def make():
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            leave_behind(lived(version), server.get_uri(name), version)

        made_once(folder, name, make)
        return name

    return lambda kind, version: {"sqlite": sqlite, "postgresql": postgresql}[kind](version)


def leave_behind(lived_url, old_url, version):
    """Fill a database of `version` with what a present one holds, as far as a program of that time knew it."""
    new_engine, old_engine = open_engine(lived_url), open_engine(old_url, create=True)
    with old_engine.begin() as old, new_engine.connect() as new:
        schema.upgrade(old, old_url, version)
        tables, present = reflected(old), reflected(new)
        for table in tables.sorted_tables:
            if table.name not in ("custmerge_version", "custmerge_head", "custmerge_history"):
                copy(present.tables[table.name], table, new, old)
        bodies = new.execute(text("SELECT body FROM custmerge_history ORDER BY seq")).scalars().all()
        write_history(old, told_by(version, map(json.loads, bodies)))
    new_engine.dispose()
    old_engine.dispose()


def dump(url, like=None):
    """Every cell of every table; of the tables and columns of `like` alone, where it is given."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = {}
        for table in reflected(connection).sorted_tables:
            names = sorted(column.name for column in table.columns) if like is None else like.get(table.name, [[]])[0]
            rows = connection.execute(select(*(table.c[name] for name in names))) if names else ()
            found[table.name] = [names, *sorted([tuple(row) for row in rows], key=repr)]
    engine.dispose()
    return found if like is None else {name: found[name] for name in like}


def reflected(connection):
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def copy(present, table, new, old):
    """Copy the columns that both versions of a table have; of logins those that the old version knows."""
    names = [column.name for column in table.columns if column.name in present.c]
    rows = [dict(row._mapping) for row in new.execute(select(*(present.c[name] for name in names)))]
    if table.name == "custmerge_session":
        rows = [row for row in rows if any(row.get(name) is not None for name in ("number", "staff", "service"))]
    if table.name == "customer":
        # A foreign key that SQLite's reflection doesn't know as deferred.
        rows.sort(key=lambda row: row["merged_into"] is not None)
    if rows:
        old.execute(insert(table), rows)
    if "id" in names and old.dialect.name == "postgresql":
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        old.execute(text(f"SELECT setval({sequence}, {len(rows) + 1}) WHERE {sequence} IS NOT NULL"))


def told_by(version, bodies):
    """Give what a program of that version wrote: without seals, and before 0006 without an entry of what is void."""
    seq = 0
    for body in bodies:
        if body["action"] == "token" and (body["did"], body["name"]) == ("revoke", "udos"):
            # It ended with its maker, of which earlier versions wrote no entry.
            continue
        if body["action"] == "transfer_void":
            if version < "0006":
                continue
        else:
            body.pop("row_sha256", None)
        seq += 1
        yield {**body, "seq": seq}


def write_history(connection, bodies):
    digest, seq, order = NO_HASH, 0, 0
    for body in bodies:
        written = canonical(body)
        digest, seq = chain_hash(digest, written), body["seq"]
        order = max(order, body["order"] or 0) if body["action"] == "merge" else order
        statement = text("INSERT INTO custmerge_history (seq, body, hash) VALUES (:seq, :body, :hash)")
        connection.execute(statement, {"seq": seq, "body": written, "hash": digest})
    statement = text('UPDATE custmerge_head SET seq = :seq, hash = :hash, "order" = :order')
    connection.execute(statement, {"seq": seq, "hash": digest, "order": order})


def audited(url):
    with closing(Database(url)) as database:
        wanted = audit.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=365)
        return audit.audit(database, AUDITOR, wanted, NOW)

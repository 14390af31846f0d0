"""Hosts' databases that custmerge is attached to, with three people of staff; and orders as they are given there."""

import csv
import itertools
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from custmerge.rules.history import Actor
from custmerge.rules.people import Role
from custmerge.services.people import staff
from custmerge.storage.database import Database
from support.command_line import CommandLine
from support.databases import MADE, STAFF_PASSWORD, login_staff
from support.hosts.expected import after
from support.hosts.host import Host, lay_out
from support.hosts.snapshot import constraints_that_fail, difference, snapshot

MAPPING_FILE = "mapping.toml"
PDF = b"%PDF-1.7\nsigned"
_NUMBERS = itertools.count()
_KEPT = {}
"""Databases that custmerge is attached to, made once in a process of tests, by host and kind."""


@dataclass(frozen=True)
class Attached:
    """A host's database with custmerge attached to it."""

    host: Host
    nobody: CommandLine
    """The command line with nobody logged in."""

    @property
    def url(self):
        return self.nobody.url

    @property
    def folder(self):
        return self.nobody.folder

    @property
    def agent(self):
        return self.nobody.as_("ben")

    @property
    def supervisor(self):
        return self.nobody.as_("anna")

    def snapshot(self):
        return snapshot(self.url)


def attach(host, cli):
    """Write the mapping and attach."""
    write_mapping(host, cli.folder)
    done = cli.in_process("attach", MAPPING_FILE)
    assert done.code == 0, done.out + done.err


def write_mapping(host, folder):
    path = folder / MAPPING_FILE
    path.write_text(host.mapping, "utf-8")
    path.chmod(0o600)


def hire(cli, staff_hash):
    """Name the first supervisor, add an agent and log both in, see `CommandLine.as_`."""
    done = cli.in_process("init", "--supervisor", "anna", "--password-stdin", stdin=STAFF_PASSWORD)
    assert done.code == 0, done.err
    database = Database(cli.url)
    with database.writing() as unit:
        staff.write_new(unit, "ben", Role.AGENT, staff_hash, by=Actor("init", "system"), now=MADE)
    for name in ("anna", "ben"):
        login_staff(database, name, STAFF_PASSWORD, token=f"token-of-{name}", now=datetime.now(UTC))
    database.close()


class Databases:
    """Makes databases of one kind; `close` drops them."""

    def __init__(self, kind, server, folder):
        self._kind, self._server, self._folder = kind, server, folder
        self._made = []

    def empty(self):
        """Return the URL of a database with nothing in it."""
        return self._new(None)

    def copy(self, kept):
        return self._new(kept)

    def _new(self, template):
        if self._kind == "sqlite":
            path = self._folder / f"host-{next(_NUMBERS)}.db"
            if template is not None:
                shutil.copy(template.removeprefix("sqlite:///"), path)
                path.chmod(0o600)
            return f"sqlite:///{path}"
        name = f"host_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_NUMBERS)}"
        like = "" if template is None else f" TEMPLATE {psycopg.conninfo.conninfo_to_dict(template)['dbname']}"
        with self._connection() as connection:
            connection.execute(f"CREATE DATABASE {name}{like} STRATEGY file_copy")
        self._made.append(name)
        return self._server.get_uri(name)

    def close(self):
        for name in self._made:
            with self._connection() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _connection(self):
        return psycopg.connect(self._server.get_uri(), autocommit=True)


def attached(host, kind, databases, kept_databases, folder, staff_hash):
    """Return a host's database with custmerge attached to it: a copy of one that is made once."""
    if (host.name, kind) not in _KEPT:
        url = kept_databases.empty()
        lay_out(url, host)
        cli = CommandLine(url, folder)
        attach(host, cli)
        hire(cli, staff_hash)
        _KEPT[host.name, kind] = url
    return Attached(host, CommandLine(databases.copy(_KEPT[host.name, kind]), folder))


def order(attached, merge):
    """Give one order as staff do, with what proves it in the host's mapping; returns its number."""
    if merge.absorbed not in attached.host.domains and not merge.has_transfer:
        run, report = run_file(attached, [merge], f"pair-{next(_NUMBERS)}.csv")
        assert run.code == 0, (run.err, report)
        return int(report[0]["order"])
    options = [f"--{merge.choice}"] if merge.choice != "identical" else []
    options += ["--fill"] if merge.is_filled else [f"--take={field}" for field in merge.taken]
    proof, stdin = prove(attached, merge)
    done = attached.agent.in_process(
        "merge", merge.absorbed, "--into", merge.survivor, *proof, *options, "--yes", "-f", "json", stdin=stdin
    )
    assert done.code == 0, done.err
    assert (done.json["survivor"], done.json["absorbed"]) == (merge.survivor, merge.absorbed)
    assert (done.json["choice"], sorted(done.json["taken"])) == (merge.choice, sorted(merge.taken))
    return done.json["order"]


def prove(attached, merge):
    """Return the options of a proof and what is typed: a domain and its password, or a transfer that is approved."""
    if not merge.has_transfer:
        domain = attached.host.domains[merge.absorbed]
        return ["--domain", domain, "--password-stdin"], attached.host.passwords[merge.absorbed]
    (attached.folder / "form.pdf").write_bytes(PDF)
    filed = attached.agent.in_process(
        "transfer", "file", merge.absorbed, "--into", merge.survivor, "--form", "form.pdf", "-f", "json"
    )
    assert filed.code == 0, filed.err
    approved = attached.supervisor.in_process("transfer", "approve", filed.json["id"], "--yes")
    assert approved.code == 0, approved.err
    return [], ""


def undo(cli, *arguments):
    done = cli.in_process("undo", *arguments, "--yes", "-f", "json")
    assert done.code == 0, done.err
    return done


def write_file(attached, merges, name="pairs.csv"):
    """Write orders into a bulk file."""
    with (attached.folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["survivor", "absorbed", "choice", "take"])
        for merge in merges:
            choice = "" if merge.choice == "identical" else merge.choice
            writer.writerow([merge.survivor, merge.absorbed, choice, " ".join(merge.taken)])
    (attached.folder / name).chmod(0o600)


def run_file(attached, merges, name="pairs.csv", *, options=()):
    """Have a file of orders approved and run; returns how the run ended and the rows of its report."""
    write_file(attached, merges, name)
    approved = attached.supervisor.in_process("bulk", "approve", name, "--yes")
    assert approved.code == 0, approved.err
    report = f"report-of-{name}"
    done = attached.agent.in_process("bulk", "run", name, "--report", report, *options, "-f", "json")
    with (attached.folder / report).open(encoding="utf-8", newline="") as file:
        return done, list(csv.DictReader(file))


def demand_as_expected(attached, before, merges, theirs=()):
    """Demand that the host's database is what orders make of `before`, and that nothing in it is broken.

    `theirs` are columns that the host's triggers have written in rows that an undo gave back.
    """
    found = difference(after(before, attached.host, *merges), attached.snapshot(), theirs)
    assert not found, found
    assert constraints_that_fail(attached.url) == []


def demand_as_before(attached, before):
    """Demand that an undo has left nothing behind, but what the host's own triggers write."""
    found = difference(before, attached.snapshot(), attached.host.theirs)
    assert not found, found
    assert constraints_that_fail(attached.url) == []


def demand_audit_ok(attached):
    done = attached.supervisor.in_process("audit", "--format", "json")
    assert (done.code, done.json["status"]) == (0, "ok"), done.json["findings"]

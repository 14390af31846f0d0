"""A random host's database: made, attached, merged in and looked at, with a model beside it."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

import psycopg
import pytest
from hypothesis import note

from custmerge import errors
from custmerge.rules.audit import CheckName
from custmerge.rules.bulk import Result
from custmerge.rules.fields import Field
from custmerge.rules.history import stamp
from custmerge.rules.people import PROOF_LASTS, Proof, verified_sha256
from custmerge.rules.plan import Choice, Wishes
from custmerge.services import access, bulk
from custmerge.services import audit as audit_service
from custmerge.services import merge as merge_service
from custmerge.services import undo as undo_service
from custmerge.services.bulk.file import RunOptions
from custmerge.services.progress import Inputs
from custmerge.services.undo import batch as undo_batch
from custmerge.storage.database import Database
from support.attach_model import Model, Refused
from support.attach_schemas import PASSWORD_HASH
from support.attach_toml import mapping, quoted, statements, text
from support.command_line import CommandLine

REFUSALS = (
    errors.ReferenceRefused,
    errors.MergedAway,
    errors.UndoBlocked,
    errors.UndoBlockedByOrders,
    errors.UndoStopped,
    errors.UndoStoppedByOrders,
    errors.AlreadyUndone,
)
WANTED = audit_service.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=36_500)
SALT = b"s" * 16


def now():
    return datetime.now(UTC)


def host_connection(url):
    """Return a connection as the host's own program has one."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = OFF")
        return connection
    return psycopg.connect(url, autocommit=True)


def filled(url, host, rows):
    """Make a host's tables and fill them."""
    with closing(host_connection(url)) as connection:
        connection.execute("BEGIN")
        for statement in statements(host):
            connection.execute(statement)
        for name, some in rows.items():
            table = host.tables[name]
            # A row that refers to one of its own table may come before that one.
            later = {column for one in table.foreign if one.table == name for column in one.columns}
            for row in some:
                first = {column: cell for column, cell in row.items() if column not in later}
                names, marks = ", ".join(map(quoted, first)), ", ".join("?" * len(first))
                execute(connection, f"INSERT INTO {quoted(name)} ({names}) VALUES ({marks})", first.values())
            for row in some if later else ():
                values = {column: row[column] for column in (*later, *table.uniques[0].columns)}
                parts = [f"{quoted(column)} = ?" for column in values]
                assigned, found = ", ".join(parts[: len(later)]), " AND ".join(parts[len(later) :])
                execute(connection, f"UPDATE {quoted(name)} SET {assigned} WHERE {found}", values.values())
        connection.execute("COMMIT")


def execute(connection, statement, values):
    """Execute a statement whose parameters are question marks, and in which there are no others."""
    if isinstance(connection, psycopg.Connection):
        statement = statement.replace("%", "%%").replace("?", "%s")
    connection.execute(statement, list(values))


def rows_of(url, host):
    """Return every row of a host's tables, in an order of their own."""
    with closing(host_connection(url)) as connection:
        return {name: in_order(_rows(connection, name, table)) for name, table in host.tables.items()}


def _rows(connection, name, table):
    found = connection.execute(f"SELECT {', '.join(map(quoted, table.columns))} FROM {quoted(name)}")
    return [dict(zip(table.columns, map(plain, cells), strict=True)) for cells in found]


def plain(cell):
    """Return a cell as both databases can have it."""
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def in_order(rows):
    return sorted(rows, key=repr)


class AttachedLife:
    """A random host, really there and in the model."""

    def __init__(self, url, folder, host, rows):
        self.url, self.folder, self.host = url, folder, host
        filled(url, host, rows)
        self.model = Model(host, rows)
        self.began = rows_of(url, host)
        self._attach()
        self.database = Database(url)
        self.callers = {name: access.resume(self.database, f"token-of-{name}", now()) for name in ("anna", "ben")}
        self._files = count(1)
        self.batches = {}

    def _attach(self):
        """Attach, and say of each column that is asked about that it is no reference."""
        anna = CommandLine(self.url, self.folder).as_("anna")
        path, ignored = self.folder / "host.toml", ""
        for _ in range(2):
            path.write_text(mapping(self.host) + ignored, encoding="utf-8")
            path.chmod(0o600)
            done = anna.in_process("attach", "host.toml", "-f", "json")
            if done.code == 0:
                return
            assert done.out, done.err
            assert not done.json["problems"], done.out
            ignored = f"[ignore]\ncolumns = {text([one['column'] for one in done.json['questions']])}\n"
        raise AssertionError(done.out)

    def close(self):
        self.database.close()

    @property
    def living(self):
        """The numbers of customers that are in use."""
        return sorted(set(self.model.numbers()) - self.model.merged_into.keys())

    def merge(self, survivor, absorbed, *, take_city):
        """Merge with a proof."""
        wishes = Wishes(Choice.ADOPT, (Field.CITY,) if take_city else ())
        request = merge_service.Request(absorbed, survivor, wishes)
        self._prove(survivor, absorbed)
        self._both(
            lambda: self.model.merge(survivor, absorbed, take_city=take_city),
            lambda: merge_service.merge(self.database, self.callers["ben"], request, salt=SALT, now=now()).order,
        )

    def _prove(self, survivor, absorbed):
        """Keep a proof as `verify` does; hashing would take too long."""
        host = self.host
        key = self.model.rows[host.client][self.model.customer(absorbed)][host.key]
        domains = [row["name"] for row in self.model.rows[host.domain].values() if row[host.domain_client] == key]
        until = stamp(now() + PROOF_LASTS)
        proof = Proof(survivor, absorbed, (domains or ["none"])[0], verified_sha256(PASSWORD_HASH), until)
        for attempt in self.database.attempts():
            with attempt as unit:
                unit.people.keep_proof(self.callers["ben"].token_sha256, proof)

    def run(self, pairs, *, chunk):
        """Run a bulk file that somebody has approved; its check and its run have the same result."""
        number = next(self._files)
        path = self.folder / f"pairs-{number}.csv"
        # A row that is different in each file: what an earlier run of a file merged isn't merged again.
        rows = [*pairs, (f"none{number}", "nobody")]
        path.write_text("survivor,absorbed,choice\n" + "".join(f"{s},{a},adopt\n" for s, a in rows))
        checked, ran = Outcomes(), Outcomes()
        options = RunOptions(now, lambda: SALT, checked, chunk)
        found = bulk.approvable(self.database, self.callers["anna"], str(path), options)
        self.demand_alike()
        batch = bulk.approve(self.database, self.callers["anna"], str(path), found, now())
        expected = self.model.run(pairs)
        bulk.run(self.database, self.callers["ben"], str(path), replace(options, progress=ran))
        assert [*ran.orders, *checked.merged] == [*expected, None, *ran.merged], ran.seen
        self.batches[batch.id] = [order for order in expected if order]
        self.demand_alike()

    def undo(self, numbers):
        request = undo_service.Request(frozenset(numbers))
        self._both(
            lambda: self._undone_together(numbers),
            lambda: undo_service.undo(self.database, self.callers["anna"], request, now()) and None,
        )

    def _undone_together(self, numbers):
        if any(self.model.orders[number - 1].is_undone for number in numbers):
            raise Refused("undone already")
        self.model.undo_together(numbers)

    def undo_batch(self, batch, *, chunk):
        if set(self.batches[batch]).isdisjoint(self.model.living_orders):
            return
        inputs = Inputs(now, lambda: SALT, Outcomes(), chunk)
        self._both(
            lambda: self.model.undo_together(self.batches[batch]),
            lambda: undo_batch.undo_batch(self.database, self.callers["anna"], batch, inputs, None) and None,
        )

    def _both(self, modelled, real):
        """Do a thing in the model and for real: both refuse, or both return the same."""
        try:
            expected = modelled()
        except Refused as refused:
            note(f"to be refused: {refused}")
            with pytest.raises(REFUSALS):
                real()
        else:
            assert real() == expected
        self.demand_alike()

    def demand_alike(self):
        """Compare every row of the database with the model's."""
        expected = {name: in_order(rows.values()) for name, rows in self.model.rows.items()}
        assert rows_of(self.url, self.host) == expected

    def end(self):
        """Take everything back, newest first: then the database is as it began, and the audit finds nothing wrong."""
        for number in reversed(self.model.living_orders):
            self.undo([number])
        assert rows_of(self.url, self.host) == self.began
        audit = audit_service.audit(self.database, self.callers["anna"], WANTED, now())
        assert not audit.findings


class Outcomes:
    """Watches a run and keeps what becomes of each row."""

    def __init__(self):
        self.seen = []

    @property
    def merged(self):
        return [outcome.result is Result.MERGED for outcome in self.seen]

    @property
    def orders(self):
        return [outcome.order if outcome.result is Result.MERGED else None for outcome in self.seen]

    def accepted(self):
        pass

    def outcome(self, outcome):
        self.seen.append(outcome)

    def advanced(self, done, total):
        pass

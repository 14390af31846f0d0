"""References: rows of real hosts' tables are moved, dropped, added up and given back, alone and in chains."""

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from support.hosts import HOSTS
from support.hosts.expected import after, numbered
from support.hosts.host import lay_out
from support.hosts.snapshot import constraints_that_fail, difference, snapshot

from custmerge.rules.attach import resolve
from custmerge.rules.fields import Customer
from custmerge.rules.mapping.file import read_mapping
from custmerge.rules.obstacles import Obstacle
from custmerge.rules.plan import Choice, Plan, State, before_image, read_image
from custmerge.rules.references.undo import plan_undo_references
from custmerge.storage.dialect import WRITES, open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.register.attached.references import Followed, HostReferences

NOW = datetime(2026, 11, 28, 5, 0, 0, 123456, tzinfo=UTC)
of_each_host = pytest.mark.parametrize("host", HOSTS.values(), ids=lambda host: host.name)
pytestmark = pytest.mark.on_both


@pytest.fixture(params=["sqlite", "postgresql"])
def host_url(request, tmp_path, host, worker_id):
    """The URL of a host's database, to which custmerge isn't attached."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'host.db'}"
        lay_out(url, host)
        yield url
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"of_references_{worker_id}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        lay_out(server.get_uri(name), host)
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def references(url, host):
    """Give the references of a host in a transaction, and a function that returns its customers by number."""
    engine = open_engine(url)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.connect().execution_options(**{WRITES: True}))
        stack.enter_context(connection.begin())
        schema = host_schema(connection)
        mapping = read_mapping(host.mapping, "mapping.toml")
        followed = Followed(mapping, schema, tuple(resolve(mapping, schema).tables.values()))

        def customers(numbers):
            keys = ", ".join(f'"{name}"' for name in mapping.customer.all_keys)
            number = mapping.customer.number
            where = mapping.customer.where or "1 = 1"
            rows = connection.exec_driver_sql(
                f'SELECT "{number}", {keys} FROM "{mapping.customer.table}" WHERE {where}'
            )
            texts = [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
            return {row[0]: Customer(row[0], keys=row[1:]) for row in texts if row[0] in numbers}

        yield HostReferences(connection, followed), customers


def execute(url, host, merges):
    """Do what orders do to the rows that follow; returns the before-images."""
    with references(url, host) as (rows, customers):
        records = customers({number for merge in merges for number in (merge.survivor, merge.absorbed)})
        followed = rows.for_orders(records, {merge.absorbed for merge in merges}, NOW, lock=True)
        state = State(records, (), followed)
        images = []
        for merge in merges:
            plan = Plan(state.records[merge.survivor], state.records[merge.absorbed], Choice.IDENTICAL, {}, ())
            plan = state.with_references(plan)
            state.execute(plan)
            images.append(before_image(plan, merges[0].order))
        rows.write(followed, merges[0].order)
    return images


def undo(url, host, images):
    """Give back what orders changed, newest first; returns what is in the way."""
    changes = [read_image(image).references for image in reversed(images)]
    obstacles: list[Obstacle] = []
    with references(url, host) as (rows, _customers):
        followed = rows.for_undos(changes, lock=True)
        for each in changes:
            given_back, in_the_way = plan_undo_references(each, followed)
            obstacles += in_the_way
            followed.undo(given_back)
        rows.write(followed)
    return obstacles


def without_choice(host):
    """Return the single orders that take no field and keep no contact: the register writes those."""
    return {what: merge for what, merge in host.pairs.items() if merge.choice != "keep" and not merge.taken}


@of_each_host
def test_each_order_changes_what_is_expected_and_its_undo_gives_everything_back(host_url, host):
    before = snapshot(host_url)
    for what, merge in without_choice(host).items():
        merges = numbered([merge], first=7)
        images = execute(host_url, host, merges)
        expected = after(before, host, *merges)
        assert not difference(expected, snapshot(host_url), host.theirs), what
        assert constraints_that_fail(host_url) == [], what
        assert undo(host_url, host, images) == [], what
        assert not difference(before, snapshot(host_url), host.theirs), what


@of_each_host
def test_a_chain_in_one_transaction_has_the_result_of_its_orders_one_after_the_other(host_url, host):
    chain = numbered([merge for merge in host.chain if merge.choice != "keep" and not merge.taken], first=3)
    before = snapshot(host_url)
    images = execute(host_url, host, chain)
    together = snapshot(host_url)
    assert constraints_that_fail(host_url) == []
    assert undo(host_url, host, images) == []
    assert not difference(before, snapshot(host_url), host.theirs)
    alone = [image for merge in chain for image in execute(host_url, host, [merge])]
    assert not difference(together, snapshot(host_url), host.theirs)
    assert images == alone
    # Newest first, one after the other too.
    for image in reversed(alone):
        assert undo(host_url, host, [image]) == []
    assert not difference(before, snapshot(host_url), host.theirs)

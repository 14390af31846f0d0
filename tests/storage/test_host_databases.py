"""The databases of other programs that custmerge is attached to in tests: they are sound before it comes."""

import tomllib

import psycopg
import pytest
from support.hosts import HOSTS
from support.hosts.expected import after, numbered
from support.hosts.host import lay_out
from support.hosts.snapshot import constraints_that_fail, difference, snapshot, taken_back

of_each_host = pytest.mark.parametrize("host", HOSTS.values(), ids=lambda host: host.name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path, worker_id):
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'host.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"of_a_host_{worker_id}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.get_uri(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@of_each_host
def test_a_hosts_database_is_sound_and_reads_the_same_twice(empty_url, host):
    lay_out(empty_url, host)
    assert constraints_that_fail(empty_url) == []
    assert tomllib.loads(host.mapping)["format"] == 1
    before = snapshot(empty_url)
    assert all(before.rows.values()), "a table without rows proves nothing"
    assert not difference(before, snapshot(empty_url))


@of_each_host
def test_what_is_expected_of_orders_can_be_taken_back_to_the_beginning(empty_url, host):
    lay_out(empty_url, host)
    before = snapshot(empty_url)
    for what, merge in host.pairs.items():
        expected = after(before, host, *numbered([merge]))
        found = difference(before, expected)
        assert found.changed, what
        assert not difference(taken_back(expected, found), before)


@of_each_host
def test_a_chain_is_its_orders_one_after_the_other(empty_url, host):
    lay_out(empty_url, host)
    steps = [snapshot(empty_url)]
    for merge in numbered(host.chain):
        steps.append(after(steps[-1], host, merge))
        assert difference(steps[-2], steps[-1])
    whole = after(steps[0], host, *numbered(host.chain))
    assert not difference(whole, steps[-1])
    found = difference(steps[0], whole)
    assert not difference(taken_back(whole, found), steps[0])

"""Hosts' databases for the tests of `attach`: each on both kinds of database."""

import pytest
from support import attach_scenes
from support.attach_scenes import Databases
from support.command_line import CommandLine
from support.hosts import HOSTS
from support.hosts.host import lay_out


def server_for(request, kind):
    return request.getfixturevalue("postgresql_server") if kind == "postgresql" else None


@pytest.fixture(params=HOSTS)
def host(request):
    return HOSTS[request.param]


@pytest.fixture(scope="session")
def kept_databases(request, tmp_path_factory):
    """What makes the databases that others are copied from, by kind; they go with their server."""
    made = {}

    def of(kind):
        if kind not in made:
            made[kind] = Databases(kind, server_for(request, kind), tmp_path_factory.mktemp("hosts"))
        return made[kind]

    return of


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    return request.param


@pytest.fixture
def databases(request, kind, tmp_path):
    made = Databases(kind, server_for(request, kind), tmp_path)
    yield made
    made.close()


@pytest.fixture
def unattached(forked_commands, host, databases, tmp_path):
    """The command line with a host's database that custmerge has never seen."""
    url = databases.empty()
    lay_out(url, host)
    attach_scenes.write_mapping(host, tmp_path)
    return CommandLine(url, tmp_path)


@pytest.fixture
def attached(forked_commands, host, kind, databases, kept_databases, tmp_path, staff_hash):
    """A host's database with custmerge attached to it, and people logged in."""
    return attach_scenes.attached(host, kind, databases, kept_databases(kind), tmp_path, staff_hash)

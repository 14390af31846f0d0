"""What several files of tests of history have in common."""

from contextlib import closing

import pytest

from custmerge.rules.history import Action, Actor, Draft
from custmerge.storage.database import Database
from support.scenes import scene

ANNA = Actor("anna", "staff")
KEYS = ["seq", "at", "by", "action", "order", "survivor", "absorbed", "choice", "hash"]


def draft(action=Action.IMPORT, at="2026-07-01T10:00:00Z", by=ANNA, **facts):
    return Draft(at, by, action, facts)


@pytest.fixture
def append(cli):
    """Write entries as another program of ours would."""

    def append(*drafts):
        with closing(Database(cli.url)) as database, database.writing() as unit:
            return unit.chain.append(drafts)

    return append


@scene
def merged(world, agent):
    """Two orders into 10001; the first took the street."""
    world.customer("10001")
    world.customer("20002", password="pw", domains=["zwei.example", "auch.example"], street="Gartenweg 3")
    world.customer("30003", password="pw", domains=["drei.example"])
    for number, domain, options in (
        ("20002", "zwei", ["--keep", "--take", "street"]),
        ("30003", "drei", ["--adopt"]),
    ):
        proof = ("--domain", f"{domain}.example", "--password-stdin", "--yes")
        done = agent.in_process("merge", number, "--into", "10001", *proof, *options, stdin="pw")
        assert done.code == 0, done.err
    return world


@pytest.fixture
def undone(merged, append):
    append(draft(Action.UNDO, order=1, survivor="10001", absorbed="20002"))

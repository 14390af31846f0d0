"""Contract §2, rule 3: nothing is read of a number that a customer hasn't proved. On both databases."""

from contextlib import closing, contextmanager
from functools import partial

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support.scenes import scene

from custmerge.errors import ProofRequired
from custmerge.rules.proofs import ProofBy
from custmerge.services import merge as merge_service
from custmerge.services.people import sessions
from custmerge.storage.database import Database


@scene
def transfer(world, agent, supervisor):
    """20002 has a package, and an approved transfer to 10001; 10001 has a password."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", domains=["zwei.example"], last_name="Anders")
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    assert agent.in_process("transfer", "file", "20002", "--into", "10001", "--form", "form.pdf").code == 0
    assert supervisor.in_process("transfer", "approve", "1", "--yes").code == 0


@pytest.fixture
def database(database_url, transfer):
    with closing(Database(database_url)) as database:
        yield database


@contextmanager
def naming(text):
    """Give the statements that name a text."""
    found = []

    def note(_connection, _cursor, statement, parameters, _context, _is_many):
        if text in repr(parameters) or text in statement:
            found.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def merge(database, caller, now):
    request = merge_service.Request("20002", None)
    merge_service.merge(database, caller, request, salt=bytes(16), now=now)


def preview(database, caller, now):
    merge_service.preview(database, caller, merge_service.Request("20002", None), now)


def offered(database, caller, now):
    merge_service.offered(database, caller, "20002", into=None, now=now)


@pytest.mark.parametrize("ask", [merge, preview, offered])
def test_nothing_but_the_customers_own_proofs_is_asked_about_it(database, ask):
    now = database.now()
    caller = sessions.login_customer(database, "10001", "pw-1", token="token", now=now)
    with naming("20002") as statements, pytest.raises(ProofRequired):
        ask(database, caller, now)
    assert {statement for statement in statements if "FROM custmerge_proof" not in statement} == set()


def test_nor_to_know_whether_a_proof_is_needed(database):
    now = database.now()
    caller = sessions.login_customer(database, "10001", "pw-1", token="token", now=now)
    needed_proof = partial(merge_service.needed_proof, database, caller, "20002", into=None, now=now)
    with naming("20002") as statements:
        assert needed_proof() is ProofBy.DOMAIN
    assert {statement for statement in statements if "FROM custmerge_proof" not in statement} == set()

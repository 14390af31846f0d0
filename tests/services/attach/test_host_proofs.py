"""Logins and proofs in a host's tables: its hashes, names that several numbers have, no hint of what exists."""

from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support.databases import first_cells
from support.host_tables import catalogue, make_tables

from custmerge.errors import LoginRefused, ProofRefused
from custmerge.rules.host_schema import Fact, schema_text
from custmerge.services import access
from custmerge.services import verify as verify_service
from custmerge.services.people import passwords, sessions
from custmerge.storage.database import Database
from custmerge.storage.ledger.mappings import StoredMapping
from custmerge.storage.register import records

PBKDF2 = "pbkdf2_sha256$1000"
# As Django writes them: `pw-1`, `pw-2`, `pw-5`, with 1,000 rounds.
HASHES = {
    number: f"{PBKDF2}$seasalt${digest}"
    for number, digest in (
        ("1", "gFwLSVx48CpXJKsoKWiNWHUlHJsHl9509NhWbrLSSVs="),
        ("2", "n4U8chmVe6Siezk/k5Tws7TpjMonYcG88L5vzBRxU1A="),
        ("5", "QJzyNQl8PSFgHweXVPlV5jx0rZ2rJLVx7Z0G3S/TNek="),
    )
}
TABLES = (
    "CREATE TABLE client (id INTEGER PRIMARY KEY, company TEXT, pass TEXT)",
    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, client_id INTEGER, no TEXT)",
    f"""INSERT INTO client VALUES (1, 'S', '{HASHES["1"]}'), (2, 'S', '{HASHES["2"]}'), (3, 'S', NULL), (4, 'S', ''),
        (5, 'S', '{HASHES["5"]}'), (6, 'S', '$1$x$y')""",
    "INSERT INTO invoice VALUES (1, 1, 'R-1'), (2, 2, 'R-2'), (3, 5, 'R-2'), (4, 3, 'R-3'), (5, 6, 'R-6')",
)
MAPPING = """
format = 1
[customer]
table = "client"
key = "id"
password = "pass"
[fields]
company = "company"
[domain]
table = "invoice"
name = "no"
customer = "client_id"
[proof]
by = "domain"
"""


def hold(url, text):
    make_tables(url, *TABLES)
    schema = replace(catalogue(url), facts={Fact.HASH_KIND.value: PBKDF2})
    stored = StoredMapping(text, schema_text(schema), "2026-01-01T00:00:00Z")
    with closing(Database(url)) as database, database.writing() as unit:
        unit.mappings.hold(stored)


@pytest.fixture
def database(cli, database_url):
    hold(database_url, MAPPING)
    with closing(Database(database_url)) as database:
        yield database


@pytest.fixture
def by_password(cli, database_url):
    hold(database_url, MAPPING.replace('by = "domain"', 'by = "password"'))
    with closing(Database(database_url)) as database:
        yield database


@contextmanager
def work(monkeypatch):
    """Give the statements that are executed, and the kinds of the hashes that are verified."""
    done, verify = [], passwords._verified

    def statement(_connection, _cursor, text, *_):
        done.append(text)

    def watched(stored, password):
        done.append((stored.kind.key, password))
        return verify(stored, password)

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_verified", watched)
        event.listen(Engine, "before_cursor_execute", statement)
        yield done
        event.remove(Engine, "before_cursor_execute", statement)


def login(database, number, password):
    return sessions.login_customer(database, number, password, token=f"t-{number}", now=database.now())


def prove(database, caller, number, name, password, *, into=None):
    claim = verify_service.Claim(number, name, password)
    return verify_service.verify(database, caller, claim, into=into, now=database.now())


def test_a_customer_logs_in_with_the_hosts_hash_which_stays_as_it_is(database):
    assert login(database, "1", "pw-1").own_number == "1"
    assert first_cells(database.url, "SELECT pass FROM client WHERE id = 1") == [HASHES["1"]]


def test_nobody_logs_in_without_a_hash_that_is_verified_and_all_take_the_same_work(database, monkeypatch):
    seen = set()
    with pytest.raises(LoginRefused):
        # Before the first that is written, a process looks whether the host's tables are what they were.
        login(database, "99", "falsch")
    for number in ("1", "3", "4", "6", "77", "abc"):
        with work(monkeypatch) as done, pytest.raises(LoginRefused):
            login(database, number, "falsch")
        seen.add(tuple(done))
    (only,) = seen
    assert [kind for kind in only if isinstance(kind, tuple)] == [(PBKDF2, "falsch")]


def test_where_the_mapping_names_no_password_nobody_logs_in(cli, database_url):
    hold(database_url, MAPPING.replace('password = "pass"', "").replace('by = "domain"', 'by = "nothing"'))
    with closing(Database(database_url)) as database:
        for number in ("1", "77"):
            with pytest.raises(LoginRefused):
                login(database, number, "pw-1")


def test_a_name_that_two_numbers_have_proves_each_with_its_own_password(database):
    ben = access.resume(database, "token-of-ben", database.now())
    for number, password, others in (("2", "pw-2", "pw-5"), ("5", "pw-5", "pw-2")):
        with pytest.raises(ProofRefused):
            prove(database, ben, number, "R-2", others, into="1")
        assert prove(database, ben, number, "r-2", password, into="1").absorbed == number
    with pytest.raises(ProofRefused):
        prove(database, ben, "2", "R-1", "pw-2", into="1")
    assert first_cells(database.url, "SELECT pass FROM client WHERE id = 2") == [HASHES["2"]]


CLAIMS = {
    "a wrong password": ("2", "R-2"),
    "a name of another number": ("2", "R-1"),
    "a number without a password": ("3", "R-3"),
    "a number whose hash is of an unknown kind": ("6", "R-6"),
    "an unknown number": ("77", "R-2"),
    "no number of this host": ("abc", "R-2"),
}


def test_a_customer_gets_one_answer_after_the_same_work(database, monkeypatch):
    caller, seen = login(database, "1", "pw-1"), set()
    for number, name in CLAIMS.values():
        with work(monkeypatch) as done, pytest.raises(ProofRefused) as refused:
            prove(database, caller, number, name, "falsch")
        seen.add((str(refused.value), tuple(done)))
    assert len(seen) == 1


def test_also_where_the_own_password_is_the_proof(by_password, monkeypatch):
    caller, seen = login(by_password, "1", "pw-1"), set()
    for number, _name in CLAIMS.values():
        with work(monkeypatch) as done, pytest.raises(ProofRefused) as refused:
            prove(by_password, caller, number, "", "falsch")
        seen.add((str(refused.value), tuple(done)))
    assert len(seen) == 1
    assert prove(by_password, caller, "2", "", "pw-2").domain == ""


@pytest.mark.parametrize("name", ["R-2", "r-2", "R-2.", "xn--mller-kva.de", "MÜLLER.DE", "mu\u0308ller.de"])
def test_a_name_counts_however_it_is_written_and_no_other_of_the_number_is_read(database, monkeypatch, name):
    rows = ", ".join(f"({row}, 2, 'R-{row}')" for row in range(100, 400))
    make_tables(database.url, f"INSERT INTO invoice VALUES {rows}, (90, 2, 'Müller.de'), (91, 2, 'R-2.')")
    read, in_ascii = [], records.domain_in_ascii
    monkeypatch.setattr(records, "domain_in_ascii", lambda text: read.append(text) or in_ascii(text))
    with database.reading() as unit:
        assert unit.register.domain_passwords([("2", name)]) == {("2", name): HASHES["2"]}
        assert unit.register.domain_passwords([("2", "R-1"), ("2", "a\0b"), ("2", "")]) == {}
    assert len(read) < 10

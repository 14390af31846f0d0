"""What changes while a password is hashed isn't taken, and no right password is a wrong try. On both databases."""

import itertools
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from passlib.hash import sha512_crypt
from support.databases import login_staff
from support.scenes import scene

from custmerge.errors import LoginRefused, MergedAway, ProofRefused, ProofRequired, SessionOver
from custmerge.rules.bulk import Result
from custmerge.rules.history import Action, stamp
from custmerge.services import access, authority, bulk, find
from custmerge.services import merge as merge_service
from custmerge.services import verify as verify_service
from custmerge.services.bulk.file import RunOptions
from custmerge.services.bulk.passwords import AT_ONCE
from custmerge.services.people import passwords, sessions
from custmerge.storage.database import Database

LEGACY = sha512_crypt.using(rounds=1000).hash("pw-2")
CLAIM = verify_service.Claim("20002", "zwei.example", "pw-2")


class Host:
    """The database of a host with 10001, 20002 and 30003, and people who work with it."""

    def __init__(self, world, url):
        self.world = world
        self.database = Database(url)
        self.tokens = itertools.count()
        self.ben, self.anna = (self.resume(f"token-of-{name}") for name in ("ben", "anna"))

    @property
    def now(self):
        return datetime.now(UTC)

    def resume(self, token):
        return access.resume(self.database, token, self.now)

    def customer(self, number="10001", password="pw-1"):
        token = f"token-{next(self.tokens)}"
        return sessions.login_customer(self.database, number, password, token=token, now=self.now)

    def verify(self, caller, claim=CLAIM, into="10001"):
        return verify_service.verify(self.database, caller, claim, into=into, now=self.now)

    def merge(self, caller, absorbed="20002", into="10001"):
        request = merge_service.Request(absorbed, into)
        return merge_service.merge(self.database, caller, request, salt=bytes(16), now=self.now)

    def tries(self):
        with self.database.reading() as unit:
            return unit._connection.exec_driver_sql("SELECT count(*) FROM custmerge_guess").scalar()

    def takes_over(self, survivor, absorbed, domain, password):
        self.verify(self.anna, verify_service.Claim(absorbed, domain, password), survivor)
        self.merge(self.anna, absorbed, survivor)

    def execute(self, *statements):
        with self.database.writing() as unit:
            for statement in statements:
                unit._connection.exec_driver_sql(statement)

    def hash_is(self, stored, number="20002"):
        self.execute(f"UPDATE customer SET password_hash = '{stored}' WHERE number = '{number}'")

    def stored_hash(self, number="20002"):
        with self.database.reading() as unit:
            return unit.register.number_password(number)

    def counted(self):
        """Tries that count or may come to count, and the entries that tell of wrong ones."""
        with self.database.reading() as unit:
            tries = unit._connection.exec_driver_sql("SELECT count(*) FROM custmerge_guess").scalar()
        return tries, len(self.world.anna.in_process("history", "--action", "login_failed", "-f", "json").json)


@scene
def three_customers(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    world.customer("30003", password="pw-3", domains=["drei.example"])


@pytest.fixture
def host(world, database_url, three_customers):
    host = Host(world, database_url)
    yield host
    host.database.close()


@pytest.fixture
def meanwhile(monkeypatch):
    """Give a block in which something is done once, after a hash was read and before it is compared."""
    fits = passwords.fits

    @contextmanager
    def block(work):
        waiting = [work]

        def slow(*arguments):
            if waiting:
                waiting.pop()()
            return fits(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(passwords, "fits", slow)
            # There may be one core only, and so one place to hash in.
            patch.setattr(passwords, "turn", nullcontext)
            yield
        assert not waiting

    return block


def test_who_comes_second_learns_where_the_number_went_and_tried_nothing_wrong(host, meanwhile):
    customer = host.customer()
    with (
        meanwhile(lambda: host.takes_over("10001", "20002", "zwei.example", "pw-2")),
        pytest.raises(MergedAway) as told,
    ):
        host.verify(host.ben)
    assert told.value.details["merged_into"] == "10001"
    # Merged before the hash was even read: a customer isn't told.
    with pytest.raises(ProofRefused):
        host.verify(customer)
    assert host.counted() == (0, 0)
    for domain, password in (("zwei.example", "falsch"), ("eins.example", "pw-2"), ("drei.example", "pw-3")):
        with pytest.raises(ProofRefused):
            host.verify(customer, verify_service.Claim("20002", domain, password))
    # What was never this number's, or never its password, counts as ever.
    assert host.counted()[1] == 3


def test_a_customer_who_comes_second_is_refused_and_tried_nothing_wrong(host, meanwhile):
    customer = host.customer()
    with meanwhile(lambda: host.takes_over("10001", "20002", "zwei.example", "pw-2")), pytest.raises(ProofRefused):
        host.verify(customer)
    assert host.counted() == (0, 0)
    with pytest.raises(ProofRequired):
        host.merge(customer)


def test_a_password_that_is_replaced_while_it_is_verified_proves_nothing_and_is_no_wrong_try(host, meanwhile):
    old, new = host.stored_hash(), passwords.hashed("neu")
    with meanwhile(lambda: host.hash_is(new)), pytest.raises(ProofRefused):
        host.verify(host.ben)
    assert host.counted() == (0, 0)
    for stored in (new, old):
        host.hash_is(stored)
        with pytest.raises(ProofRequired):
            host.merge(host.ben)


def test_a_hash_that_is_renewed_while_it_is_verified_is_verified_again(host, meanwhile):
    host.hash_is(LEGACY)
    with meanwhile(lambda: host.verify(host.anna)):
        host.verify(host.ben)
    assert host.counted() == (0, 0)
    assert host.merge(host.ben).order == 1


def test_a_hash_that_is_renewed_does_not_bring_the_proof_of_an_older_password_back(host):
    host.verify(host.ben)
    host.hash_is(sha512_crypt.using(rounds=1000).hash("neu"))
    host.verify(host.anna, verify_service.Claim("20002", "zwei.example", "neu"))
    with pytest.raises(ProofRequired):
        host.merge(host.ben)
    assert host.merge(host.anna).order == 1


def test_a_session_that_ends_while_its_password_is_verified_leaves_no_try(host, meanwhile):
    end_session = f"DELETE FROM custmerge_session WHERE token_sha256 = '{host.ben.token_sha256}'"
    with meanwhile(lambda: host.execute(end_session)), pytest.raises(SessionOver):
        host.verify(host.ben)
    assert host.counted() == (0, 0)


def test_two_logins_that_renew_one_hash_are_both_let_in(host, meanwhile):
    host.hash_is(LEGACY)
    with meanwhile(lambda: host.customer("20002", "pw-2")):
        assert host.customer("20002", "pw-2").name == "20002"
    assert host.counted() == (0, 0)


def test_a_login_whose_password_is_replaced_meanwhile_is_refused_and_is_no_wrong_try(host, meanwhile):
    new = passwords.hashed("neu")
    with meanwhile(lambda: host.hash_is(new)), pytest.raises(LoginRefused):
        host.customer("20002", "pw-2")
    assert host.counted() == (0, 0)


def test_a_staff_login_that_is_changed_meanwhile_is_refused_and_is_no_wrong_try(host, meanwhile):
    change = lambda: host.execute("UPDATE custmerge_staff SET role = 'auditor' WHERE name = 'ben'")  # noqa: E731
    with meanwhile(change), pytest.raises(LoginRefused):
        login_staff(host.database, "ben", "korrektes-pferd-batterie", token="neu", now=host.now)
    assert host.counted() == (0, 0)


# Rows of a bulk file


class Meanwhile:
    """Watches a run, and does something when the first passwords are verified, before their rows are executed."""

    def __init__(self, work):
        self.waiting = [lambda: None, work]
        self.told = []

    def accepted(self):
        pass

    def outcome(self, outcome):
        self.told.append((outcome.absorbed, outcome.result))

    def advanced(self, _done, _total):
        if self.waiting:
            self.waiting.pop(0)()


def executed(host, verb, rows, work, chunk=500):
    path = host.world.folder / f"{verb.__name__}.csv"
    path.write_text("survivor,absorbed,domain,password\n" + "".join(",".join(row) + "\n" for row in rows))
    path.chmod(0o600)
    watcher = Meanwhile(work)
    salts = itertools.count(1)
    verb(
        host.database,
        host.ben,
        str(path),
        RunOptions(lambda: host.now, lambda: next(salts).to_bytes(16), watcher, chunk=chunk),
    )
    assert not watcher.waiting
    return watcher.told


ROW = ("10001", "20002", "zwei.example", "pw-2")
OTHER = ("10001", "30003", "drei.example", "pw-3")
REFUSED = [("20002", Result.REFUSED), ("30003", Result.MERGED)]
MERGED = [("20002", Result.MERGED), ("30003", Result.MERGED)]
both = pytest.mark.parametrize("verb", [bulk.check, bulk.run], ids=["check", "run"])


@both
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE customer SET password_hash = '{new}' WHERE number = '20002'",
        "UPDATE package SET password_hash = '{new}' WHERE package = 'P20002'",
        "UPDATE package SET number = '30003' WHERE package = 'P20002'",
        "UPDATE domain SET package = 'P30003' WHERE name = 'zwei.example'",
        "DELETE FROM domain WHERE name = 'zwei.example'",
        "UPDATE customer SET password_hash = NULL WHERE number = '20002'",
    ],
    ids=["number", "package", "moved", "domain", "gone", "none"],
)
def test_a_row_whose_ground_changed_behind_its_hash_is_refused_and_is_no_wrong_try(host, verb, change):
    statement = change.format(new=passwords.hashed("neu"))
    assert executed(host, verb, [ROW, OTHER], lambda: host.execute(statement)) == REFUSED
    assert host.counted() == (0, 0)


@both
def test_a_row_whose_number_takes_another_over_behind_its_hash_is_refused(host, verb):
    host.world.customer("40004", password="pw-4", domains=["acht.example"])
    taken = lambda: host.takes_over("20002", "40004", "acht.example", "pw-4")  # noqa: E731
    assert executed(host, verb, [ROW, OTHER], taken) == REFUSED
    assert host.counted() == (0, 0)


@both
def test_a_row_whose_hash_is_renewed_behind_it_is_merged(host, verb):
    host.hash_is(LEGACY)
    renewed = passwords.hashed("pw-2")
    assert executed(host, verb, [ROW, OTHER], lambda: host.hash_is(renewed)) == MERGED
    assert host.counted() == (0, 0)


def test_a_row_whose_hash_its_own_run_renews_is_merged(host):
    host.hash_is(LEGACY)
    assert executed(host, bulk.run, [ROW, OTHER], lambda: None) == MERGED


@both
def test_a_row_whose_number_is_merged_before_its_turn_is_no_wrong_try(host, verb):
    many = [(str(50_000 + place), f"d{place}.example") for place in range(AT_ONCE)]
    for number, domain in many:
        host.world.customer(number, password="pw", domains=[domain])
    rows = [("10001", number, domain, "pw") for number, domain in many] + [ROW]
    found = executed(host, verb, rows, lambda: host.takes_over("30003", "20002", "zwei.example", "pw-2"))
    assert found[-1] == ("20002", Result.NOT_FOUND)
    assert {result for _, result in found[:-1]} == {Result.MERGED}
    assert host.counted() == (0, 0)


def test_a_check_and_a_run_say_the_same_of_a_proof_that_an_earlier_chunk_ends(host):
    host.verify(host.ben)
    rows = [("20002", "30003", "drei.example", "pw-3"), ("10001", "20002", "", "")]
    expected = [("30003", Result.MERGED), ("20002", Result.REFUSED)]
    for verb in (bulk.check, bulk.run):
        assert executed(host, verb, rows, lambda: None, chunk=1) == expected


def test_a_chunk_without_proofs_asks_nothing_more(host):
    asked = []
    with host.database.reading() as unit:
        unit.register.domain_passwords = lambda claims: asked.append(claims) or {}
        assert authority.proved_pairs(unit, host.ben, ["20002"], "2026-01-01T00:00:00Z") == {}
    assert not asked


# A person may think for long before they answer


@pytest.mark.parametrize(
    ("created", "used"), [(timedelta(hours=12), timedelta()), (timedelta(hours=9), timedelta(hours=8))]
)
def test_a_session_that_is_over_when_its_owner_answers_executes_nothing(host, created, used):
    host.verify(host.ben)
    moments = stamp(host.now - created), stamp(host.now - used)
    host.execute("UPDATE custmerge_session SET created_at = '{}', last_used_at = '{}'".format(*moments))
    with pytest.raises(SessionOver):
        host.merge(host.ben)


def test_a_long_run_is_use_of_its_session(host, monkeypatch):
    host.execute(f"UPDATE custmerge_session SET last_used_at = '{stamp(host.now - timedelta(hours=7))}'")
    monkeypatch.setattr(access, "TOUCH_EVERY_SECONDS", 0)
    use = access.SessionUse(host.database, host.ben, host.now)
    use.note(host.now)
    assert host.resume("token-of-ben").expires_at > stamp(host.now + timedelta(hours=7))


def test_whoever_is_not_logged_in_any_more_learns_nothing_from_a_form_that_stands_open(host):
    host.execute("DELETE FROM custmerge_session WHERE staff = 2")
    request = merge_service.Request("20002", "10001")
    for ask in (
        lambda: merge_service.offered(host.database, host.ben, "20002", into="10001", now=host.now),
        lambda: merge_service.needed_proof(host.database, host.ben, "20002", into="10001", now=host.now),
        lambda: merge_service.preview(host.database, host.ben, request, host.now),
        lambda: verify_service.check_claim(host.database, host.ben, "77777", into="10001", now=host.now),
        lambda: verify_service.check_survivor(host.database, host.ben, "77777", host.now),
        lambda: host.verify(host.ben, verify_service.Claim("20002", "zwei.example", "falsch")),
    ):
        with pytest.raises(SessionOver):
            ask()
    assert host.tries() == 0


def test_whoever_is_not_logged_in_any_more_is_shown_no_bank_data(host):
    host.execute("DELETE FROM custmerge_session WHERE staff = 2")
    for ask in (
        lambda: find.show(host.database, host.ben, "10001", reveal=True, now=host.now),
        lambda: find.diff(host.database, host.ben, "20002", into="10001", reveal=True, now=host.now),
    ):
        with pytest.raises(SessionOver):
            ask()
    with host.database.reading() as unit:
        assert not list(unit.chain.newest(action=Action.REVEAL.value))


def test_a_command_that_was_stopped_goes_by_the_time_at_which_it_goes_on(host):
    host.verify(host.ben)
    began = host.now - timedelta(minutes=5)
    host.execute(f"UPDATE custmerge_proof SET valid_until = '{stamp(host.now - timedelta(minutes=1))}'")
    request = merge_service.Request("20002", "10001")
    with pytest.raises(ProofRequired):
        merge_service.merge(host.database, host.ben, request, salt=bytes(16), now=began)


def test_a_run_that_slept_does_not_open_its_session_again(host, monkeypatch):
    monkeypatch.setattr(access, "TOUCH_EVERY_SECONDS", 0)
    use = access.SessionUse(host.database, host.ben, host.now)
    host.execute(f"UPDATE custmerge_session SET last_used_at = '{stamp(host.now - timedelta(hours=9))}'")
    use.note(host.now)
    with pytest.raises(SessionOver):
        host.resume("token-of-ben")

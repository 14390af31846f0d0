"""Contract §5: five wrong tries lock a number or a name, twenty lock who makes them, on both databases."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import STAFF_PASSWORD
from support.runs import DATABASES, NIGHTLY
from support.scenes import scene
from support.shifted_clock import shifted

from custmerge.rules.passwords import Subject
from custmerge.services.people import guessing, passwords
from custmerge.storage.database import Database

pytestmark = pytest.mark.on_both
LOCKED = "Too many wrong tries"


def log_in(cli, *who, password="falsch", **how):
    return cli("login", *who, "--password-stdin", "--print-token", stdin=password, **how)


def prove(cli, absorbed, password, *, domain="zwei.example"):
    return cli(
        "verify", absorbed, "--domain", domain, "--into", "10001", "--password-stdin", "-f", "json", stdin=password
    )


@scene
def pair(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    return world


@pytest.mark.parametrize("who", [("20002",), ("99999",), ("--staff", "ben"), ("--staff", "niemand")], ids="-".join)
def test_five_wrong_logins_lock_existing_and_made_up_names_alike(pair, cli, who):
    answers = [log_in(cli, *who) for _ in range(6)]
    assert {done.code for done in answers} == {4}
    assert {done.err for done in answers[:5]} == {
        "custmerge: Login refused: the name or number, or the password, isn't right.\n"
    }
    assert LOCKED in answers[5].err
    assert who[-1] in answers[5].err


def test_the_right_password_does_not_open_what_is_locked(pair, cli):
    for _ in range(5):
        log_in(cli.in_process, "20002")
    done = log_in(cli, "20002", password="pw-2")
    assert (done.code, LOCKED in done.err) == (4, True)


def test_logins_and_proofs_count_together(pair, cli, agent):
    for _ in range(3):
        log_in(cli.in_process, "20002")
    for _ in range(2):
        assert prove(agent, "20002", "falsch").error["code"] == "proof_refused"
    done = prove(agent, "20002", "pw-2")
    assert (done.code, done.error["code"]) == (4, "locked_out")
    assert LOCKED in log_in(cli, "20002", password="pw-2").err


def test_a_bystander_is_not_locked(pair, cli):
    for _ in range(6):
        log_in(cli.in_process, "20002")
    assert log_in(cli, "10001", password="pw-1").code == 0


def test_right_tries_in_between_neither_count_nor_wipe_out_the_wrong_ones(pair, cli):
    for password in ("falsch", "pw-2", "falsch", "pw-2", "falsch", "pw-2", "falsch"):
        assert LOCKED not in log_in(cli, "20002", password=password).err
    assert log_in(cli, "20002", password="pw-2").code == 0
    log_in(cli, "20002")
    assert LOCKED in log_in(cli, "20002", password="pw-2").err


def test_twenty_wrong_proofs_lock_the_caller(pair, cli, agent):
    pair.customers_like(*(f"3000{number}" for number in range(20)))
    for number in range(20):
        pair.package(f"P{number}", f"3000{number}", [f"d{number}.example"])
        wrong = prove(agent.in_process, f"3000{number}", "falsch", domain=f"d{number}.example")
        assert wrong.error["code"] == "proof_refused"
    done = prove(agent, "20002", "pw-2")
    assert (done.code, done.error["code"], done.error["details"]["name"]) == (4, "locked_out", "ben")
    assert prove(cli.as_("anna"), "20002", "pw-2").code == 0


def test_a_supervisor_ends_a_lock_early(pair, cli, supervisor, agent):
    for _ in range(5):
        log_in(cli.in_process, "20002")
    assert agent("user", "unlock", "20002").code == 4
    assert supervisor("user", "unlock", "20002").code == 0
    assert log_in(cli, "20002", password="pw-2").code == 0
    assert "wasn't locked" in supervisor("user", "unlock", "20002").err
    assert supervisor("user", "unlock", "niemand").code == 5


def test_the_history_tells_of_wrong_tries_and_locks_without_a_password_typed_as_a_name(pair, cli, supervisor):
    for _ in range(5):
        log_in(cli.in_process, "20002")
    log_in(cli, "--staff", "mein-geheimes-passwort")
    entries = supervisor.in_process("export", "history", "-f", "jsonl").out
    assert "mein-geheimes-passwort" not in entries
    actions = [e["action"] for e in supervisor.in_process("history", "-f", "json").json]
    assert actions.count("login_failed") == 6
    assert actions.count("locked") == 1
    assert [e["survivor"] for e in supervisor("history", "--action", "locked", "-f", "json").json] == ["20002"]


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.close()


def begin_tries(database, subjects, now, *, batch, rows):
    with database.writing() as unit:
        return guessing.begin_tries(unit, subjects, now, batch=batch, rows=rows)


def wrong(database, now, subject=Subject("number", "20002")):  # noqa: B008 (frozen)
    tried = guessing.begin(database, [subject], now)
    guessing.wrong(database, tried, guessing.NOBODY, {})


def test_a_try_whose_process_was_stopped_takes_back_no_later_one(database):
    now = datetime.now(UTC)
    stopped = guessing.begin(database, [Subject("number", "20002")], now)
    for _ in range(3):
        wrong(database, now + timedelta(minutes=2))
    clock = replace(stopped.clock, counted=stopped.clock.counted - 120)
    guessing.wrong(database, replace(stopped, clock=clock), guessing.NOBODY, {})
    wrong(database, now + timedelta(minutes=2))
    with pytest.raises(guessing.LockedOut):
        wrong(database, now + timedelta(minutes=2))


def test_a_try_that_is_interrupted_is_none(database):
    now = datetime.now(UTC)
    for _ in range(9):
        with suppress(KeyboardInterrupt), guessing.pending_try(database, [Subject("number", "20002")], now):
            raise KeyboardInterrupt
    guessing.begin(database, [Subject("number", "20002")], now + timedelta(minutes=1))


def test_the_end_of_a_try_that_was_forgotten_ends_no_other(database):
    now = datetime.now(UTC)
    slow = guessing.begin(database, [Subject("number", "10001")], now)
    with database.writing() as unit:
        unit.guesses.unlock([Subject("number", "10001").key], since="", now="")
    for _ in range(5):
        wrong(database, now)
        guessing.settle_right(database, slow)
    with pytest.raises(guessing.LockedOut):
        wrong(database, now)


def test_a_run_that_goes_on_forgets_what_it_was_cut_off_in(database):
    now = datetime.now(UTC)
    begin_tries(database, [[Subject("number", "20002")]] * 5, now, batch=1, rows=range(5))
    with database.writing() as unit:
        unit.guesses.forget_pending(1)
    wrong(database, now + timedelta(minutes=1))


def test_a_wrong_try_stays_one_however_often_its_run_is_cut_off(database):
    now, subject = datetime.now(UTC), Subject("number", "20002")
    for batch in range(1, 6):
        for is_continued in (False, True):
            # Each run is killed before anybody has learned how its tries end, but for the first.
            (tried,) = begin_tries(database, [[subject]], now, batch=batch, rows=[1])
            if not is_continued:
                guessing.wrong(database, tried, guessing.NOBODY, {})
        with database.writing() as unit:
            unit.guesses.forget_pending(batch)
    with pytest.raises(guessing.LockedOut):
        wrong(database, now)


def test_a_wrong_row_counts_once_however_often_its_run_goes_on(database):
    now, subject = datetime.now(UTC), Subject("number", "20002")
    for _ in range(9):
        (tried,) = begin_tries(database, [[subject]], now, batch=1, rows=[1])
        guessing.wrong(database, tried, guessing.NOBODY, {})
    for row in range(2, 5):
        (tried,) = begin_tries(database, [[subject]], now, batch=1, rows=[row])
        guessing.wrong(database, tried, guessing.NOBODY, {})
    wrong(database, now)
    with pytest.raises(guessing.LockedOut):
        wrong(database, now)


def test_a_try_that_another_run_has_forgotten_counts_when_it_turns_out_wrong(database):
    now, subject = datetime.now(UTC), Subject("number", "20002")
    stopped = []
    for batch in range(1, 6):
        stopped += begin_tries(database, [[subject]], now, batch=batch, rows=[1])
        with database.writing() as unit:
            unit.guesses.forget_pending(batch)
    for tried in stopped:
        guessing.wrong(database, tried, guessing.NOBODY, {})
    with pytest.raises(guessing.LockedOut):
        wrong(database, now)


def test_who_waits_for_others_to_try_keeps_nobody_from_a_hash(database, database_url):
    now, subject = datetime.now(UTC), Subject("number", "20002")
    under_way = [guessing.begin(database, [subject], now) for _ in range(5)]

    def wait():
        with closing(Database(database_url)) as own, guessing.pending_try(own, [subject], datetime.now(UTC)) as tried:
            guessing.settle_right(own, tried)

    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(wait) for _ in range(2 * passwords.AT_ONCE)]
        for _ in range(10):
            with passwords.turn():
                time.sleep(0.05)
        for tried in under_way:
            guessing.settle_right(database, tried)
        assert [one.result() for one in waiting] == [None] * len(waiting)


def test_a_lock_ends_after_15_minutes(database):
    now = datetime.now(UTC)
    for _ in range(5):
        wrong(database, now)
    with pytest.raises(guessing.LockedOut):
        wrong(database, now + timedelta(minutes=14, seconds=59))
    # Counted from the wrong try that led to it, which was some moments after `now`.
    wrong(database, datetime.now(UTC) + timedelta(minutes=15))


def test_wrong_tries_count_for_15_minutes(database):
    now = datetime.now(UTC)
    for minutes in (0, 1, 2, 3, 16, 17, 18):
        wrong(database, now + timedelta(minutes=minutes))
    wrong(database, now + timedelta(minutes=19))
    wrong(database, now + timedelta(minutes=20))
    with pytest.raises(guessing.LockedOut):
        wrong(database, now + timedelta(minutes=21))


@pytest.mark.usefixtures("true_hashes")
def test_tries_under_way_count_so_that_many_at_once_get_no_more(pair, cli):
    running = [
        cli.start("login", "20002", "--password-stdin", "--print-token", stdin=f"falsch-{number}")
        for number in range(12)
    ]
    for process, _ in running:
        process.join()
    answers = [streams[2].read_text() for _, streams in running]
    assert sum("Login refused" in answer for answer in answers) == 5
    assert sum(LOCKED in answer for answer in answers) == 7


def test_a_killed_try_counts_as_a_wrong_one(database):
    now = datetime.now(UTC)
    for _ in range(5):
        # Nobody ever tells how it ended.
        guessing.begin(database, [Subject("number", "20002")], now)
    # Counted from the last of them: a slow machine takes a while for five.
    later = datetime.now(UTC) + timedelta(seconds=31)
    with pytest.raises(guessing.LockedOut):
        guessing.begin(database, [Subject("number", "20002")], later)


# By a server's clock half a minute takes half a minute.
@pytest.mark.parametrize("database_url", DATABASES if NIGHTLY else ["sqlite"], indirect=True)
@pytest.mark.usefixtures("true_hashes")
def test_a_lock_holds_in_another_process_after_a_kill(pair, cli):
    for _ in range(4):
        log_in(cli, "20002")
    process, _ = cli.start("login", "20002", "--password-stdin", "--print-token", stdin="falsch")
    time.sleep(0.05)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    # A try that nobody ends is a wrong one half a minute later.
    answers = [log_in(cli, "20002", target=shifted(seconds=31)).err for _ in range(2)]
    assert LOCKED in answers[-1]


def test_locks_and_tries_name_nobody_in_the_database(pair, cli, database):
    log_in(cli, "--staff", "mein-geheimes-passwort")
    with database.reading() as unit:
        rows = unit._connection.exec_driver_sql("SELECT subject FROM custmerge_guess").scalars().all()
    assert [len(row) for row in rows] == [64]
    assert STAFF_PASSWORD not in rows

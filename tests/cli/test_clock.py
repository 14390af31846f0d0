"""Contract §5: limits and times go by the database's clock, and nothing that begins in the future counts."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from support.command_line import Result
from support.databases import STAFF_PASSWORD, login_staff
from support.scenes import scene
from support.shifted_clock import shifted

from custmerge.errors import LockedOut, SessionOver, UndoTooLate
from custmerge.rules.bulk import Batch, State, approval_holds, is_alive
from custmerge.rules.history import Action, Actor, Draft, moment, stamp
from custmerge.rules.passwords import Subject
from custmerge.rules.people import token_sha256
from custmerge.services import access, undo
from custmerge.services.people import guessing
from custmerge.storage.database import Database

LOGIN = ("login", "--staff", "ben", "--password-stdin", "--print-token")
PROOF = ("--domain", "zwei.example", "--password-stdin")
postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def at(cli, by, *arguments, stdin=""):
    """Run a command on a machine whose clock is `by` away from the truth."""
    process, (_, out, err) = cli.start(*arguments, stdin=stdin, target=shifted(**by))
    process.join(300)
    return Result(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def write(cli, statement):
    with closing(Database(cli.url)) as database, database.writing() as unit:
        unit._connection.execute(text(statement))


@scene
def pair(world):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm")


@postgresql
def test_wrong_logins_lock_however_the_callers_clock_is_turned(cli):
    answers = [at(cli, {"minutes": 16 * turn}, *LOGIN, stdin="falsch") for turn in range(-3, 4)]
    assert {done.code for done in answers} == {4}
    assert ["Too many wrong tries" in done.err for done in answers] == [False] * 5 + [True] * 2
    assert "Too many wrong tries" in at(cli, {"hours": 1}, *LOGIN, stdin=STAFF_PASSWORD).err


@postgresql
def test_a_session_that_is_over_is_not_revived_by_a_clock_of_yesterday(cli, agent):
    write(cli, "UPDATE custmerge_session SET created_at = '2026-01-01T08:00:00Z', last_used_at = created_at")
    assert at(agent, {"hours": -13}, "whoami").code == 4
    with closing(Database(cli.url)) as database:
        yesterday = database.now() - timedelta(hours=13)
        login_staff(database, "ben", STAFF_PASSWORD, token="t" * 43, now=yesterday)
    cli.token = "t" * 43
    assert at(cli, {"hours": -12, "minutes": -30}, "whoami").code == 4


@postgresql
def test_an_agent_does_not_undo_after_15_minutes_by_turning_the_clock_back(cli, pair, agent):
    quarter = 16 * 60
    assert agent("merge", "20002", "--into", "10001", *PROOF, "--keep", "--yes", stdin="pw-2").code == 0
    assert at(agent, {"seconds": quarter}, "undo", "1", "--dry-run", "--yes").code == 0
    shift_history(cli.url, quarter)
    done = at(agent, {"seconds": -quarter}, "undo", "1", "--yes", "-f", "json")
    assert (done.code, done.error["code"]) == (4, "undo_too_late")


def shift_history(url, seconds):
    """Make everything so many seconds older than it is."""
    with closing(Database(url)) as database, database.writing() as unit:
        connection = unit._connection
        connection.execute(text("ALTER TABLE custmerge_history DISABLE TRIGGER USER"))
        for seq, body, told in connection.execute(text("SELECT seq, body, at FROM custmerge_history")).fetchall():
            older = stamp(moment(told) - timedelta(seconds=seconds))
            changed = {"seq": seq, "body": body.replace(told, older)}
            connection.execute(text("UPDATE custmerge_history SET body = :body WHERE seq = :seq"), changed)
            connection.execute(
                text("UPDATE custmerge_order SET at = :older WHERE at = :told"), {"older": older, "told": told}
            )


@postgresql
@pytest.mark.parametrize("by", [{"days": -400}, {"days": 400}], ids=str)
def test_what_is_written_has_the_servers_time(cli, pair, agent, by):
    assert at(agent, by, "verify", "20002", "--into", "10001", *PROOF, stdin="pw-2").code == 0
    done = at(agent, by, "merge", "20002", "--into", "10001", "--keep", "--yes", "-f", "json")
    assert done.code == 0, done.err
    assert abs(moment(done.json["at"]) - datetime.now(UTC)) < timedelta(minutes=2)


@postgresql
@pytest.mark.parametrize("by", [{"minutes": -5}, {"minutes": 5}], ids=str)
def test_doctor_says_that_the_clocks_are_apart(cli, by):
    done = at(cli, by, "doctor", "-f", "json")
    (clock,) = [check for check in done.json if check["check"] == "clock"]
    assert (done.code, clock["ok"]) == (1, False)
    assert "300 s" in clock["message"] or "299 s" in clock["message"] or "301 s" in clock["message"]


# ---- SQLite


@sqlite
def test_a_clock_behind_the_newest_entry_is_refused(cli, pair, agent, supervisor):
    for command in (
        ("whoami",),
        ("find", "x"),
        ("undo", "1", "--yes"),
        ("merge", "20002", "--into", "10001", "--yes"),
    ):
        done = at(agent, {"minutes": -3}, *command, *(() if command[0] == "undo" else ("-f", "json")))
        assert (done.code, "clock" in done.err) == (8, True), command
    error = at(agent, {"minutes": -3}, "find", "x", "-f", "json").error
    assert error["code"] == "clock_behind"
    assert error["details"]["now"] < error["details"]["newest"]
    assert at(cli, {"minutes": -3}, *LOGIN, stdin=STAFF_PASSWORD).code == 8
    audit = at(supervisor, {"minutes": -3}, "audit", "-f", "json")
    assert (audit.code, audit.json["status"], audit.error["code"]) == (3, "unknown", "clock_behind")
    assert at(supervisor, {"minutes": -3}, "audit", "-f", "nagios").code == 3
    doctor = at(cli, {"minutes": -3}, "doctor", "-f", "json")
    (clock,) = [check for check in doctor.json if check["check"] == "clock"]
    assert (doctor.code, clock["ok"]) == (1, False)


def test_a_late_entry_with_an_early_moment_turns_no_clock_back(sqlite_cli):
    with closing(Database(sqlite_cli.url)) as database:
        now = database.now()
        with database.writing() as unit:
            for hours in (0, 2):
                at = stamp(now - timedelta(hours=hours))
                unit.chain.append([Draft(at, Actor("a", "staff"), Action.USER, {"did": "unlock", "name": "x"})])
            assert unit.newest_entry() == moment(stamp(now))


@sqlite
def test_a_clock_that_is_behind_by_seconds_is_the_newest_entrys(cli, pair, agent, supervisor):
    newest = supervisor("history", "--limit", "1", "-f", "json").json[0]["at"]
    behind = (datetime.now(UTC) - moment(newest)).total_seconds() + 40
    done = at(agent, {"seconds": -behind}, "show", "10001", "--reveal", "-f", "json")
    assert done.code == 0, done.err
    assert supervisor("history", "--limit", "1", "-f", "json").json[0]["at"] == newest


@sqlite
def test_a_session_of_yesterday_is_not_revived(cli, agent):
    write(cli, "UPDATE custmerge_session SET created_at = '2026-01-01T08:00:00Z', last_used_at = created_at")
    assert at(agent, {"days": -400}, "whoami").code == 8
    assert agent("whoami").code == 4


# ---- nothing that begins in the future counts


FUTURE = [(timedelta(seconds=20), 0), (timedelta(minutes=5), 4), (timedelta(days=900), 4)]


@pytest.mark.parametrize("column", ["created_at", "last_used_at"])
@pytest.mark.parametrize(("ahead", "code"), FUTURE, ids=str)
def test_a_session_that_begins_in_the_future_opens_nothing(cli, agent, column, ahead, code):
    future = stamp(datetime.now(UTC) + ahead)
    write(cli, f"UPDATE custmerge_session SET {column} = '{future}'")
    assert agent("whoami").code == code


def test_a_service_token_that_begins_in_the_future_or_lasts_too_long_opens_nothing(cli, supervisor):
    made = supervisor("token", "create", "nightly", "--role", "auditor", "--days", "1")
    cli.token = made.out.strip()
    assert cli("find", "x").code == 0
    write(
        cli, "UPDATE custmerge_service SET expires_at = '2999-01-01T00:00:00Z', created_at = '2020-01-01T00:00:00Z'"
    )
    assert cli("find", "x").code == 4
    write(cli, "UPDATE custmerge_service SET created_at = '2998-12-31T00:00:00Z'")
    assert cli("find", "x").code == 4


def test_a_proof_that_begins_in_the_future_proves_nothing(cli, pair, agent):
    assert agent("verify", "20002", "--into", "10001", *PROOF, stdin="pw-2").code == 0
    write(cli, "UPDATE custmerge_proof SET valid_until = '2999-01-01T00:00:00Z'")
    customer = cli.login("10001", "pw-1")
    assert agent("merge", "20002", "--into", "10001", "--keep", "--yes").code == 4
    assert customer("verify", "20002", *PROOF, stdin="pw-2").code == 0
    write(cli, "UPDATE custmerge_proof SET valid_until = '2999-01-01T00:00:00Z'")
    assert customer("diff", "20002").code == 4


def test_locks_and_tries_of_the_future_lock_nobody(database_url):
    subject, now = Subject("staff", "ben"), datetime.now(UTC)
    with closing(Database(database_url)) as database:
        for _ in range(5):
            tried = guessing.begin(database, [subject], now + timedelta(days=400))
            guessing.wrong(database, tried, guessing.NOBODY, {})
        with pytest.raises(LockedOut):
            guessing.begin(database, [subject], now + timedelta(days=400))
        for _ in range(4):
            guessing.wrong(database, guessing.begin(database, [subject], now), guessing.NOBODY, {})
        assert guessing.begin(database, [subject], now)


def test_tries_of_the_future_are_not_counted(database_url):
    subject, now = Subject("staff", "ben"), datetime.now(UTC)
    with closing(Database(database_url)) as database:
        for _ in range(4):
            tried = guessing.begin(database, [subject], now + timedelta(days=1))
            guessing.wrong(database, tried, guessing.NOBODY, {})
        for _ in range(4):
            guessing.wrong(database, guessing.begin(database, [subject], now), guessing.NOBODY, {})
        assert guessing.begin(database, [subject], now)


def test_approvals_and_leases_of_the_future_do_not_count():
    now = datetime(2026, 7, 1, tzinfo=UTC)

    def batch(approved=timedelta(0), alive=timedelta(0)):
        times = {"approved_at": stamp(now + approved), "alive_until": stamp(now + alive)}
        return Batch(
            sha256="", state=State.RUNNING, rows=1, at="", id=1, approved_by="anna", approved_by_person=1, **times
        )

    assert approval_holds(batch(), now)
    assert not approval_holds(batch(approved=timedelta(minutes=5)), now)
    assert is_alive(batch(alive=timedelta(seconds=59)), now)
    assert not is_alive(batch(alive=timedelta(minutes=5)), now)


def test_an_order_of_the_future_is_not_an_agents_own_one_of_15_minutes(cli, pair, agent):
    assert agent("merge", "20002", "--into", "10001", *PROOF, "--keep", "--yes", stdin="pw-2").code == 0
    with closing(Database(cli.url)) as database:
        caller, earlier = (
            access.resume(database, "token-of-ben", database.now()),
            database.now() - timedelta(hours=2),
        )
        write(cli, f"UPDATE custmerge_session SET created_at = '{stamp(earlier)}', last_used_at = '{stamp(earlier)}'")
        with pytest.raises(UndoTooLate):
            undo.preview(database, caller, undo.Request(frozenset({1})), earlier)


def test_a_session_ends_for_good_where_the_database_can_be_written(cli, agent):
    write(cli, "UPDATE custmerge_session SET created_at = '2999-01-01T08:00:00Z'")
    assert agent("whoami").code == 4
    with closing(Database(cli.url)) as database:
        with database.reading() as unit:
            assert unit.people.session(token_sha256("token-of-ben")) is None
        with pytest.raises(SessionOver):
            access.resume(database, "token-of-ben", database.now())

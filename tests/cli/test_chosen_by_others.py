"""A password that somebody else chose is good for one login, which changes it (contract §3 and §5)."""

import json
from datetime import UTC, datetime

import pytest
from support.databases import STAFF_PASSWORD, login_staff
from support.typist import Typist

from custmerge.errors import LoginRefused
from custmerge.services.people import sessions
from custmerge.storage.database import Database

GIVEN, OWN = "von-anna-gewaehlt", "das-ist-mein-eigenes"
LOGIN = ("login", "--staff", "eva", "--password-stdin", "--print-token")
RULE = "at least 12 characters"


@pytest.fixture
def eva(supervisor):
    """Somebody whom a supervisor has added, and who hasn't logged in yet."""
    done = supervisor("user", "add", "eva", "--role", "agent", "--password-stdin", stdin=GIVEN)
    assert done.code == 0, done.err


def entries(supervisor, action="user"):
    lines = supervisor.in_process("export", "history", "-f", "jsonl").out.splitlines()
    return [body for body in (json.loads(line)["body"] for line in lines) if body["action"] == action]


def test_without_a_new_password_no_session_is_opened(eva, cli, database_url):
    done = cli(*LOGIN, stdin=GIVEN)
    assert (done.code, done.out) == (4, "")
    assert "chosen by anna" in done.err
    assert "second line" in done.err
    database = Database(database_url)
    with database.reading() as unit:
        query = "SELECT count(*) FROM custmerge_session JOIN custmerge_staff s ON s.id = staff WHERE s.name = 'eva'"
        assert unit._connection.exec_driver_sql(query).scalar() == 0
    database.close()


def test_the_second_line_takes_its_place(eva, cli, supervisor):
    done = cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}")
    assert done.code == 0
    assert cli.in_process("whoami", "-f", "json", CUSTMERGE_TOKEN=done.out.strip()).json["name"] == "eva"
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 4
    assert cli(*LOGIN, stdin=OWN).code == 0
    told = entries(supervisor)[-1]
    assert (told["did"], told["name"], told["by"], told["by_kind"]) == ("password", "eva", "eva", "staff")
    assert supervisor.in_process("audit").code == 0


@pytest.mark.parametrize(("new", "why"), [("zu-kurz", "shorter"), (GIVEN, "present one"), ("1" * 12, "repeated")])
def test_the_new_password_is_a_good_one_and_not_the_old_one(eva, cli, new, why):
    done = cli(*LOGIN, stdin=f"{GIVEN}\n{new}")
    assert (done.code, done.out, why in done.err) == (2, "", True)
    assert new not in done.err
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


def test_a_wrong_password_says_nothing_of_the_change_and_counts(eva, cli):
    answers = [cli(*LOGIN, stdin=f"falsch\n{OWN}") for _ in range(6)]
    assert {done.err for done in answers[:5]} == {
        "custmerge: Login refused: the name or number, or the password, isn't right.\n"
    }
    assert "Too many wrong tries" in answers[5].err


def test_the_right_one_is_never_counted_as_a_wrong_try(eva, cli):
    for new in ("", "zu-kurz", GIVEN) * 3:
        assert "Too many" not in cli(*LOGIN, stdin=f"{GIVEN}\n{new}").err
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


def test_a_supervisor_who_gives_somebody_a_new_password_is_not_the_one_who_keeps_it(supervisor, cli):
    assert supervisor("user", "password", "ben", "--password-stdin", stdin=GIVEN).code == 0
    login = ("login", "--staff", "ben", "--password-stdin", "--print-token")
    assert cli(*login, stdin=GIVEN).code == 4
    assert cli(*login, stdin=f"{GIVEN}\n{OWN}").code == 0
    assert cli(*login, stdin=OWN).code == 0


def test_the_own_choice_is_ones_own(agent, cli, tmp_path):
    assert agent("user", "password", "--password-stdin", stdin=f"{STAFF_PASSWORD}\n{OWN}").code == 0
    assert cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=OWN).code == 0
    url = f"sqlite:///{tmp_path}/new.db"
    assert cli("--database", url, "init", "--supervisor", "eva", "--password-stdin", stdin=OWN).code == 0
    assert cli("--database", url, *LOGIN, stdin=OWN).code == 0


def test_whose_password_was_right_makes_no_wrong_try_by_another_first_login_meanwhile(eva, supervisor, database_url):
    database, now = Database(database_url), datetime.now(UTC)
    verified = sessions.verified_staff(database, "eva", GIVEN, now)
    login_staff(database, "eva", GIVEN, new=OWN, token="first", now=now)
    with pytest.raises(LoginRefused):
        sessions.open_staff(database, verified, GIVEN, new=f"{OWN}-2", token="second", now=now)
    database.close()
    assert not entries(supervisor, "login_failed")


def test_where_the_session_cannot_be_opened_the_password_stays(eva, cli, database_url, monkeypatch):
    def broken(*_):
        raise BrokenPipeError

    monkeypatch.setattr(sessions, "_open", broken)
    database = Database(database_url)
    with pytest.raises(BrokenPipeError):
        login_staff(database, "eva", GIVEN, new=OWN, token="t", now=datetime.now(UTC))
    database.close()
    assert cli(*LOGIN, stdin=OWN).code == 4
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


@pytest.mark.parametrize("value", ["NULL", "'ben'", "''"])
def test_who_edits_away_that_somebody_else_chose_it_is_found(eva, supervisor, database_url, value):
    assert supervisor.in_process("audit").code == 0
    database = Database(database_url)
    with database.writing() as unit:
        edit = f"UPDATE custmerge_staff SET password_chosen_by = {value} WHERE name = 'eva'"
        unit._connection.exec_driver_sql(edit)
    database.close()
    done = supervisor.in_process("audit", "--only", "staff")
    assert (done.code, "user eva" in done.out) == (2, True)


# On a terminal


def types_twice(typist, question, *, first=OWN, second=OWN):
    typist.answers(question, first)
    typist.answers("The same password once more: ", second)


def test_on_a_terminal_it_is_asked_for_twice_and_the_rule_is_said_before(eva, cli):
    typist = Typist(cli, "login", "--staff", "eva", "--print-token")
    typist.answers("Password for eva: ", GIVEN)
    typist.sees("anna chose this password for you")
    typist.sees(RULE)
    typist.answers("New password: ", "zu-kurz")
    typist.sees("shorter than 12 characters")
    typist.answers("New password: ", GIVEN)
    typist.sees("present one")
    types_twice(typist, "New password: ", second="etwas-ganz-anderes")
    typist.sees("two passwords differ")
    types_twice(typist, "New password: ")
    typist.sees("Logged in as eva")
    assert OWN not in typist.child.before
    assert typist.ends() == 0
    assert cli(*LOGIN, stdin=OWN).code == 0


def test_who_breaks_off_has_changed_nothing(eva, cli):
    typist = Typist(cli, "login", "--staff", "eva", "--print-token")
    typist.answers("Password for eva: ", GIVEN)
    typist.sees("New password: ")
    typist.presses_ctrl_c()
    assert typist.ends() == 130
    assert cli(*LOGIN, stdin=GIVEN).code == 4
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


def test_a_supervisor_types_the_password_of_somebody_new_twice(supervisor, cli):
    typist = Typist(supervisor, "user", "add", "eva", "--role", "agent")
    typist.sees(RULE)
    typist.answers("Password for eva: ", "kurz")
    typist.sees("shorter than 12 characters")
    types_twice(typist, "Password for eva: ", first=GIVEN, second=GIVEN)
    typist.sees("eva is agent now")
    assert typist.ends() == 0
    assert cli(*LOGIN, stdin=f"{GIVEN}\n{OWN}").code == 0


def test_the_first_supervisor_types_the_password_twice(cli, tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    typist = Typist(cli, "--database", url, "init", "--supervisor", "eva")
    typist.sees(RULE)
    types_twice(typist, "Password for eva: ", second="etwas-ganz-anderes")
    types_twice(typist, "Password for eva: ")
    typist.sees("eva is the first supervisor.")
    assert typist.ends() == 0
    assert cli("--database", url, *LOGIN, stdin=OWN).code == 0


@pytest.mark.parametrize(("name", "question"), [((), "New password: "), (("ada",), "New password for ada: ")])
def test_a_password_that_is_changed_is_typed_twice(supervisor, name, question):
    typist = Typist(supervisor, "user", "password", *name)
    if not name:
        typist.answers("Present password: ", STAFF_PASSWORD)
    typist.sees(RULE)
    types_twice(typist, question)
    typist.sees("is changed; log in anew")
    assert typist.ends() == 0

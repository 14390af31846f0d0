"""Staff and service tokens: what ends a session, what a role may, who can't be lost."""

import pytest
from support.databases import STAFF_PASSWORD, execute, login_staff

NEW = "ein-ganz-neues-passwort"


def log_in(cli, name, password=STAFF_PASSWORD):
    other = cli.as_(name)
    done = cli.in_process("login", "--staff", name, "--password-stdin", "--print-token", stdin=password)
    other.token = done.out.strip()
    return done, other


@pytest.mark.parametrize("password", ["kurz", "qazwsxedcrfv", "123456789012", "ein-evamaria-wort"])
def test_a_password_of_staff_is_long_and_not_guessed_at_once(supervisor, password):
    done = supervisor("user", "add", "evamaria", "--role", "agent", "--password-stdin", stdin=password)
    assert done.code == 2
    assert password not in done.err


def test_adding_somebody_names_the_roles_and_then_the_command_that_goes_on(supervisor):
    left_out = supervisor("user", "add", "eva")
    assert (left_out.code, left_out.err) == (
        2,
        "custmerge: The option --role agent|supervisor|auditor is missing.\n",
    )
    done = supervisor("user", "add", "eva", "--role", "agent", "--password-stdin", stdin=NEW)
    assert done.err.endswith("Next: custmerge login --staff eva\n")


@pytest.mark.parametrize("password", ["aaaa bbbb cccc dddd", "zwölf zeichen und mehr", "x" * 1023 + "y"])
def test_there_are_no_other_rules_for_a_password(supervisor, cli, password):
    assert supervisor("user", "add", "eva", "--role", "agent", "--password-stdin", stdin=password).code == 0
    assert log_in(cli, "eva", f"{password}\n{NEW}")[0].code == 0


def test_a_new_role_ends_the_sessions_and_holds_from_the_next_login_on(supervisor, agent, cli):
    assert supervisor("user", "role", "ben", "auditor").code == 0
    assert agent.in_process("whoami").code == 4
    assert log_in(cli, "ben")[1]("whoami", "-f", "json").json["role"] == "auditor"


def test_the_same_role_again_ends_nothing(supervisor, agent):
    assert supervisor("user", "role", "ben", "agent").code == 0
    assert agent.in_process("whoami").code == 0


def test_a_disabled_person_is_out_at_once(supervisor, agent, cli):
    assert supervisor("user", "disable", "ben", "--yes").code == 0
    assert agent.in_process("whoami").code == 4
    done, _ = log_in(cli, "ben")
    assert (done.code, done.err) == (
        4,
        "custmerge: Login refused: the name or number, or the password, isn't right.\n",
    )
    assert supervisor("user", "list", "-f", "json").json[2]["disabled_at"]


def test_the_last_supervisor_stays(supervisor, cli):
    for arguments in (("disable", "anna", "--yes"), ("role", "anna", "agent")):
        done = supervisor("user", *arguments)
        assert (done.code, "last supervisor" in done.err) == (4, True)
    supervisor("user", "role", "ada", "supervisor")
    assert supervisor("user", "disable", "anna", "--yes").code == 0


def test_a_supervisor_gives_somebody_a_new_password(supervisor, agent, cli):
    assert supervisor("user", "password", "ben", "--password-stdin", stdin=NEW).code == 0
    assert agent.in_process("whoami").code == 4
    assert log_in(cli, "ben")[0].code == 4
    assert log_in(cli, "ben", f"{NEW}\nund-das-ist-bens-eigenes")[0].code == 0


def test_everybody_changes_the_own_password_with_the_present_one(agent, cli):
    assert agent("user", "password", "--password-stdin", stdin=f"falsch\n{NEW}").code == 4
    assert agent.in_process("whoami").code == 0
    assert agent("user", "password", "--password-stdin", stdin=f"{STAFF_PASSWORD}\nkurz").code == 2
    assert agent("user", "password", "--password-stdin", stdin=f"{STAFF_PASSWORD}\n{NEW}").code == 0
    assert agent.in_process("whoami").code == 4
    assert log_in(cli, "ben", NEW)[0].code == 0


def test_guessing_the_present_password_locks_too(agent):
    for _ in range(5):
        agent("user", "password", "--password-stdin", stdin=f"falsch\n{NEW}")
    told = agent("user", "password", "--password-stdin", stdin=f"{STAFF_PASSWORD}\n{NEW}").err
    assert "Too many wrong tries" in told
    assert "`custmerge user unlock ben`" in told


def test_an_unknown_name_is_not_there(supervisor):
    for arguments in (("role", "max", "agent"), ("disable", "max", "--yes"), ("password", "max", "--password-stdin")):
        assert supervisor("user", *arguments, stdin=NEW).code == 5


def test_disabling_asks_first(supervisor):
    done = supervisor("user", "disable", "ben")
    assert (done.code, "--yes" in done.err) == (2, True)


def test_what_is_done_to_staff_is_in_the_history(supervisor, agent):
    supervisor("user", "role", "ben", "auditor")
    supervisor("user", "password", "ben", "--password-stdin", stdin=NEW)
    supervisor("user", "disable", "ben", "--yes")
    out = supervisor.in_process("export", "history", "-f", "jsonl").out
    assert [did for did in ("role", "password", "disable") if f'"did": "{did}"' in out] == [
        "role",
        "password",
        "disable",
    ]
    assert NEW not in out


# Service tokens


def service(cli, supervisor, role="auditor", name="nightly", *options):
    other = cli.as_("nobody")
    done = supervisor("token", "create", name, "--role", role, *options)
    other.token = done.out.strip()
    return done, other


def test_a_service_token_works_with_its_role_until_its_end(supervisor, cli):
    done, bot = service(cli, supervisor, "auditor", "nightly", "--days", "30")
    assert done.code == 0
    assert bot("whoami", "-f", "json").json | {"expires_at": ""} == {
        "kind": "staff",
        "number": None,
        "name": "nightly",
        "role": "auditor",
        "expires_at": "",
    }
    assert bot("export", "history").code == 0
    assert bot("import", "customers", "x.csv").code == 4


def test_a_service_token_ends_on_its_day(supervisor, cli, database_url):
    from custmerge.storage.database import Database

    _, bot = service(cli, supervisor)
    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql("UPDATE custmerge_service SET expires_at = '2026-01-01T00:00:00Z'")
    database.close()
    assert bot("whoami").code == 4


@pytest.mark.parametrize("days", [0, 91, -1])
def test_a_service_token_lasts_90_days_at_most(supervisor, days):
    assert supervisor("token", "create", "bot", "--role", "agent", "--days", days).code == 2


def test_a_service_token_is_shown_once_and_kept_as_its_sha256(supervisor, cli, database_url):
    _done, bot = service(cli, supervisor)
    assert bot.token not in supervisor("token", "list", "-f", "json").out
    assert bot.token not in supervisor.in_process("export", "history", "-f", "jsonl").out
    (row,) = supervisor("token", "list", "-f", "json").json
    assert list(row) == ["name", "role", "created_by", "created_at", "expires_at", "revoked_at"]


def test_a_revoked_service_token_opens_nothing(supervisor, cli):
    _, bot = service(cli, supervisor)
    assert supervisor("token", "revoke", "nightly", "--yes").code == 0
    assert bot("whoami").code == 4
    assert supervisor("token", "revoke", "nightly", "--yes").code == 5
    assert supervisor("token", "create", "nightly", "--role", "agent").code == 6


def test_service_tokens_end_with_the_person_who_made_them(supervisor, cli):
    supervisor("user", "role", "ada", "supervisor")
    _, ada = log_in(cli, "ada")
    _, bot = service(cli, ada)
    assert bot("whoami").code == 0
    assert "nightly" in supervisor("user", "disable", "ada", "--yes").err
    assert bot("whoami").code == 4


def test_a_service_token_outlives_a_login(supervisor, cli, database_url):
    _, bot = service(cli, supervisor)
    from custmerge.storage.database import Database

    database = Database(database_url)
    with database.writing() as unit:
        unit._connection.exec_driver_sql(
            "UPDATE custmerge_session SET created_at = '2026-01-01T00:00:00Z' WHERE service IS NOT NULL"
        )
    database.close()
    log_in(cli, "ben")
    assert bot("whoami").code == 0


def test_logout_leaves_a_service_token_alone(supervisor, cli):
    _, bot = service(cli, supervisor)
    assert bot("logout").code == 2
    assert bot("whoami").code == 0


def test_a_service_token_has_no_password_to_change(supervisor, cli):
    _, bot = service(cli, supervisor, "supervisor")
    assert bot("user", "password", "--password-stdin", stdin=f"x\n{NEW}").code == 4


def test_the_history_says_that_a_service_acted(supervisor, cli, world):
    _, bot = service(cli, supervisor, "supervisor")
    (world.folder / "c.csv").write_text("number\n1\n")
    assert bot("import", "customers", "c.csv").code == 0
    assert '"by_kind": "service"' in supervisor.in_process("export", "history", "-f", "jsonl").out


# Sessions that end


def test_a_customers_new_password_ends_the_sessions(world, cli, supervisor):
    world.customer("10001", password="pw-1")
    customer = cli.login("10001", "pw-1")
    (world.folder / "new.csv").write_text("number,password\n10001,pw-neu\n")
    supervisor.in_process("import", "customers", "new.csv", "--update")
    assert customer("whoami").code == 4
    cli.login("10001", "pw-neu")


def test_a_number_that_is_absorbed_is_logged_out(world, cli, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    customer = cli.login("20002", "pw-2")
    done = agent.in_process(
        "merge", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", "--yes", stdin="pw-2"
    )
    assert done.code == 0
    assert customer("whoami").code == 4


def test_who_was_disabled_while_thinking_changes_nothing_any_more(supervisor, database_url):
    from datetime import UTC, datetime

    from custmerge.rules.people import Role
    from custmerge.services import access
    from custmerge.services.people import staff
    from custmerge.storage.database import Database

    supervisor("user", "role", "ada", "supervisor")
    database = Database(database_url)
    now = datetime.now(UTC)
    ada = login_staff(database, "ada", STAFF_PASSWORD, token="t", now=now)
    supervisor("user", "disable", "ada", "--yes")
    with pytest.raises(access.SessionOver):
        staff.add_staff(database, ada, "mallory", Role.SUPERVISOR, NEW, now)
    database.close()


def test_a_login_with_a_password_that_was_changed_meanwhile_opens_nothing(supervisor, database_url, monkeypatch):
    from datetime import UTC, datetime

    from custmerge.rules.people import token_sha256
    from custmerge.services.people import passwords, sessions
    from custmerge.storage.database import Database

    database, verified = Database(database_url), passwords.fits

    def slow(stored, password):
        supervisor("user", "password", "ben", "--password-stdin", stdin=NEW)
        return verified(stored, password)

    monkeypatch.setattr(passwords, "fits", slow)
    with pytest.raises(sessions.LoginRefused):
        login_staff(database, "ben", STAFF_PASSWORD, token="t", now=datetime.now(UTC))
    with database.reading() as unit:
        assert unit.people.session(token_sha256("t")) is None
    database.close()


def test_a_new_password_ends_the_service_tokens_of_its_owner(supervisor, cli):
    supervisor("user", "role", "ada", "supervisor")
    _, ada = log_in(cli, "ada")
    _, bot = service(cli, ada)
    supervisor("user", "password", "ada", "--password-stdin", stdin=NEW)
    assert bot("whoami").code == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'ben'",
        "UPDATE custmerge_staff SET password_chosen_by = 'anna' WHERE name = 'ben'",
        "UPDATE custmerge_staff SET created_at = '2001-01-01T00:00:00.000Z' WHERE name = 'ben'",
    ],
)
def test_a_row_that_was_changed_by_hand_gets_no_new_seal(supervisor, agent, database_url, change):
    execute(database_url, change)
    for done in (
        agent("user", "password", "--password-stdin", stdin=f"{STAFF_PASSWORD}\n{NEW}"),
        supervisor("user", "password", "ben", "--password-stdin", stdin=NEW),
        supervisor("user", "role", "ben", "auditor"),
    ):
        assert (done.code, "isn't as the history has it" in done.err) == (6, True)
    assert supervisor.in_process("audit", "--only", "staff").code == 2
    assert supervisor("user", "disable", "ben", "--yes").code == 0

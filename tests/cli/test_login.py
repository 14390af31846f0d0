"""Sessions: who is let in, where the token is kept, when a session ends."""

import stat
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import STAFF_PASSWORD, login_staff

from custmerge.rules.history import stamp
from custmerge.rules.people import token_sha256
from custmerge.services import access
from custmerge.services.people import sessions
from custmerge.storage.database import Database


def test_whoami_has_the_contracts_shape_for_staff_and_customers(world, cli, agent):
    world.customer("10001", password="pw-1")
    staff = agent("whoami", "-f", "json").json
    assert staff | {"expires_at": ""} == {
        "kind": "staff",
        "number": None,
        "name": "ben",
        "role": "agent",
        "expires_at": "",
    }
    customer = cli.login("10001", "pw-1")("whoami", "-f", "json").json
    assert customer | {"expires_at": ""} == {
        "kind": "customer",
        "number": "10001",
        "name": None,
        "role": "customer",
        "expires_at": "",
    }


@pytest.mark.parametrize(("name", "password"), [("ben", "falsch"), ("niemand", STAFF_PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(cli, name, password):
    done = cli("login", "--staff", name, "--password-stdin", "--print-token", stdin=password)
    assert (done.code, done.out) == (4, "")
    assert done.err == "custmerge: Login refused: the name or number, or the password, isn't right.\n"


def test_a_customer_without_a_password_cannot_log_in(world, cli):
    world.customer("10001")
    for password in ("", "x"):
        assert cli("login", "10001", "--password-stdin", "--print-token", stdin=password).code in (2, 4)


def test_nobody_logged_in_is_told_how(cli):
    done = cli("whoami", CUSTMERGE_TOKEN=None, PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    assert done.code == 4
    assert "custmerge login" in done.err


def test_a_made_up_token_opens_nothing(cli):
    done = cli("whoami", CUSTMERGE_TOKEN="x" * 43)
    assert (done.code, done.out) == (4, "")


def test_the_database_holds_the_sha256_of_a_token_and_not_the_token(cli, database_url):
    token = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD).out.strip()
    database = Database(database_url)
    with database.reading() as unit:
        assert unit.people.session(token_sha256(token)) is not None
        assert unit.people.session(token) is None
    database.close()
    assert len(token) >= 43


@pytest.mark.parametrize(
    ("idle", "ended"), [(timedelta(minutes=29), False), (timedelta(minutes=30), True)], ids=["in time", "idle"]
)
def test_a_customers_session_ends_after_30_idle_minutes(world, cli, database_url, idle, ended):
    world.customer("10001", password="pw-1")
    began = datetime.now(UTC) - idle
    database = Database(database_url)
    sessions.login_customer(database, "10001", "pw-1", token="t" * 43, now=began)
    database.close()
    assert cli("whoami", CUSTMERGE_TOKEN="t" * 43).code == (4 if ended else 0)


def test_use_keeps_a_session_open_but_never_beyond_12_hours(cli, database_url):
    began = datetime(2026, 1, 1, 8, tzinfo=UTC)
    database = Database(database_url)
    login_staff(database, "ben", STAFF_PASSWORD, token="t", now=began)
    later = access.resume(database, "t", began + timedelta(hours=7))
    assert later.expires_at == stamp(began + timedelta(hours=12))
    access.resume(database, "t", began + timedelta(hours=11, minutes=59))
    with pytest.raises(access.SessionOver):
        access.resume(database, "t", began + timedelta(hours=12))
    database.close()


def test_logout_ends_the_session(cli):
    token = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD).out.strip()
    assert cli("logout", CUSTMERGE_TOKEN=token).code == 0
    assert cli("whoami", CUSTMERGE_TOKEN=token).code == 4


def test_logout_all_ends_every_session_of_the_same_person_only(cli, agent, supervisor):
    token = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=STAFF_PASSWORD).out.strip()
    assert "2 sessions" in agent("logout", "--all").err
    assert cli("whoami", CUSTMERGE_TOKEN=token).code == 4
    assert supervisor("whoami").code == 0


def test_logout_with_a_token_that_is_given_leaves_a_kept_login_alone(cli):
    kept = ("login", "--staff", "ben", "--password-stdin", "--insecure-storage")
    assert cli(*kept, stdin=STAFF_PASSWORD).code == 0
    assert cli("logout", CUSTMERGE_TOKEN="token-of-anna").code == 0
    assert cli("whoami").out.startswith("ben")


# Where the token is kept


def test_a_token_is_kept_in_the_keyring_one_entry_per_database(cli, tmp_path):
    keyring = {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring"}
    assert cli("login", "--staff", "ben", "--password-stdin", stdin=STAFF_PASSWORD, **keyring).code == 0
    assert cli("whoami", **keyring).out.startswith("ben")
    assert cli("whoami", CUSTMERGE_DATABASE_URL="sqlite:///other.db", **keyring).code == 4
    assert cli("logout", **keyring).code == 0
    assert cli("whoami", **keyring).code == 4


def test_without_a_keyring_login_names_the_ways_out_before_it_asks(cli):
    done = cli("login", "--staff", "ben", "--password-stdin", stdin=STAFF_PASSWORD)
    assert (done.code, done.out) == (4, "")
    for way in ("CUSTMERGE_TOKEN", "$CREDENTIALS_DIRECTORY/custmerge-token", "--insecure-storage", "--print-token"):
        assert way in done.err


def test_insecure_storage_is_a_file_that_only_its_owner_can_read(cli, tmp_path):
    done = cli("login", "--staff", "ben", "--password-stdin", "--insecure-storage", stdin=STAFF_PASSWORD)
    assert done.code == 0
    (path,) = (tmp_path / "data" / "custmerge" / "tokens").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli("whoami").out.startswith("ben")
    path.chmod(0o640)
    done = cli("whoami")
    assert done.code == 4
    assert "0640" in done.err


def test_a_token_comes_from_systemds_credentials(cli, tmp_path):
    (tmp_path / "custmerge-token").write_text("token-of-ben\n")
    assert cli("whoami", CREDENTIALS_DIRECTORY=str(tmp_path)).out.startswith("ben")


def test_no_secret_is_taken_as_an_options_value(cli):
    done = cli("login", "--staff", "ben", "--password", STAFF_PASSWORD)
    assert done.code == 2
    assert STAFF_PASSWORD not in done.err


def test_a_running_command_shows_no_secret_to_ps(cli, database_url, agent):
    process, _ = agent.start("find", "x")
    line = subprocess.run(["ps", "-o", "args=", "-p", str(process.pid)], capture_output=True, check=False).stdout
    process.join()
    assert b"token-of-ben" not in line


@pytest.mark.parametrize("stdin", ["", "\n"])
def test_an_empty_password_on_standard_input_is_wrong_use(cli, stdin):
    done = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin=stdin)
    assert done.code == 2


def test_a_password_that_is_not_utf_8_is_wrong_use(cli):
    done = cli("login", "--staff", "ben", "--password-stdin", "--print-token", stdin="\udcff")
    assert done.code == 2


# Staff


def test_init_names_the_first_supervisor_of_an_empty_database_only(cli, tmp_path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    first = cli("--database", url, "init", "--supervisor", "eva", "--password-stdin", stdin="erstes-passwort")
    assert first.code == 0
    again = cli("--database", url, "init", "--supervisor", "eva", "--password-stdin", stdin="anderes-passwort")
    assert again.code == 0
    login = ("--database", url, "login", "--staff", "eva", "--password-stdin", "--print-token")
    assert cli(*login, stdin="erstes-passwort").code == 0
    assert cli(*login, stdin="anderes-passwort").code == 4
    done = cli("--database", url, "init", "--supervisor", "max", "--password-stdin", stdin="x")
    assert (done.code, "max" in done.err) == (4, True)


def test_a_new_sqlite_database_can_be_read_by_its_owner_alone(cli, tmp_path):
    cli("--database", f"sqlite:///{tmp_path / 'sub' / 'new.db'}", "init")
    assert stat.S_IMODE((tmp_path / "sub" / "new.db").stat().st_mode) == 0o600


def test_a_supervisor_adds_and_lists_staff(supervisor, cli):
    assert (
        supervisor.in_process(
            "user", "add", "eva", "--role", "auditor", "--password-stdin", stdin="langes-passwort"
        ).code
        == 0
    )
    people = supervisor.in_process("user", "list", "-f", "json").json
    assert [(p["name"], p["role"]) for p in people] == [
        ("ada", "auditor"),
        ("anna", "supervisor"),
        ("ben", "agent"),
        ("eva", "auditor"),
    ]
    both = "langes-passwort\nmein-eigenes-passwort"
    done = cli("login", "--staff", "eva", "--password-stdin", "--print-token", stdin=both)
    assert done.code == 0
    assert (
        supervisor.in_process(
            "user", "add", "eva", "--role", "agent", "--password-stdin", stdin="langes-passwort"
        ).code
        == 6
    )
    assert supervisor.in_process("user", "add", "max", "--role", "koenig", "--password-stdin", stdin="x").code == 2


@pytest.mark.parametrize("name", ["ben", "ada"])
def test_nobody_else_adds_or_lists_staff(cli, name):
    person = cli.as_(name)
    assert person("user", "list").code == 4
    assert person("user", "add", "max", "--role", "agent", "--password-stdin", stdin="x").code == 4


@pytest.mark.parametrize("arguments", [("find", "x"), ("user", "list"), ("export", "customers"), ("show", "20002")])
def test_a_customer_may_not_use_what_is_for_staff(world, cli, arguments):
    world.customer("10001", password="pw-1")
    done = cli.login("10001", "pw-1")(*arguments)
    assert (done.code, done.out) == (4, "")


def test_a_customer_sees_the_own_number_and_its_history(world, cli, agent):
    world.customer("10001", password="pw-1", domains=["eins.example"])
    customer = cli.login("10001", "pw-1")
    assert customer("show", "10001", "-f", "json").json["packages"][0]["domains"] == ["eins.example"]
    assert customer("history", "-f", "json").json == []
    assert customer("history", "20002").code == 4

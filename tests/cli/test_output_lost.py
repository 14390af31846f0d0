"""Output that nobody reads, that has nowhere to go, or doesn't fit: the command's own code stays."""

import json
import socket
import struct
import subprocess
import sys

import pytest
from support.databases import execute
from support.marks import on_sqlite_alone
from support.scenes import scene

from custmerge.storage.dialect import open_engine

PROGRAM = f"{sys.executable} -m custmerge"


def in_shell(cli, line, **changes):
    """Run a line of bash in which `custmerge` is the program; returns the codes of its pipe, and stderr."""
    script = line.replace("custmerge", PROGRAM) + '\nprintf "%s " "${PIPESTATUS[@]}" >&2'
    done = subprocess.run(
        ["bash", "-c", script],
        env=cli.environ(**changes),
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    *said, codes = done.stderr.rpartition("\n")
    return [int(code) for code in codes.split()], "".join(said)


@scene
def differing(world):
    world.customer("10001")
    world.customer("20002", city="Ulm", domains=["zwei.example"], password="pw")


def test_a_reader_that_goes_away_ends_an_export_silently(world, supervisor):
    world.customers_like(*(str(number) for number in range(10)), street="x" * 900)
    assert in_shell(supervisor, "custmerge export customers | head -c 10") == ([0, 0], "")


@on_sqlite_alone
@pytest.mark.parametrize("form", ["table", "json", "nagios", "prometheus"])
def test_a_reader_that_goes_away_leaves_an_audit_critical(world, supervisor, database_url, form):
    execute(database_url, "UPDATE custmerge_staff SET role = 'supervisor' WHERE name = 'ben'")
    codes, said = in_shell(supervisor, f"custmerge audit --format {form} | true")
    assert (codes[0], said) == (2, "")


@on_sqlite_alone
def test_a_connection_that_is_reset_leaves_a_difference_one(differing, agent):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as stdout:
        reader, _address = server.accept()
        # Closing it without a wait sends a reset.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reader.close()
        done = subprocess.run(
            [sys.executable, "-m", "custmerge", "diff", "20002", "--into", "10001"],
            env=agent.environ(),
            cwd=agent.folder,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@on_sqlite_alone
@pytest.mark.parametrize("unbuffered", [None, "1"])
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_reader_that_goes_away_leaves_a_difference_one(differing, agent, form, unbuffered):
    line = f"custmerge diff 20002 --into 10001 --format {form} | true"
    codes, said = in_shell(agent, line, PYTHONUNBUFFERED=unbuffered)
    assert (codes[0], said) == (1, "")


def test_a_reader_that_goes_away_leaves_a_run_with_refused_rows_seven(differing, agent):
    (agent.folder / "rows.csv").write_text("survivor,absorbed,domain,password\n10001,20002,zwei.example,wrong\n")
    (agent.folder / "rows.csv").chmod(0o600)
    codes, said = in_shell(agent, "custmerge bulk run rows.csv | true")
    assert (codes[0], said) == (7, "")


@on_sqlite_alone
def test_a_refused_command_keeps_its_code_and_its_sentence_where_nobody_reads_stdout(agent):
    codes, said = in_shell(agent, "custmerge show 99999 | true")
    assert (codes[0], "99999" in said) == (5, True)


@on_sqlite_alone
def test_a_reader_of_the_messages_may_go_away_too(agent):
    assert in_shell(agent, "custmerge show 99999 2>&1 | true")[0][0] == 5


@on_sqlite_alone
def test_messages_that_cannot_be_written_change_no_code(agent):
    assert in_shell(agent, "custmerge show 99999 2>/dev/full")[0] == [5]
    assert in_shell(agent, "custmerge bogus 2>/dev/full")[0] == [2]


@pytest.mark.parametrize("closed", [">&-", "1</dev/null"])
def test_a_closed_stdout_is_told_before_anything_is_done(differing, supervisor, world, closed):
    for line in ("token create nightly --role auditor", "export customers", "--version"):
        codes, said = in_shell(supervisor, f"custmerge {line} {closed}")
        assert (codes[-1], said.count("\n")) == (1, 1), line
        assert "nothing was done" in said
    assert supervisor("token", "list", "-f", "json").json == []
    line = "custmerge merge 20002 --into 10001 --domain zwei.example --password-stdin --adopt --yes"
    assert in_shell(supervisor.as_("ben"), f"{line} {closed} <<< pw")[0][-1] == 1
    assert world.customers()["20002"]["merged_into"] is None


@on_sqlite_alone
def test_to_a_monitor_a_closed_stdout_is_unknown(supervisor):
    for line in ("audit", "audit --format nagios"):
        assert in_shell(supervisor, f"custmerge {line} >&-")[0][-1] == 3


@on_sqlite_alone
def test_a_closed_stdout_is_one_json_error(supervisor):
    _codes, said = in_shell(supervisor, "custmerge whoami --format json >&-")
    error = json.loads(said)["error"]
    assert (error["code"], error["exit"]) == ("output_failed", 1)


@on_sqlite_alone
def test_other_closed_streams_are_silent(agent):
    assert in_shell(agent, "custmerge whoami <&-") == ([0], "")
    assert (
        subprocess.run(
            ["sh", "-c", f"{PROGRAM} whoami >&- 2>&- <&-"], env=agent.environ(), capture_output=True, check=False
        ).stderr
        == b""
    )


@pytest.mark.parametrize("lost", ["> /dev/full", "| true"])
def test_a_token_that_nobody_gets_opens_nothing(supervisor, lost):
    codes, said = in_shell(supervisor, f"custmerge token create nightly --role auditor {lost}")
    if codes[0] == 0:
        # The reader went after it had been handed over.
        return
    assert (codes[0], "nobody has it" in said) == (1, True)
    (made,) = supervisor("token", "list", "-f", "json").json
    assert made["revoked_at"] is not None


def test_a_login_whose_token_nobody_gets_is_ended(world, cli, supervisor, database_url):
    world.customer("10001", password="pw")
    codes, said = in_shell(cli, "custmerge login 10001 --password-stdin --print-token <<< pw > /dev/full")
    assert (codes[0], "nobody has it" in said) == (1, True)
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert (
            connection.exec_driver_sql("SELECT count(*) FROM custmerge_session WHERE number = '10001'").scalar() == 0
        )
    engine.dispose()


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_new_token_comes_in_the_format_that_was_asked_for(supervisor, form):
    done = supervisor("token", "create", "nightly", "--role", "auditor", "--format", form)
    assert done.code == 0
    token = {"json": lambda: done.json["token"], "csv": lambda: done.rows[0]["token"], "table": done.out.strip}[
        form
    ]()
    other = supervisor.as_("anna")
    other.token = token
    assert other("whoami", "-f", "json").json["name"] == "nightly"


def test_an_order_that_is_done_does_not_look_undone_because_the_output_is_lost(world, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    agent("verify", "20002", "--into", "10001", "--domain", "zwei.example", "--password-stdin", stdin="pw-2")
    line = [sys.executable, "-m", "custmerge", "merge", "20002", "--into", "10001", "--yes", "-f", "json"]
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        done = subprocess.run(line, env=agent.environ(), stdout=full, stderr=-1, text=True, check=False)
    error = json.loads(done.stderr)["error"]
    assert (error["code"], "what the command did stands" in error["message"]) == ("output_failed", True)
    assert agent("show", "20002", "-f", "json").json["merged_into"] == "10001"

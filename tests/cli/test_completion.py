"""What a shell is told when somebody presses Tab: words and numbers, at once, and never anything else."""

import subprocess
import sys

import pytest
from support.marks import on_sqlite_alone
from support.scenes import scene

from custmerge.cli.app import VERBS

HEAVY = {"sqlalchemy", "sqlmodel", "alembic", "keyring", "psycopg", "phonenumbers", "schwifty", "argon2", "rich"}


def completed(cli, line, by="bash", **changes):
    """Return what stands behind `line` in a shell, which wants no error and no question."""
    words = line.split(" ")
    asked = {"_CUSTMERGE_COMPLETE": f"complete_{by}", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = cli(**asked, _TYPER_COMPLETE_ARGS=line, _TYPER_COMPLETE_FISH_ACTION="get-args", **changes)
    assert (done.code, done.err) == (0, "")
    return done.out.split()


@scene
def lived(world, agent, supervisor):
    """Orders 1 and 2, of which 1 was undone; transfer 1, approved, and 2, filed."""
    world.customers_like("10001", "20002", "20003", password="pw")
    for number in ("30003", "30004"):
        world.customer(number, company="Anders GmbH")
    for number in ("20002", "20003"):
        world.package(f"P{number}", number, [f"n{number}.example"])
        proof = ("--domain", f"n{number}.example", "--password-stdin", "--yes")
        assert supervisor.in_process("merge", number, "--into", "10001", *proof, stdin="pw").code == 0
    assert supervisor.in_process("undo", "1", "--yes").code == 0
    (world.folder / "form.pdf").write_bytes(b"%PDF-")
    for number in ("30003", "30004"):
        agent.in_process("transfer", "file", number, "--into", "10001", "--form", "form.pdf")
    assert supervisor.in_process("transfer", "approve", "1", "--yes").code == 0
    return world


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("custmerge tr", ["transfer"]),
        ("custmerge --lang ", ["de", "en"]),
        ("custmerge transfer wi", ["withdraw"]),
        ("custmerge merge 2 --take m", ["mobile"]),
        ("custmerge merge 2 --fi", ["--fill"]),
        ("custmerge history --action transfer_f", ["transfer_file"]),
        ("custmerge user add ben --role s", ["supervisor"]),
        ("custmerge user role ben ", ["agent", "supervisor", "auditor"]),
        ("custmerge token create x --role au", ["auditor"]),
        ("custmerge transfer list --status v", ["void"]),
        ("custmerge audit --format n", ["nagios"]),
        ("custmerge nonsense x", []),
        ("custmerge bulk run ", []),
        ("custmerge transfer file 2 --form ", []),
    ],
)
def test_words_are_completed_and_where_there_are_none_the_shell_offers_its_files(sqlite_cli, line, words):
    assert completed(sqlite_cli, line) == words


@on_sqlite_alone
def test_numbers_are_completed_for_staff_and_for_nobody_else(lived, cli, agent, supervisor):
    lines = {
        "custmerge undo ": ["2"],
        "custmerge history --order ": ["2", "1"],
        "custmerge transfer approve ": ["2"],
        "custmerge transfer show ": ["2", "1"],
        "custmerge transfer withdraw 1": ["1"],
    }
    for line, numbers in lines.items():
        assert completed(agent, line) == numbers
    kept = supervisor.in_process("token", "create", "bot", "--role", "agent").out.strip()
    cli.token = kept
    nobody = agent.as_("nobody")
    for other in (agent.as_("nobody"), cli, agent.login("10001", "pw")):
        assert completed(other, "custmerge undo ") == []
    nobody.token = None
    assert completed(nobody, "custmerge undo ") == []
    for broken in ("nonsense:", "sqlite:///nowhere.db", "sqlite:////proc/self/mem", "postgresql://u@127.0.0.1:1/x"):
        assert completed(agent, "custmerge undo ", CUSTMERGE_DATABASE_URL=broken) == []
    assert not (agent.folder / "nowhere.db").exists()
    (agent.folder / "wrong.toml").write_text("what = 1")
    assert completed(agent, "custmerge undo ", CUSTMERGE_CONFIG="wrong.toml") == []
    line = f"custmerge --database {agent.url} undo "
    assert completed(agent, line, by="fish", CUSTMERGE_DATABASE_URL="sqlite:///x.db") == ["2"]
    assert supervisor.in_process("user", "disable", "ben", "--yes").code == 0
    assert completed(agent, "custmerge undo ") == []


def test_no_verb_loads_anything_heavy_while_it_is_completed(sqlite_cli):
    program = (
        "import os, sys\n"
        "from custmerge.cli.app import VERBS, run\n"
        "for verb in VERBS:\n"
        "    os.environ |= {'COMP_WORDS': f'custmerge {verb} x --', 'COMP_CWORD': '3'}\n"
        "    run([])\n"
        "print('MODULES', *sys.modules, file=sys.stderr)"
    )
    environ = sqlite_cli.environ(_CUSTMERGE_COMPLETE="complete_bash")
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.count("--help") >= len(VERBS) - 8
    assert not set(done.stderr.rpartition("MODULES ")[2].split()) & HEAVY

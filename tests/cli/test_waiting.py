"""What waits for a supervisor is said where they begin, and open contract transfers stand first."""

from support.databases import STAFF_PASSWORD
from support.marks import on_sqlite_alone
from support.scenes import scene

TWO = "2 contract transfers wait for your decision"
FILE = "1 approved bulk file waits to be run"
CALLER = ["kind", "number", "name", "role", "expires_at"]


@scene
def waiting(world, agent, supervisor):
    """Transfers 1 (rejected), 2 and 3 (filed by ben) and 4 (filed by anna), and a bulk file that anna approved."""
    world.customer("10001")
    for number in ("20001", "20002", "20003", "20004"):
        world.customer(number, last_name="Anders")
    world.customer("30001")
    (world.folder / "form.pdf").write_bytes(b"%PDF-1.7 signed")
    (world.folder / "pairs.csv").write_text("survivor,absorbed\n10001,30001\n")
    for number, who in (("20001", agent), ("20002", agent), ("20003", agent), ("20004", supervisor)):
        assert who("transfer", "file", number, "--into", "10001", "--form", "form.pdf").code == 0
    assert supervisor("transfer", "reject", "1", "--reason", "leer", "--yes").code == 0
    assert supervisor("bulk", "approve", "pairs.csv", "--yes").code == 0
    assert supervisor("user", "role", "ada", "supervisor").code == 0


def test_a_supervisor_is_told_what_they_may_decide_and_run(waiting, supervisor, agent, cli):
    out = supervisor("whoami").out
    # What anna filed and approved herself waits for somebody else.
    assert TWO in out
    assert "bulk" not in out
    assert list(supervisor("whoami", "-f", "json").json) == CALLER
    assert agent("whoami").out.count("\n") == 1
    done = cli("login", "--staff", "ada", "--password-stdin", "--insecure-storage", stdin=STAFF_PASSWORD)
    assert (done.code, done.out) == (0, "")
    assert "3 contract transfers wait for your decision: `custmerge transfer list`.\n" in done.err
    assert FILE in done.err
    assert supervisor("transfer", "approve", "2", "--yes").code == 0
    assert agent("bulk", "run", "pairs.csv").code == 0
    out = cli("whoami").out
    assert "2 contract transfers wait" in out
    assert "bulk" not in out


@on_sqlite_alone
def test_open_transfers_stand_first(waiting, supervisor):
    assert supervisor("transfer", "approve", "3", "--yes").code == 0

    def listed(*options):
        return [transfer["id"] for transfer in supervisor("transfer", "list", "-f", "json", *options).json]

    assert listed() == [4, 2, 3, 1]
    assert listed("--status", "rejected") == [1]
    assert listed("--status", "void") == []
    lines = supervisor("transfer", "list", COLUMNS="120").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["4", "2", "3", "1"]

"""Contract §7: which checkpoint an `audit` adds, where, and when it is believed."""

import json
import stat
import subprocess

import pytest
from support import audit_outcomes
from support.audit_outcomes import BAD, HASH, WORSE, audit_of

from custmerge.rules.history import NO_HASH

run = audit_outcomes.run


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_audit_adds_a_checkpoint_also_where_nothing_is_new(supervisor, tmp_path):
    for _ in range(2):
        assert supervisor("audit", "--only", "chain", "--only", "checkpoint", "--checkpoint", "c").code == 0
    first, second = lines(tmp_path / "c")
    assert list(first) == ["seq", "hash", "at"]
    assert (first["seq"], first["hash"]) == (second["seq"], second["hash"])
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o600


def test_a_warning_adds_a_checkpoint_and_a_critical_finding_adds_none(run, tmp_path):
    run(audit_of(WORSE), "audit", "--checkpoint", "c")
    assert not (tmp_path / "c").exists()
    run(audit_of(BAD), "audit", "--checkpoint", "c")
    assert [line["seq"] for line in lines(tmp_path / "c")] == [123]


@pytest.mark.parametrize("options", [("--skip", "chain"), ("--skip", "checkpoint"), ("--only", "forms")])
def test_what_was_not_looked_at_gives_no_checkpoint(run, tmp_path, options):
    code, _, err = run(audit_of(), "audit", "--checkpoint", "c", *options)
    assert (code, (tmp_path / "c").exists()) == (0, False)
    assert "No checkpoint was added" in err


def test_a_dash_prints_the_checkpoint_as_the_last_line(run):
    for form in ("table", "json", "nagios"):
        last = json.loads(run(audit_of(), "audit", "-f", form, "--checkpoint", "-")[1].splitlines()[-1])
        assert (last["seq"], last["hash"]) == (123, HASH)
    (alone,) = run(audit_of(), "--quiet", "audit", "--checkpoint", "-")[1].splitlines()
    assert json.loads(alone)["seq"] == 123


def test_a_checkpoint_file_that_cannot_be_written_is_told(run):
    code, out, err = run(audit_of(), "audit", "--checkpoint", "nowhere/c")
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, err = run(audit_of(), "audit", "--checkpoint", "nowhere/c", "-f", "nagios")
    assert (code, out.count("\n"), err) == (3, 1, "")
    assert out.startswith("CUSTMERGE UNKNOWN - nowhere/c: ")


@pytest.fixture
def keys(tmp_path):
    for name in ("mine", "other"):
        make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem"]
        subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
        (tmp_path / f"{name}.pem").chmod(0o600)
        public = ["openssl", "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub"]
        subprocess.run(public, cwd=tmp_path, check=True)


def test_signed_checkpoints_are_verified(run, keys, tmp_path):
    for _ in range(3):
        signed = ("--checkpoint", "c", "--sign-key", "mine.pem", "--verify-key", "mine.pub")
        assert run(audit_of(), "audit", *signed)[0] == 0
    assert [list(line) for line in lines(tmp_path / "c")] == [["seq", "hash", "at", "signature"]] * 3


@pytest.mark.parametrize("wrong", [(), ("--sign-key", "other.pem")])
def test_an_unsigned_line_and_one_that_somebody_else_signed_are_critical(run, keys, tmp_path, wrong):
    run(audit_of(), "audit", "--checkpoint", "c", "--sign-key", "mine.pem")
    run(audit_of(), "audit", "--checkpoint", "c", *wrong)
    code, out, _ = run(audit_of(), "audit", "-f", "json", "--checkpoint", "c", "--verify-key", "mine.pub")
    (finding,) = json.loads(out)["findings"]
    assert (code, finding["check"], finding["subject"]) == (2, "checkpoint", "checkpoint line 2")
    assert len(lines(tmp_path / "c")) == 2


def test_many_wrong_signatures_are_counted(run, keys, tmp_path):
    shape = {"seq": 1, "hash": NO_HASH, "at": "2026-01-31T08:00:00Z"}
    (tmp_path / "c").write_text((json.dumps(shape) + "\n") * 150)
    document = json.loads(run(audit_of(), "audit", "-f", "json", "--checkpoint", "c", "--verify-key", "mine.pub")[1])
    assert (len(document["findings"]), document["checks"][1]["findings"]) == (100, 150)


def test_a_key_that_others_can_read_is_refused(run, keys, tmp_path):
    (tmp_path / "mine.pem").chmod(0o644)
    assert run(audit_of(), "audit", "--checkpoint", "c", "--sign-key", "mine.pem")[:2] == (2, "")
    assert not (tmp_path / "c").exists()


def test_a_changed_checkpoint_file_is_critical(world, supervisor, tmp_path):
    world.customer("10001")
    supervisor("audit", "--checkpoint", "c")
    line = json.loads((tmp_path / "c").read_text())
    (tmp_path / "c").write_text(json.dumps({**line, "hash": HASH}) + "\n")
    done = supervisor("audit", "--checkpoint", "c", "-f", "json")
    assert done.code == 2
    assert "checkpoint" in {finding["check"] for finding in done.json["findings"]}
    assert len(lines(tmp_path / "c")) == 1

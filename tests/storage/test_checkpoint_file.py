"""The checkpoint file: append-only, locked, on the disk; torn lines are passed over; signatures."""

import json
import multiprocessing
import os
import resource
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from custmerge.errors import BadFile, LooseFile
from custmerge.rules.audit import Checkpoint, checkpoint_line
from custmerge.storage.files import checkpoint_file
from custmerge.storage.files.checkpoint_file import append, numbered, read

PROCESSES = multiprocessing.get_context("fork")


def checkpoint(seq, signature=None):
    return Checkpoint(seq, f"{seq:064x}", "2026-01-31T08:00:00Z", signature)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "checkpoints")


@pytest.fixture
def filled(path):
    """A file with three lines."""
    for seq in (1, 5, 9):
        append(path, checkpoint(seq))
    return path


def seqs(path):
    return [found.seq for found in read(path)]


def write(path, *lines):
    with Path(path).open("w") as file:
        file.write("\n".join(lines))


def test_a_file_that_everybody_may_write_is_not_used(tmp_path):
    path = tmp_path / "points"
    path.touch()
    path.chmod(0o666)
    with pytest.raises(LooseFile):
        list(read(str(path)))


def test_a_file_that_is_not_there_has_no_checkpoints(path):
    assert list(read(path)) == []


def test_checkpoints_come_back_oldest_first(filled):
    assert list(read(filled)) == [checkpoint(1), checkpoint(5), checkpoint(9)]


def test_reading_is_streamed(filled):
    found = read(filled)
    assert next(found) == checkpoint(1)


def test_a_new_file_belongs_to_its_owner_alone(filled):
    assert stat.S_IMODE(Path(filled).stat().st_mode) == 0o600


def test_the_mode_of_a_file_that_is_there_stays(filled):
    Path(filled).chmod(0o640)
    append(filled, checkpoint(10))
    assert stat.S_IMODE(Path(filled).stat().st_mode) == 0o640


def test_no_file_is_left_beside_it(filled, tmp_path):
    assert [child.name for child in tmp_path.iterdir()] == ["checkpoints"]


def test_the_same_head_may_be_audited_again(filled):
    append(filled, checkpoint(9))
    assert seqs(filled) == [1, 5, 9, 9]


def test_an_audit_that_ends_after_a_later_one_adds_nothing(filled):
    append(filled, checkpoint(7))
    assert seqs(filled) == [1, 5, 9]


@pytest.mark.parametrize("length", [0, 1, 8, 9, 30, 90, len(checkpoint_line(checkpoint(10))) - 1])
def test_a_line_that_a_crash_tore_is_passed_over(filled, length):
    with Path(filled).open("a") as file:
        file.write(checkpoint_line(checkpoint(10))[:length])
    assert seqs(filled) == [1, 5, 9]
    append(filled, checkpoint(11))
    append(filled, checkpoint(12))
    assert seqs(filled) == [1, 5, 9, 11, 12]


@pytest.mark.parametrize("length", [0, 30, len(checkpoint_line(checkpoint(10)))])
def test_zeros_that_a_crash_left_are_passed_over(filled, length):
    with Path(filled).open("ab") as file:
        file.write(checkpoint_line(checkpoint(10))[:length].encode() + bytes(5_000))
    before = seqs(filled)
    assert before == [1, 5, 9, 10][: len(before)]
    append(filled, checkpoint(11))
    assert seqs(filled) == [*before, 11]


def test_a_line_without_its_end_counts_and_stays_whole(path):
    write(path, checkpoint_line(checkpoint(3)))
    append(path, checkpoint(4))
    assert seqs(path) == [3, 4]


def test_lines_are_numbered_as_an_editor_does(path):
    third, fourth, fifth = (checkpoint_line(checkpoint(seq)) for seq in (3, 4, 5))
    write(path, third, fourth[:20], fifth, "")
    assert [(number, found.seq) for number, found in numbered(path)] == [(1, 3), (3, 5)]


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense",
        "\xff",
        json.dumps({"seq": -1, "hash": "0" * 64, "at": "2026-01-31T08:00:00Z"}),
        json.dumps({"seq": 2, "hash": "F" * 64, "at": "2026-01-31T08:00:00Z"}),
        checkpoint_line(checkpoint(2)) + checkpoint_line(checkpoint(3)),
        checkpoint_line(checkpoint(2))[:50] + "x",
        "x" * 10_000_000,
    ],
)
def test_a_line_of_another_kind_is_named(path, wrong):
    write(path, checkpoint_line(checkpoint(1)), wrong, checkpoint_line(checkpoint(4)))
    with pytest.raises(BadFile) as error:
        list(read(path))
    assert error.value.details["file"] == f"{path}:2"


def test_a_line_that_goes_back_is_named(path):
    write(path, checkpoint_line(checkpoint(5)), checkpoint_line(checkpoint(4)))
    with pytest.raises(BadFile) as error:
        list(read(path))
    assert error.value.details["file"] == f"{path}:2"


def _append_many(path, first, count):
    for seq in range(first, first + count):
        append(path, checkpoint(seq))


def test_two_processes_that_append_at_once_lose_nothing_and_tear_nothing(path):
    writers = [PROCESSES.Process(target=_append_all_alike, args=(path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
    assert seqs(path) == [7] * 100


def _append_all_alike(path):
    for _ in range(50):
        append(path, checkpoint(7))


def test_a_writer_that_was_killed_leaves_a_file_that_can_be_read_and_appended_to(path):
    for round_ in range(5):
        writer = PROCESSES.Process(target=_append_many, args=(path, round_ * 1_000_000, 1_000_000))
        writer.start()
        time.sleep(0.05)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        found = seqs(path)
        assert found == sorted(found)
    append(path, checkpoint(10_000_000))
    assert seqs(path)[-1] == 10_000_000


def test_a_writer_waits_for_another(filled):
    import fcntl

    with Path(filled).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # A process that is forked here would hold the lock too.
        writer = threading.Thread(target=append, args=(filled, checkpoint(10)))
        writer.start()
        time.sleep(0.2)
        assert seqs(filled) == [1, 5, 9]
    writer.join(300)
    assert seqs(filled) == [1, 5, 9, 10]


@pytest.mark.parametrize("place", ["/dev/full", "/proc/version", "/nowhere/checkpoints", "{folder}", "{file}/x"])
def test_a_file_that_cannot_be_written_is_one_sentence(filled, tmp_path, place):
    with pytest.raises(BadFile) as error:
        append(place.format(folder=tmp_path, file=filled), checkpoint(10))
    assert "can't be written" in str(error.value)


def test_a_disk_that_is_full_in_the_middle_of_a_line_is_one_sentence_and_loses_nothing(filled):
    before = Path(filled).stat().st_size

    def write_with_little_room(said):
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 20, before + 20))
        try:
            append(filled, checkpoint(10))
        except BadFile as error:
            said.put(str(error))

    said = PROCESSES.Queue()
    writer = PROCESSES.Process(target=write_with_little_room, args=(said,))
    writer.start()
    assert "can't be written" in said.get(timeout=300)
    writer.join()
    assert Path(filled).stat().st_size == before + 20
    assert seqs(filled) == [1, 5, 9]
    append(filled, checkpoint(11))
    assert seqs(filled) == [1, 5, 9, 11]


def test_a_folder_in_place_of_a_file_cannot_be_read(tmp_path):
    with pytest.raises(BadFile, match="can't be read"):
        list(read(str(tmp_path)))


def test_a_pipe_takes_a_line_and_has_none(path):
    os.mkfifo(path)
    assert list(read(path)) == []
    reader = subprocess.Popen(["head", "-n", "1", path], stdout=subprocess.PIPE, text=True)
    append(path, checkpoint(3))
    assert reader.communicate(timeout=300)[0] == checkpoint_line(checkpoint(3)) + "\n"


def test_a_pipe_that_nobody_reads_is_waited_for_and_then_an_error(path, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "WAIT_AT_MOST_SECONDS", 0.2)
    os.mkfifo(path)
    with pytest.raises(BadFile, match="can't be written"):
        append(path, checkpoint(3))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two Ed25519 pairs, one of RSA, and one with a passphrase, as openssl makes them."""
    folder = tmp_path_factory.mktemp("keys")
    kinds = {
        "mine": ["ed25519"],
        "other": ["ed25519"],
        "rsa": ["rsa"],
        "locked": ["ed25519", "-aes256", "-pass", "pass:x"],
    }
    for name, options in kinds.items():
        private = folder / f"{name}.pem"
        make = ["openssl", "genpkey", "-out", private, "-algorithm", *options]
        subprocess.run(make, check=True, capture_output=True)
        private.chmod(0o600)
        public = ["openssl", "pkey", "-in", private, "-passin", "pass:x", "-pubout", "-out", folder / f"{name}.pub"]
        subprocess.run(public, check=True, capture_output=True)
        (folder / f"{name}.pub").chmod(0o600)
    return lambda name: str(folder / name)


def test_a_signed_checkpoint_comes_back_and_its_signature_is_right(path, keys):
    append(path, checkpoint_file.signer(keys("mine.pem"), {})(checkpoint(3)))
    (found,) = read(path)
    assert checkpoint_file.verifier(keys("mine.pub"))(found)


def test_a_signature_can_be_verified_by_openssl_alone(keys, tmp_path):
    import base64

    found = checkpoint_file.signer(keys("mine.pem"), {})(checkpoint(3))
    (tmp_path / "signature").write_bytes(base64.b64decode(found.signature))
    (tmp_path / "text").write_text(f'{{"at":"{found.at}","hash":"{found.hash}","seq":{found.seq}}}')
    check = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", keys("mine.pub"), "-in", "text"]
    subprocess.run([*check, "-sigfile", "signature"], cwd=tmp_path, check=True, capture_output=True)


def test_a_torn_signed_line_is_passed_over(path, keys):
    whole = checkpoint_line(checkpoint_file.signer(keys("mine.pem"), {})(checkpoint(3)))
    write(path, whole[:-10], whole, "")
    assert seqs(path) == [3]


@pytest.mark.parametrize("change", [{"seq": 4}, {"hash": "1" * 64}, {"at": "2026-01-31T08:00:01Z"}])
def test_a_changed_checkpoint_has_a_wrong_signature(keys, change):
    from dataclasses import replace

    found = checkpoint_file.signer(keys("mine.pem"), {})(checkpoint(3))
    assert not checkpoint_file.verifier(keys("mine.pub"))(replace(found, **change))


@pytest.mark.parametrize("signature", [None, "", "AAAA", "nonsense!", "ä", "A" * 86 + "=="])
def test_what_is_no_signature_is_a_wrong_one(keys, signature):
    assert not checkpoint_file.verifier(keys("mine.pub"))(checkpoint(3, signature))


def test_a_signature_of_somebody_else_is_a_wrong_one(keys):
    assert not checkpoint_file.verifier(keys("mine.pub"))(
        checkpoint_file.signer(keys("other.pem"), {})(checkpoint(3))
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine.pub", "isn't a private key"),
        ("rsa.pem", "isn't an Ed25519 key"),
        ("locked.pem", "passphrase"),
        ("nowhere.pem", "no such file"),
        ("", "no such file"),
    ],
)
def test_a_key_that_cannot_sign_is_one_sentence(keys, name, says):
    with pytest.raises(BadFile, match=says):
        checkpoint_file.signer(keys(name), {})


@pytest.mark.parametrize(
    ("name", "says"),
    [("mine.pem", "isn't a public key"), ("rsa.pub", "isn't an Ed25519 key"), ("nowhere.pub", "no such file")],
)
def test_a_key_that_cannot_verify_is_one_sentence(keys, name, says):
    with pytest.raises(BadFile, match=says):
        checkpoint_file.verifier(keys(name))(checkpoint(3))


def test_a_public_key_that_everybody_can_change_proves_nothing(keys, tmp_path):
    key = tmp_path / "loose.pub"
    key.write_bytes(Path(keys("mine.pub")).read_bytes())
    key.chmod(0o646)
    with pytest.raises(LooseFile, match="others can change it"):
        checkpoint_file.verifier(str(key))(checkpoint(3))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
def test_a_private_key_that_others_can_read_is_refused(keys, tmp_path, mode):
    loose = tmp_path / "loose.pem"
    loose.write_bytes(Path(keys("mine.pem")).read_bytes())
    loose.chmod(mode)
    with pytest.raises(BadFile) as error:
        checkpoint_file.signer(str(loose), {})
    assert error.value.details["mode"] == f"{mode:04o}"


def test_a_private_key_that_systemd_hands_over_is_taken_whatever_its_mode(keys, tmp_path):
    credential = tmp_path / "custmerge-sign-key"
    credential.write_bytes(Path(keys("mine.pem")).read_bytes())
    credential.chmod(0o440)
    sign = checkpoint_file.signer(str(credential), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert checkpoint_file.verifier(keys("mine.pub"))(sign(checkpoint(3)))

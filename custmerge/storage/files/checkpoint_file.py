"""The checkpoint file: lines are appended and never changed; a line that a crash cut off is skipped.

Lines can be signed: Ed25519, keys as PEM files. Source: RFC 8032, RFC 8410.
"""

from __future__ import annotations

import base64
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from custmerge import files
from custmerge.errors import N_, BadFile, LooseFile
from custmerge.rules.audit import Checkpoint, checkpoint_line, is_torn_line, read_checkpoint, signed_text

LONGEST_LINE = 1_000
"""In bytes; a signed line has about 230."""
WAIT_AT_MOST_SECONDS = 30
LOOK_AGAIN_AFTER_SECONDS = 0.02
LARGEST_KEY_FILE = 16_384
"""In bytes; an Ed25519 key in PEM has about 120."""
_OTHERS = 0o077


def read(path: str) -> Iterator[Checkpoint]:
    """Yield the checkpoints of a file, oldest first; none if there is no file, and none for a pipe or a device.

    Raises BadFile, naming the line, for a line that is neither a checkpoint nor cut off, and for a seq below the one
    before it.
    """
    for _number, checkpoint in numbered(path):
        yield checkpoint


def numbered(path: str) -> Iterator[tuple[int, Checkpoint]]:
    """Yield the checkpoints of a file as `read` does, each with the number of its line, from 1."""
    _demand_no_link(path)
    try:
        with files.regular(path, follow=False) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & stat.S_IWOTH:
                # Only a checkpoint that nobody changed shows that the history was rewritten.
                raise LooseFile(file=path, mode=f"{mode:04o}", why=N_("others can change it"))
            yield from _lines(path, file)
    except (FileNotFoundError, files.NotRegular):
        return
    except OSError as error:
        raise files.unreadable(path, error) from None


def _demand_no_link(path: str) -> None:
    # By a link in place of the file, another user could have lines written to any file.
    if os.path.islink(path):  # noqa: PTH114 (`path` is a text)
        raise BadFile(file=path, why=N_("is a symbolic link: name the file itself"))


def append(path: str, new: Checkpoint) -> None:
    """Append a checkpoint to a file and return when it is on the disk; makes the file if there is none.

    Nothing is written if the file already has a later entry, because two audits ended in the other order. Raises
    BadFile if the file can't be written.
    """
    _demand_no_link(path)
    files.demand_no_database(path)
    try:
        descriptor = _opened(path)
        try:
            if _is_special(os.fstat(descriptor).st_mode):
                # A pipe or a device has nothing to lock, read or flush: its reader stores the line.
                _write(descriptor, checkpoint_line(new) + "\n")
            else:
                _append_locked(path, descriptor, new)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise files.unwritable(path, error) from None


def _lines(path: str, file: BinaryIO) -> Iterator[tuple[int, Checkpoint]]:
    number = last = 0
    while raw := file.readline(LONGEST_LINE):
        number += 1
        text = _text(raw.removesuffix(b"\n"))
        try:
            checkpoint = read_checkpoint(text)
        except ValueError:
            if not is_torn_line(text):
                raise BadFile(file=f"{path}:{number}", why=N_("isn't a line of a checkpoint file")) from None
            continue
        if checkpoint.seq < last:
            why = N_("its entry {seq} is before {last}, that of a line above it")
            raise BadFile(file=f"{path}:{number}", why=why, seq=checkpoint.seq, last=last)
        last = checkpoint.seq
        yield number, checkpoint


def _is_special(mode: int) -> bool:
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _opened(path: str) -> int:
    with suppress(FileNotFoundError):
        if _is_special(os.stat(path).st_mode):  # noqa: PTH116
            return _opened_for_a_reader(path)
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _opened_for_a_reader(path: str) -> int:
    """Open a device, or a pipe as soon as it has a reader, for writing; raises OSError if no reader comes."""
    until = time.monotonic() + WAIT_AT_MOST_SECONDS
    while True:
        try:
            # Not opened for reading: otherwise a pipe without a reader would take the line, and it would be lost.
            return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > until:
                raise
        time.sleep(LOOK_AGAIN_AFTER_SECONDS)


def _append_locked(path: str, descriptor: int, new: Checkpoint) -> None:
    with _lock(path, descriptor):
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, LONGEST_LINE, max(0, size - LONGEST_LINE))
        if _last_seq(tail) > new.seq:
            return
        begin = "\n" if tail and not tail.endswith(b"\n") else ""
        _write(descriptor, f"{begin}{checkpoint_line(new)}\n")
        os.fsync(descriptor)
        if size == 0:
            # The file's name has to be on the disk, too, whoever made the file.
            _sync_folder(path)


@contextmanager
def _lock(path: str, descriptor: int) -> Iterator[None]:
    """Lock the file against other writers; the lock ends with the block, or if the process is killed."""
    import fcntl

    until = time.monotonic() + WAIT_AT_MOST_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise BadFile(file=path, why=N_("somebody else is writing to it, and doesn't end")) from None
            time.sleep(LOOK_AGAIN_AFTER_SECONDS)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _last_seq(tail: bytes) -> int:
    """Return the seq of the last checkpoint in the end of a file, -1 if there is none."""
    for raw in reversed(tail.split(b"\n")):
        with suppress(ValueError):
            return read_checkpoint(_text(raw)).seq
    return -1


def _text(raw: bytes) -> str:
    # A crash may leave zeros at the end: the file's size had reached the disk, but its data hadn't.
    return raw.rstrip(b"\0").decode("ascii", "replace")


def _write(descriptor: int, text: str) -> None:
    # One write, so that a crash leaves at most the beginning of one line.
    if os.write(descriptor, text.encode()) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY)  # noqa: PTH120
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def signer(key_file: str, environ: Mapping[str, str]) -> Callable[[Checkpoint], Checkpoint]:
    """Return a function that signs with the private key in a file: PEM, Ed25519, without a passphrase.

    Raises BadFile if the file holds no such key, or others can read it. A key in systemd's $CREDENTIALS_DIRECTORY can
    only be read by this process, whatever its mode looks like, because systemd gives the right by an ACL.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem, mode = _content(key_file)
    if mode & _OTHERS and not _is_credential(key_file, environ):
        why = N_("others can read this private key (mode {mode}): chmod 600, and think about a new one")
        raise BadFile(file=key_file, why=why, mode=f"{mode:04o}")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        why = N_("the key has a passphrase that nobody could type at night: make one without")
        raise BadFile(file=key_file, why=why) from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadFile(file=key_file, why=N_("isn't a private key in PEM")) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadFile(file=key_file, why=N_("isn't an Ed25519 key"))

    def sign(new: Checkpoint) -> Checkpoint:
        return replace(new, signature=base64.b64encode(key.sign(signed_text(new).encode())).decode())

    return sign


def verifier(key_file: str) -> Callable[[Checkpoint], bool]:
    """Return a function that says whether a checkpoint was signed with the key to a public key file (PEM, Ed25519).

    A missing or malformed signature is a wrong one. Raises BadFile if the file holds no such key, LooseFile if
    everybody can change it.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem, mode = _content(key_file)
    if mode & stat.S_IWOTH:
        # With another key in its place, anybody could sign a forged history.
        raise LooseFile(file=key_file, mode=f"{mode:04o}", why=N_("others can change it"))
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadFile(file=key_file, why=N_("isn't a public key in PEM")) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadFile(file=key_file, why=N_("isn't an Ed25519 key"))

    def is_right(checkpoint: Checkpoint) -> bool:
        try:
            signature = base64.b64decode(checkpoint.signature or "", validate=True)
            key.verify(signature, signed_text(checkpoint).encode())
        except (ValueError, InvalidSignature):
            return False
        return True

    return is_right


def _is_credential(key_file: str, environ: Mapping[str, str]) -> bool:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and Path(key_file).resolve().is_relative_to(Path(folder or "").resolve())


def _content(key_file: str) -> tuple[bytes, int]:
    """Return the content of a key file, and its mode; raises BadFile."""
    try:
        with files.regular(key_file) as file:
            return file.read(LARGEST_KEY_FILE), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except (FileNotFoundError, IsADirectoryError):
        raise BadFile(file=key_file, why=N_("no such file")) from None
    except OSError as error:
        raise files.unreadable(key_file, error) from None

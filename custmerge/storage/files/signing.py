"""Signatures of checkpoints: Ed25519, keys as PEM files. Source: RFC 8032, RFC 8410."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from custmerge import files
from custmerge.errors import N_, BadFile, LooseFile
from custmerge.rules.audit import Checkpoint, signed_text

LARGEST_KEY_FILE = 16_384
"""In bytes; an Ed25519 key in PEM has about 120."""
_OTHERS = 0o077


def signer(key_file: str, environ: Mapping[str, str]) -> Callable[[Checkpoint], Checkpoint]:
    """Return what signs with the private key in a file: PEM, Ed25519, without a passphrase.

    Raises BadFile where the file holds no such key, or others can read it. What systemd handed over in
    $CREDENTIALS_DIRECTORY is for this process alone, whatever its mode looks like (it gives rights by an ACL).
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
    """Return what says whether a checkpoint was signed by the owner of the public key in a file (PEM, Ed25519).

    No signature, and what is none, is a wrong one. Raises BadFile where the file holds no such key, LooseFile where
    everybody can change it.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem, mode = _content(key_file)
    if mode & stat.S_IWOTH:
        # Whoever puts another key in its place signs a past of their own.
        raise LooseFile(file=key_file, mode=f"{mode:04o}", why=N_("others can change it"))
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadFile(file=key_file, why=N_("isn't a public key in PEM")) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadFile(file=key_file, why=N_("isn't an Ed25519 key"))

    def is_right(found: Checkpoint) -> bool:
        try:
            signature = base64.b64decode(found.signature or "", validate=True)
            key.verify(signature, signed_text(found).encode())
        except (ValueError, InvalidSignature):
            return False
        return True

    return is_right


def _is_credential(key_file: str, environ: Mapping[str, str]) -> bool:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and Path(key_file).resolve().is_relative_to(Path(folder or "").resolve())


def _content(key_file: str) -> tuple[bytes, int]:
    """Return what is in a key's file, and its mode; raises BadFile."""
    try:
        with files.regular(key_file) as file:
            return file.read(LARGEST_KEY_FILE), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except (FileNotFoundError, IsADirectoryError):
        raise BadFile(file=key_file, why=N_("no such file")) from None
    except OSError as error:
        raise files.unreadable(key_file, error) from None

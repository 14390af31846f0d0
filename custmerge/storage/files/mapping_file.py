"""A mapping's file: nobody else can have written what is read, for its SQL runs with the caller's rights."""

from __future__ import annotations

import os
import stat

from custmerge import files
from custmerge.errors import N_, BadFile, LooseFile, OthersFile

LARGEST = 1 << 20
_OTHERS_WRITE = 0o022


def read_text(path: str) -> str:
    """Return the text of a mapping's file.

    Raises BadFile for a file that can't be read or isn't UTF-8, OthersFile for one that belongs neither to the caller
    nor to root, LooseFile for one that others may write.
    """
    try:
        with files.regular(path) as file:
            status, content = os.fstat(file.fileno()), file.read(LARGEST + 1)
    except OSError as error:
        raise files.unreadable(path, error) from None
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, os.geteuid()):
        raise OthersFile(file=path, owner=status.st_uid)
    if mode & _OTHERS_WRITE:
        raise LooseFile(file=path, mode=f"{mode:04o}", why=N_("others can change it"))
    if len(content) > LARGEST:
        raise files.too_large(path, LARGEST)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(file=path, why=N_("isn't UTF-8")) from None

"""The checkpoint file of an audit, with the keys that sign its lines and verify them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from custmerge.errors import N_
from custmerge.rules.audit import Audit, Checked, CheckName, Checkpoint, Findings, Verdict
from custmerge.rules.times import stamp
from custmerge.storage.files import checkpoint_file

_UNSIGNED = N_("this line of {file} isn't signed: find out who wrote it, and restore the file from a copy")
_WRONG = N_("the signature of this line of {file} is wrong: find out who wrote it, and restore the file from a copy")


class CheckpointBook:
    """A checkpoint file, or None where the lines go somewhere else and nothing is read."""

    def __init__(
        self, path: str | None, *, sign_key: str | None, verify_key: str | None, environ: Mapping[str, str]
    ) -> None:
        """Load the keys, so that a wrong one is told before the audit. Raises BadFile."""
        self._path = path
        self._sign = checkpoint_file.signer(sign_key, environ) if sign_key else None
        self._is_right = checkpoint_file.verifier(verify_key) if verify_key else None

    @property
    def checkpoints(self) -> Callable[[], Iterator[Checkpoint]] | None:
        """What reads the file anew, oldest first; None where there is none. It raises BadFile."""
        path = self._path
        return None if path is None else lambda: checkpoint_file.read(path)

    def verified(self, done: Audit) -> Audit:
        """Return an audit with a finding besides for each line that isn't signed as it should be.

        Nothing is added without a key, or where the check was left out. Raises BadFile.
        """
        if self._is_right is None or self._path is None:
            return done
        path, is_right = self._path, self._is_right
        checks = [
            _with_wrong_lines(checked, path, is_right) if checked.check is CheckName.CHECKPOINT else checked
            for checked in done.checks
        ]
        return replace(done, checks=checks)

    def following(self, done: Audit, now: datetime) -> Checkpoint | None:
        """Return the checkpoint, signed where there is a key, that an audit of the moment `now` gives.

        None where it gives none: what was found is critical, or what a checkpoint stands for, that everything
        up to it is right, wasn't looked at.
        """
        looked_at = {checked.check for checked in done.checks}
        needed = {CheckName.CHAIN} if self._path is None else {CheckName.CHAIN, CheckName.CHECKPOINT}
        if done.verdict is Verdict.CRITICAL or not needed <= looked_at:
            return None
        new = Checkpoint(done.head.seq, done.head.hash, stamp(now), None)
        return new if self._sign is None else self._sign(new)

    def keep(self, new: Checkpoint) -> None:
        """Append a checkpoint to the file, if there is one; raises BadFile."""
        if self._path is not None:
            checkpoint_file.append(self._path, new)


def _with_wrong_lines(checked: Checked, path: str, is_right: Callable[[Checkpoint], bool]) -> Checked:
    """Return a check with a finding besides for each line of a file that isn't signed as it should be."""
    findings = Findings(list(checked.findings), Counter({checked.check: checked.count}))
    for number, checkpoint in checkpoint_file.numbered(path):
        if not is_right(checkpoint):
            message = _UNSIGNED if checkpoint.signature is None else _WRONG
            findings.add(checked.check, f"checkpoint line {number}", message, file=path)
    return findings.checked(checked.check)

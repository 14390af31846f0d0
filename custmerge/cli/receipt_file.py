"""The file of `merge --receipt`: looked at before anything is merged, written after each order."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from custmerge import files
from custmerge.cli.drawing import as_text
from custmerge.cli.language import _
from custmerge.cli.render.data.writing import whole_file
from custmerge.cli.render.text.receipt import receipt_page, receipt_text
from custmerge.errors import N_, BadFile, BadUsage, ReceiptLost
from custmerge.rules.undo_limits import UndoLimits
from custmerge.services.orders import Receipt

TEXT, PAGE = ".txt", ".html"
LETTER_WIDTH = 78
"""Columns that every mail program shows without breaking a line itself."""


class ReceiptFile:
    """A file that gets the receipts of the orders of one run."""

    def __init__(self, path: str) -> None:
        """Look at the place; raises BadUsage for another kind of file, BadFile where none can be written there."""
        self.path = path
        self._kind = Path(path).suffix.lower()
        self._receipts: list[tuple[Receipt, UndoLimits]] = []
        if self._kind not in (TEXT, PAGE):
            problem = _("--receipt {file}: a receipt is a .txt or an .html file, name one of them.")
            raise BadUsage(problem=problem.format(file=path))
        try:
            number, temporary = files.beside(path)
        except OSError as error:
            raise files.unwritable(path, error) from None
        os.close(number)
        temporary.unlink()
        if Path(path).exists():
            # It may be another customer's receipt.
            raise BadFile(file=path, why=N_("is there already: name another file"))

    def add(self, receipt: Receipt, limits: UndoLimits) -> None:
        """Write the receipts of the run, this one at their end; raises ReceiptLost: the order is executed.

        Ctrl-C has to wait meanwhile, for the same reason.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._add(receipt, limits)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _add(self, receipt: Receipt, limits: UndoLimits) -> None:
        self._receipts.append((receipt, limits))
        if self._kind == PAGE:
            document = receipt_page(self._receipts, os.environ["LANGUAGE"])
        else:
            document = as_text(receipt_text(self._receipts), LETTER_WIDTH)
        try:
            with whole_file(self.path) as file:
                file.write(document)
        except BadFile as error:
            raise ReceiptLost(order=receipt.order, **error.details) from None

"""Lets Ctrl-C end a statement of DuckDB."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

_AGAIN_SECONDS = 0.2
"""A statement that has only begun isn't there to be interrupted yet."""


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt`, from another thread, as soon as and as long as Ctrl-C is pressed in a block.

    Python raises KeyboardInterrupt when its main thread comes back from a library, and DuckDB's comes back when the
    statement ends, be it in an hour. The system, though, writes a signal's number into a socket at once.
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals aren't its business.
        yield
        return
    reader, writer = socket.socketpair()
    with closing(reader), closing(writer):
        writer.setblocking(False)
        watcher = threading.Thread(target=_watch, args=(reader, interrupt))
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            writer.shutdown(socket.SHUT_WR)
            watcher.join()


def _watch(reader: socket.socket, interrupt: Callable[[], None]) -> None:
    """Wait for the number of the signal, and then for the end of the block."""
    while numbers := reader.recv(1):
        if signal.SIGINT in numbers:
            reader.settimeout(_AGAIN_SECONDS)
            break
    while numbers:
        interrupt()
        try:
            numbers = reader.recv(1)
        except TimeoutError:
            continue

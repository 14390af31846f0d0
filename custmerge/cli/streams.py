"""Standard streams: output without a reader is dropped, and a closed stdout is known before anything is written."""

from __future__ import annotations

import fcntl
import io
import os
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeGuard, TypeVar

from custmerge.cli.language import SafeText, visible
from custmerge.files import WaitingFile, unreadable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

T = TypeVar("T")
STDIN, STDOUT, STDERR = 0, 1, 2


class _Input(WaitingFile):
    """Standard input's file descriptor; an error of reading is a BadFile, as for any file."""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read like a file; raises BadFile."""
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise unreadable("-", error) from None


class _Output(WaitingFile):
    """A stream's file descriptor. What is written to it is dropped once its reader has gone."""

    is_unread = False
    lost: type[OSError] | tuple[type[OSError], ...] = (BrokenPipeError, ConnectionResetError)
    """Errors that mean that the reader has gone."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write like a file, but never raise what is `lost`: a verdict doesn't depend on who reads it."""
        if not self.is_unread:
            try:
                return super().write(data)
            except self.lost:
                self.is_unread = True
            except KeyboardInterrupt:
                # At its end Python writes what is left in the buffer, and would wait as long.
                self.is_unread = True
                raise
        return memoryview(data).nbytes


class _Messages(_Output):
    """Standard error's file descriptor; if it can't be written to, there is no place to say so."""

    lost = OSError


def open_streams() -> bool:
    """Make the standard streams ready; returns whether something can be written to stdout.

    A closed stream gets a place to go, so that no file that is opened later takes its descriptor. Output that a
    terminal can't show is written as the number of its character.
    """
    can_write = sys.stdout is not None and _is_writable(sys.stdout)
    for descriptor, name, mode in ((STDIN, "stdin", "r"), (STDOUT, "stdout", "w"), (STDERR, "stderr", "w")):
        # Python leaves None in the place of a closed stream.
        if getattr(sys, name) is None and os.open(os.devnull, os.O_RDWR) == descriptor:
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
    if (text := sys.stdin) is not None and _is_pythons_own(text, STDIN):
        buffer = io.BufferedReader(_Input(STDIN, closefd=False))
        # Bytes that aren't text in this encoding are kept; the code that asked for a text refuses them.
        sys.stdin = io.TextIOWrapper(buffer, text.encoding, errors="surrogateescape")
    sys.stdout = _without_reader_errors(sys.stdout, STDOUT)
    sys.stderr = _without_reader_errors(sys.stderr, STDERR)
    return can_write


def stdout() -> TextIO:
    """Return standard output as data needs it: UTF-8, line ends as they are written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    return sys.stdout


def write_text(text: SafeText) -> None:
    """Write a text to stdout."""
    stdout().write(text)


def write_value(value: str) -> None:
    """Write a value as a line to stdout: as it is for a program, made visible on a terminal."""
    sys.stdout.write(f"{visible(value) if sys.stdout.isatty() else value}\n")


def write_lines(lines: Iterable[SafeText]) -> None:
    """Write lines to stdout, as they come."""
    stdout().writelines(f"{line}\n" for line in lines)


def flushed(rows: Iterable[T]) -> Iterator[T]:
    """Give rows to a writer of stdout, which is flushed before each next row is waited for."""
    stdout().flush()
    for row in rows:
        yield row
        sys.stdout.flush()


def is_unread(out: TextIO) -> bool:
    """Return whether the reader of a stream has gone."""
    raw = getattr(getattr(out, "buffer", None), "raw", None)
    return isinstance(raw, _Output) and raw.is_unread


def is_delivered(write: Callable[[], None]) -> bool:
    """Let `write` write to stdout; returns whether all was taken, by a file or by a reader who is still there."""
    try:
        write()
        sys.stdout.flush()
    except OSError:
        silence_stdout()
        return False
    return not is_unread(sys.stdout)


def wait_while_read(seconds: int) -> None:
    """Wait; raises BrokenPipeError as soon as nobody reads stdout any more."""
    # No events are asked for: poll reports the end of a pipe in any case.
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)
    if any(events & (select.POLLERR | select.POLLHUP) for _descriptor, events in reader.poll(seconds * 1000)):
        raise BrokenPipeError


def flush_stdout() -> None:
    """Write what is still in the buffer of stdout; raises OSError."""
    sys.stdout.flush()


def silence_stdout() -> None:
    """Write nothing more to stdout: it can't be written to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)


def drop_what_is_left() -> None:
    """Write nothing more to stdout, and nothing to stderr where nobody reads it at the moment."""
    silence_stdout()
    ready = select.poll()
    ready.register(STDERR, select.POLLOUT)
    if not ready.poll(0):
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR)


def _is_writable(stream: TextIO) -> bool:
    try:
        flags = fcntl.fcntl(stream.fileno(), fcntl.F_GETFL)
    except (OSError, ValueError):
        # No file: an object that somebody has put in its place.
        return True
    return flags & os.O_ACCMODE != os.O_RDONLY


def _is_pythons_own(stream: TextIO, descriptor: int) -> TypeGuard[io.TextIOWrapper]:
    """Return whether a standard stream is the one that Python has made: nobody has put another in its place."""
    if not isinstance(stream, io.TextIOWrapper):
        return False
    # Unbuffered (PYTHONUNBUFFERED, `python -u`) there is no buffer around the file.
    raw = getattr(stream.buffer, "raw", stream.buffer)
    # A subclass is ours already.
    return type(raw) is io.FileIO and stream.fileno() == descriptor


def _without_reader_errors(stream: TextIO, descriptor: int) -> TextIO:
    """Return a stream for the same descriptor that drops output without a reader; a replaced stream stays."""
    if not _is_pythons_own(stream, descriptor):
        return stream
    stream.flush()
    is_by_line = stream.line_buffering or not hasattr(stream.buffer, "raw")
    kind = _Messages if descriptor == STDERR else _Output
    buffer = io.BufferedWriter(kind(descriptor, "wb", closefd=False))
    return io.TextIOWrapper(
        buffer, stream.encoding, errors="backslashreplace", line_buffering=is_by_line, newline="\n"
    )

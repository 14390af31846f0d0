"""A proxy in front of a PostgreSQL server that cuts a connection off at its COMMIT."""

import socket
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
WRITES_HISTORY = b"custmerge_history"


class Cut(Enum):
    """What becomes of the first COMMIT of a transaction that has written history."""

    BEFORE = "it never reaches the server"
    AFTER = "the server executes it, and its answer is lost"
    AT_ONCE = "it is sent on, and nobody waits for the answer"


class Proxy:
    """Passes everything on until a COMMIT behind an entry of the history, and everything again afterwards.

    With `closes` nobody gets through any more from then on.
    """

    def __init__(self, url, folder, cut, *, closes=False):
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        port = parts.port or 5432
        self._target = str(Path(query["host"]) / f".s.PGSQL.{port}")
        self.url = urlunsplit(parts._replace(query=urlencode({**query, "host": str(folder)})))
        self._cut, self._closes = cut, closes
        self.was_struck = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(folder) / f".s.PGSQL.{port}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        close(self._listener)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.was_struck and self._closes:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            cut, answered = threading.Event(), threading.Event()
            threading.Thread(target=self._pass_on, args=(client, server, cut, answered), daemon=True).start()
            threading.Thread(target=self._pass_back, args=(server, client, cut, answered), daemon=True).start()

    def _pass_on(self, client, server, cut, answered):
        has_written = False
        while data := received(client):
            has_written = has_written or (WRITES_HISTORY in data and b"INSERT" in data)
            if has_written and data.endswith(COMMIT) and not self.was_struck:
                self.was_struck = True
                cut.set()
                if self._cut is not Cut.BEFORE:
                    server.sendall(data)
                if self._cut is Cut.AFTER:
                    answered.wait()
                break
            if not sent(server, data):
                break
        close(client, server)

    @staticmethod
    def _pass_back(server, client, cut, answered):
        while data := received(server):
            if cut.is_set() or not sent(client, data):
                break
        answered.set()
        if not cut.is_set():
            close(client, server)


def received(end):
    try:
        return end.recv(1 << 16)
    except OSError:
        return b""


def sent(end, data):
    try:
        end.sendall(data)
    except OSError:
        return False
    return True


def close(*ends):
    for end in ends:
        with suppress(OSError):
            # Closing alone doesn't wake the other thread.
            end.shutdown(socket.SHUT_RDWR)
        end.close()

"""Brings a customers file in through the service: FILE URL TOKEN."""

import sys
import time
from datetime import UTC, datetime

from custmerge.rules.records import Problem
from custmerge.services.access import resume
from custmerge.services.imports import import_file
from custmerge.services.imports.customers import Customers
from custmerge.storage.database import Database


class Watcher:
    def problem(self, file: str, line: int, problem: Problem) -> None:
        raise AssertionError((file, line, problem))

    def skipped(self, file: str, line: int, problem: Problem) -> None:
        raise AssertionError((file, line, problem))

    def advanced(self, done: int, total: int) -> None:
        """Nobody looks."""


if __name__ == "__main__":
    file, url, token = sys.argv[1:]
    database, now = Database(url), datetime.now(UTC)
    caller = resume(database, token, now)
    start = time.perf_counter()
    import_file(database, caller, file, Customers, update=False, progress=Watcher(), now=now)
    print(time.perf_counter() - start)
    database.close()

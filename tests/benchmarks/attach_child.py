"""Merges pairs of an attached register through the service and prints the seconds of each: URL TOKEN PAIR,…"""

import gc
import hashlib
import sys
import time
from datetime import UTC, datetime

from databases import HASH

from custmerge.__main__ import COLLECT_AFTER
from custmerge.rules.history import stamp
from custmerge.rules.people import PROOF_LASTS, Proof, verified_sha256
from custmerge.services import access, merge
from custmerge.storage.database import Database


def merged(url: str, token: str, pairs: list[str]) -> None:
    database, now = Database(url), datetime.now(UTC)
    caller = access.resume(database, token, now)
    _prove(database, token, pairs, now)
    for pair in pairs:
        start = time.perf_counter()
        merge.merge(database, caller, merge.Request(f"A{pair}", f"S{pair}"), salt=b"s" * 16, now=now)
        print(time.perf_counter() - start)
    database.close()


def _prove(database: Database, token: str, pairs: list[str], now: datetime) -> None:
    sha256, until = verified_sha256(HASH), stamp(now + PROOF_LASTS)
    with database.writing() as unit:
        for pair in pairs:
            proof = Proof(f"S{pair}", f"A{pair}", f"a{pair}.example", sha256, until)
            unit.people.keep_proof(hashlib.sha256(token.encode()).hexdigest(), proof)


if __name__ == "__main__":
    url, token, given = sys.argv[1:]
    # As the program does.
    gc.set_threshold(COLLECT_AFTER)
    merged(url, token, given.split(","))

"""The bare loop: fetches the history and chains SHA-256 over it. Prints its seconds and the last hash.

python chain_loop.py DATABASE_URL
"""

import hashlib
import sys
import time

url = sys.argv[1]
if url.startswith("sqlite"):
    import sqlite3

    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    cursor = connection.cursor()
else:
    import psycopg

    cursor = psycopg.connect(url).cursor("entries")
    cursor.itersize = 5_000
start = time.perf_counter()
cursor.execute("SELECT body, hash FROM custmerge_history ORDER BY seq")
previous, is_whole = bytes(32), True
for body, stored in cursor:
    link = hashlib.sha256(previous + body.encode())
    previous = link.digest()
    is_whole &= link.hexdigest() == stored
print(time.perf_counter() - start, is_whole, previous.hex())

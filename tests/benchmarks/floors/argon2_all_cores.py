"""Verifies so many passwords with bare argon2 on all cores: COUNT."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

if __name__ == "__main__":
    hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
    stored = hasher.hash("secret")
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert all(pool.map(lambda _: hasher.verify(stored, "secret"), range(int(sys.argv[1]))))
    print(time.perf_counter() - start)

"""Verifies `custmerge export history --format jsonl`, without custmerge: python3 verify_history.py history.jsonl."""

import fileinput
import hashlib
import json
import sys

number, head = 0, bytes(32)
for number, line in enumerate(fileinput.input(mode="rb"), start=1):  # noqa: SIM115 (closed when all is read)
    try:
        entry = json.loads(line)
        # For ASCII keys, strings, integers, nulls and lists this is canonical JSON (RFC 8785).
        text = json.dumps(entry["body"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        head = hashlib.sha256(head + text.encode()).digest()
        is_right = entry["body"]["seq"] == number and entry["hash"] == head.hex()
    except (ValueError, LookupError, TypeError, RecursionError):
        is_right = False
    if not is_right:
        sys.exit(f"line {number}: this entry doesn't follow from the one before it")
print(number, head.hex())

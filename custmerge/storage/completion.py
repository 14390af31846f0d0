"""Numbers for a shell to complete, read from SQLite's file without SQLAlchemy, which takes too long to load."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from custmerge.rules.numbered import Numbered

WAIT_SECONDS = 0.1
"""For another writer; short, because the person who types waits, too."""
_LISTED_AT_MOST = 50
_OWNER = """
SELECT staff.role, session.created_at, session.last_used_at
FROM custmerge_session AS session JOIN custmerge_staff AS staff ON staff.id = session.staff
WHERE session.token_sha256 = ? AND staff.disabled_at IS NULL
"""
_NUMBERS = {
    Numbered.ORDERS: 'SELECT "order" FROM custmerge_order',
    Numbered.STANDING_ORDERS: (
        'SELECT "order" FROM custmerge_order WHERE "order" NOT IN '
        '(SELECT "order" FROM custmerge_history WHERE action = \'undo\' AND "order" IS NOT NULL)'
    ),
    Numbered.BATCHES: "SELECT id FROM custmerge_batch",
    Numbered.TRANSFERS: "SELECT id FROM custmerge_transfer",
    Numbered.FILED_TRANSFERS: "SELECT id FROM custmerge_transfer WHERE status = 'filed'",
    Numbered.OPEN_TRANSFERS: "SELECT id FROM custmerge_transfer WHERE status IN ('filed', 'approved')",
}


def person_of(path: Path, token_sha256: str) -> tuple[str, str, str] | None:
    """Return role, begin and last use of a token's session of staff, expired or not; None if there is none."""
    rows = _rows(path, _OWNER, token_sha256)
    return (str(rows[0][0]), str(rows[0][1]), str(rows[0][2])) if rows else None


def newest(path: Path, what: Numbered) -> list[int]:
    """Return the newest numbers of a kind, newest first."""
    return [int(number) for (number,) in _rows(path, f"{_NUMBERS[what]} ORDER BY 1 DESC LIMIT {_LISTED_AT_MOST}")]


def _rows(path: Path, statement: str, *parameters: str) -> list[tuple[str | int, ...]]:
    """Return the rows of a statement; none if the file is missing, isn't custmerge's, or can't be read at once."""
    # Imported here, because other commands read the file by SQLAlchemy.
    import sqlite3

    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(uri, timeout=WAIT_SECONDS, uri=True)) as connection:
            return connection.execute(statement, parameters).fetchall()
    except sqlite3.Error:
        return []

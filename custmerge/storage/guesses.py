"""Password tries, and the locks that they lead to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import getrandbits

from sqlalchemy import Connection, case, delete, func, or_, select, update

from custmerge.rules.passwords import Tries
from custmerge.storage.dialect import dialect_of, insert_row
from custmerge.storage.tables.guesses import guess, lock

_ID_BITS = 62
NEVER = "0001-01-01T00:00:00Z"


class Guesses:
    """Password tries, inside one transaction. Every method takes a subject by its key, see `passwords.Subject`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tries(self, subject: str, since: str, last: str, *, pending_since: str) -> Tries:
        """Return the tries for a subject between two moments, and lock its counter until the transaction ends.

        Older tries and those of the future are deleted. Tries pending from before `pending_since` count as wrong.
        """
        insertion = dialect_of(self._connection).upsert(lock)
        # Written even if it exists, because that locks the row: every transaction that counts locks it first.
        until = self._connection.execute(
            insertion.values(subject=subject, until=NEVER)
            .on_conflict_do_update(index_elements=["subject"], set_={"subject": subject})
            .returning(lock.c.until)
        ).scalar_one()
        outside = or_(guess.c.at < since, guess.c.at > last)
        self._connection.execute(delete(guess).where(guess.c.subject == subject, outside))
        is_pending = guess.c.pending & (guess.c.at >= pending_since)
        counts = func.sum(case((is_pending, 0), else_=1)), func.sum(case((is_pending, 1), else_=0))
        wrong, pending = self._connection.execute(select(*counts).where(guess.c.subject == subject)).one()
        return Tries(int(wrong or 0), int(pending or 0), until)

    def begin(self, subject: str, at: str, *, batch: int | None = None, row: int | None = None) -> int:
        """Add a pending try, perhaps for a row of a bulk file, and return its id."""
        return self._add({"subject": subject, "at": at, "pending": True, "batch": batch, "row": row})

    def forget_pending(self, batch: int) -> None:
        """Delete the pending tries of a batch whose run was cut off: nobody learned their result."""
        self._connection.execute(delete(guess).where(guess.c.batch == batch, guess.c.pending))

    def forget(self, tries: Collection[int]) -> None:
        """Delete tries that were right, or whose hash wasn't compared."""
        if tries:
            self._connection.execute(delete(guess).where(guess.c.id.in_(tries)))

    def keep(self, tries: Mapping[int, str], at: str) -> None:
        """Write that tries, given with their subjects, were wrong; deleted ones are added again with moment `at`.

        Wrong tries for the same rows of a bulk file, from a run that was cut off, are deleted: they had the same
        password. The caller must have called `tries` for the subjects before.
        """
        kept = update(guess).where(guess.c.id.in_(tries)).values(pending=False).returning(guess.c.id)
        forgotten = tries.keys() - self._connection.execute(kept).scalars().all()
        now = guess.alias()
        is_same = now.c.id.in_(tries), *(now.c[name] == guess.c[name] for name in ("batch", "row", "subject"))
        is_earlier = guess.c.subject.in_(set(tries.values())), guess.c.pending.is_(False), guess.c.id.not_in(tries)
        self._connection.execute(delete(guess).where(*is_earlier, select(now.c.id).where(*is_same).exists()))
        for number in sorted(forgotten):
            self._add({"subject": tries[number], "at": at, "pending": False})

    def _add(self, values: dict[str, str | int | bool | None]) -> int:
        if not dialect_of(self._connection).is_server:
            # SQLite would reuse the id of a deleted try, and the process that settles that try would settle this one.
            values["id"] = getrandbits(_ID_BITS)
        return insert_row(self._connection, guess, values)

    def lock(self, subject: str, until: str) -> None:
        """Lock a subject and delete the tries that led to it, so that they don't count again."""
        self._connection.execute(update(lock).where(lock.c.subject == subject).values(until=until))
        self._connection.execute(delete(guess).where(guess.c.subject == subject))

    def unlock(self, subjects: Collection[str], *, since: str, now: str) -> int:
        """End locks and delete tries; returns how many subjects were locked or had tries from `since` on."""
        rows = lock.c.subject.in_(subjects)
        self._connection.execute(select(lock.c.subject).where(rows).order_by(lock.c.subject).with_for_update())
        tried = select(guess.c.id).where(guess.c.subject == lock.c.subject, guess.c.at >= since).exists()
        concerned = self._connection.execute(
            select(func.count()).select_from(lock).where(rows, or_(lock.c.until > now, tried))
        ).scalar_one()
        self._connection.execute(delete(guess).where(guess.c.subject.in_(subjects)))
        self._connection.execute(update(lock).where(rows).values(until=NEVER))
        return concerned

"""Wrong tries at passwords, and the locks that they lead to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import getrandbits

from sqlalchemy import Connection, and_, case, delete, exists, func, insert, or_, select, update

from custmerge.rules.passwords import Tries
from custmerge.storage.dialect import dialect_of
from custmerge.storage.tables import guess, lock

_ID_BITS = 62
NEVER = "0001-01-01T00:00:00Z"


class Guesses:
    """Tries, inside one transaction. Every method takes a subject by its key, see `guessing.Subject`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tries(self, subject: str, since: str, last: str, *, pending_since: str) -> Tries:
        """Return the tries at a subject between two moments, and keep others from adding one until the end.

        Those of before and of the future are forgotten. What is pending from before `pending_since` counts as wrong.
        """
        insertion = dialect_of(self._connection).upsert(lock)
        # Written even where it is there: that locks the row, which everybody who counts has to lock first.
        until = self._connection.execute(
            insertion.values(subject=subject, until=NEVER)
            .on_conflict_do_update(index_elements=["subject"], set_={"subject": subject})
            .returning(lock.c.until)
        ).scalar_one()
        outside = or_(guess.c.at < since, guess.c.at > last)
        self._connection.execute(delete(guess).where(guess.c.subject == subject, outside))
        is_pending = and_(guess.c.pending, guess.c.at >= pending_since)
        wrong, pending = self._connection.execute(
            select(func.sum(case((is_pending, 0), else_=1)), func.sum(case((is_pending, 1), else_=0))).where(
                guess.c.subject == subject
            )
        ).one()
        return Tries(int(wrong or 0), int(pending or 0), until)

    def begin(self, subject: str, at: str, *, batch: int | None = None, row: int | None = None) -> int:
        """Note a try that is pending, made for a row of a bulk file or not, and return its id."""
        return self._add({"subject": subject, "at": at, "pending": True, "batch": batch, "row": row})

    def forget_pending(self, batch: int) -> None:
        """Forget the tries of a batch whose run was cut off before anybody learned how they end."""
        self._connection.execute(delete(guess).where(guess.c.batch == batch, guess.c.pending))

    def forget(self, tries: Collection[int]) -> None:
        """Forget tries that were right, or whose hash nobody compared."""
        if tries:
            self._connection.execute(delete(guess).where(guess.c.id.in_(tries)))

    def keep(self, tries: Mapping[int, str], at: str) -> None:
        """Note that tries, given with their subjects, were wrong; those that were forgotten count as of `at`.

        What a run of a bulk file that was cut off has noted as wrong for the same rows is forgotten: it was the same
        password. Only where `tries` of the subjects were asked for before.
        """
        kept = update(guess).where(guess.c.id.in_(tries)).values(pending=False).returning(guess.c.id)
        forgotten = tries.keys() - self._connection.execute(kept).scalars().all()
        now = guess.alias()
        is_same = (
            now.c.id.in_(tries),
            now.c.batch == guess.c.batch,
            now.c.row == guess.c.row,
            now.c.subject == guess.c.subject,
        )
        is_earlier = guess.c.subject.in_(set(tries.values())), guess.c.pending.is_(False), guess.c.id.not_in(tries)
        self._connection.execute(delete(guess).where(*is_earlier, exists().where(*is_same)))
        for number in sorted(forgotten):
            self._add({"subject": tries[number], "at": at, "pending": False})

    def _add(self, values: dict[str, str | int | bool | None]) -> int:
        if not dialect_of(self._connection).is_server:
            # SQLite would use the id of a forgotten try again: who settles that one would settle this one.
            values["id"] = getrandbits(_ID_BITS)
        key = self._connection.execute(insert(guess).values(values)).inserted_primary_key
        if key is None:
            raise LookupError(values["subject"])
        return int(key[0])

    def lock(self, subject: str, until: str) -> None:
        """Lock a subject; the tries that led to it don't count a second time."""
        self._connection.execute(update(lock).where(lock.c.subject == subject).values(until=until))
        self._connection.execute(delete(guess).where(guess.c.subject == subject))

    def unlock(self, subjects: Collection[str], *, since: str, now: str) -> int:
        """End locks and forget the tries; returns how many subjects were locked or had tries from `since` on."""
        rows = lock.c.subject.in_(subjects)
        self._connection.execute(select(lock.c.subject).where(rows).order_by(lock.c.subject).with_for_update())
        tried = select(guess.c.id).where(guess.c.subject == lock.c.subject, guess.c.at >= since).exists()
        concerned = self._connection.execute(
            select(func.count()).select_from(lock).where(rows, or_(lock.c.until > now, tried))
        ).scalar_one()
        self._connection.execute(delete(guess).where(guess.c.subject.in_(subjects)))
        self._connection.execute(update(lock).where(rows).values(until=NEVER))
        return concerned

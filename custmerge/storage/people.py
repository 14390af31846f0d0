"""Staff, sessions and proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from custmerge.rules.people import Person, Proof, Session
from custmerge.rules.roles import Role
from custmerge.storage.tables import proof, session, staff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


_PERSON = (
    staff.c.id,
    staff.c.name,
    staff.c.role,
    staff.c.password_hash,
    staff.c.created_at.label("since"),
    staff.c.disabled_at,
)
_SESSION = select(
    session.c.token_sha256, session.c.number, session.c.created_at, session.c.last_used_at, *_PERSON
).join(staff, staff.c.id == session.c.staff, isouter=True)


def _person(row: Sequence[Any]) -> Person:
    identity, name, role, password_hash, created_at, disabled_at = row
    return Person(identity, name, Role(role), password_hash, created_at, disabled_at)


class People:
    """Staff, sessions and proofs, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_staff(self) -> bool:
        """Return whether anybody works here yet."""
        return self._connection.execute(select(staff.c.id).limit(1)).first() is not None

    def staff_named(self, name: str) -> Person | None:
        """Return the person of that name, disabled or not."""
        row = self._connection.execute(select(*_PERSON).where(staff.c.name == name)).first()
        return None if row is None else _person(row)

    def all_staff(self) -> tuple[Person, ...]:
        """Return everybody in the order of their names."""
        rows = self._connection.execute(select(*_PERSON).order_by(staff.c.name))
        return tuple(_person(row) for row in rows)

    def add_staff(self, name: str, role: Role, password_hash: str, at: str) -> None:
        """Add a person whose name is free."""
        self._connection.execute(
            insert(staff).values(name=name, role=role.value, password_hash=password_hash, created_at=at)
        )

    def open_session(self, new: Session) -> None:
        """Keep a new session."""
        self._connection.execute(
            insert(session).values(
                token_sha256=new.token_sha256,
                number=new.number,
                staff=new.person.id if new.person else None,
                created_at=new.created_at,
                last_used_at=new.last_used_at,
            )
        )

    def session(self, token_sha256: str) -> Session | None:
        """Return the session of a token, ended or not."""
        row = self._connection.execute(_SESSION.where(session.c.token_sha256 == token_sha256)).first()
        if row is None:
            return None
        return Session(row[0], row[1], None if row[4] is None else _person(row[4:]), row[2], row[3])

    def touch_session(self, token_sha256: str, at: str) -> None:
        """Note that a session was used."""
        self._connection.execute(
            update(session).where(session.c.token_sha256 == token_sha256).values(last_used_at=at)
        )

    def end_session(self, token_sha256: str) -> int:
        """End one session and its proofs; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.token_sha256 == token_sha256)).rowcount

    def end_sessions_of_number(self, number: str) -> int:
        """End every session that a customer number logged in; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.number == number)).rowcount

    def end_sessions_of_staff(self, person: int) -> int:
        """End every session of a person; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.staff == person)).rowcount

    def end_sessions_before(self, at: str) -> None:
        """Forget sessions that were opened before a moment."""
        self._connection.execute(delete(session).where(session.c.created_at < at))

    def keep_proof(self, token_sha256: str, new: Proof) -> None:
        """Keep a proof in place of an older one for the same pair."""
        self.drop_proof(token_sha256, new.survivor, new.absorbed)
        self._connection.execute(
            insert(proof).values(
                token_sha256=token_sha256,
                survivor=new.survivor,
                absorbed=new.absorbed,
                domain=new.domain,
                valid_until=new.valid_until,
            )
        )

    def drop_proof(self, token_sha256: str, survivor: str, absorbed: str) -> None:
        """Forget a proof."""
        self._connection.execute(
            delete(proof).where(
                proof.c.token_sha256 == token_sha256,
                proof.c.survivor == survivor,
                proof.c.absorbed == absorbed,
            )
        )

    def drop_proofs_of(self, absorbed: str) -> None:
        """Forget what any session has proved about a number."""
        self._connection.execute(delete(proof).where(proof.c.absorbed == absorbed))

    def proof(self, token_sha256: str, survivor: str, absorbed: str) -> Proof | None:
        """Return the proof that a session has for a pair, run out or not."""
        row = self._connection.execute(
            select(proof.c.survivor, proof.c.absorbed, proof.c.domain, proof.c.valid_until).where(
                proof.c.token_sha256 == token_sha256,
                proof.c.survivor == survivor,
                proof.c.absorbed == absorbed,
            )
        ).first()
        return None if row is None else Proof(*row)

    def database_time(self) -> str:
        """Return the database's own clock, for comparison with ours."""
        return str(self._connection.execute(select(func.current_timestamp())).scalar())

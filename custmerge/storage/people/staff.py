"""Staff, service tokens, sessions and proofs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from custmerge.rules.people import Person, Proof, Role, Service, Session
from custmerge.storage.dialect import among
from custmerge.storage.tables import proof, service, session, staff

_ROLES = frozenset(Role) - {Role.CUSTOMER}
# A session's row holds the columns of its person and of its service token: the labels tell them apart.
_PERSON = (
    staff.c.id.label("person_id"),
    staff.c.name.label("person_name"),
    staff.c.role.label("person_role"),
    staff.c.password_hash,
    staff.c.created_at.label("person_created_at"),
    staff.c.disabled_at,
    staff.c.password_chosen_by,
)
_creator = staff.alias("creator")
_SERVICE = (
    service.c.id.label("service_id"),
    service.c.name.label("service_name"),
    service.c.role.label("service_role"),
    service.c.created_by,
    _creator.c.name.label("created_by_name"),
    service.c.created_at.label("service_created_at"),
    service.c.expires_at,
    service.c.revoked_at,
)
_SERVICES = select(*_SERVICE).join(_creator, _creator.c.id == service.c.created_by)
_SESSION = (
    select(
        session.c.token_sha256, session.c.number, session.c.created_at, session.c.last_used_at, *_PERSON, *_SERVICE
    )
    .join(staff, staff.c.id == session.c.staff, isouter=True)
    .join(service, service.c.id == session.c.service, isouter=True)
    .join(_creator, _creator.c.id == service.c.created_by, isouter=True)
)
# Statements of every merge are built once: that takes longer than to execute them.
_SESSION_OF = _SESSION.where(session.c.token_sha256 == bindparam("token"))
_SESSION_HELD = _SESSION_OF.with_for_update(read=True, key_share=True, of=session)
_PROOFS = select(
    proof.c.survivor, proof.c.absorbed, proof.c.domain, proof.c.verified_sha256, proof.c.valid_until
).where(proof.c.token_sha256 == bindparam("token"), among(proof.c.absorbed))
_DROP_PROOFS = delete(proof).where(among(proof.c.absorbed))
_END_SESSIONS = delete(session).where(among(session.c.number))


def _role(stored: str) -> Role:
    """Return the role of a row; for a text that names none, which only a hand can write, the one that may least."""
    return Role(stored) if stored in _ROLES else Role.AUDITOR


# Any: SQLAlchemy types a row by its columns.
def _person(row: Row[*tuple[Any, ...]]) -> Person:
    return Person(
        id=row.person_id,
        name=row.person_name,
        role=_role(row.person_role),
        password_hash=row.password_hash,
        created_at=row.person_created_at,
        disabled_at=row.disabled_at,
        password_chosen_by=row.password_chosen_by,
    )


def _service(row: Row[*tuple[Any, ...]]) -> Service:
    return Service(
        id=row.service_id,
        name=row.service_name,
        role=_role(row.service_role),
        created_by=row.created_by,
        created_by_name=row.created_by_name,
        created_at=row.service_created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


class People:
    """Staff, service tokens, sessions and proofs, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_staff(self) -> bool:
        """Return whether there is any member of staff."""
        return self._connection.execute(select(staff.c.id).limit(1)).first() is not None

    def staff_named(self, name: str, *, lock: bool = False) -> Person | None:
        """Return the person of that name, disabled or not; with `lock` no other transaction changes the row."""
        statement = select(*_PERSON).where(staff.c.name == name)
        row = self._connection.execute(statement.with_for_update(read=True) if lock else statement).first()
        return None if row is None else _person(row)

    def all_staff(self) -> tuple[Person, ...]:
        """Return all staff in the order of their names."""
        rows = self._connection.execute(select(*_PERSON).order_by(staff.c.name))
        return tuple(_person(row) for row in rows)

    def add_staff(self, name: str, role: Role, password_hash: str, at: str, *, chosen_by: str | None) -> None:
        """Add a person whose name is free; `chosen_by` is the other person who chose the password, if one did."""
        values = {"name": name, "role": role.value, "password_hash": password_hash, "password_chosen_by": chosen_by}
        self._connection.execute(insert(staff).values(values | {"created_at": at}))

    def lock_staff(self) -> tuple[Person, ...]:
        """Return all staff, and lock their rows until the transaction ends."""
        rows = self._connection.execute(select(*_PERSON).order_by(staff.c.id).with_for_update())
        return tuple(_person(row) for row in rows)

    def change_password(self, person: int, password_hash: str, *, chosen_by: str | None) -> None:
        """Give a person a new password; `chosen_by` is the other person who chose it, if one did."""
        values = {"password_hash": password_hash, "password_chosen_by": chosen_by}
        self._connection.execute(update(staff).where(staff.c.id == person).values(values))

    def change_staff(self, person: int, *, role: Role | None = None, disabled_at: str | None = None) -> None:
        """Write a person's role or end; None leaves the column as it is."""
        values = {"role": role and role.value, "disabled_at": disabled_at}
        changes = {name: value for name, value in values.items() if value is not None}
        self._connection.execute(update(staff).where(staff.c.id == person).values(changes))

    def add_service(self, new: Service, token_sha256: str) -> None:
        """Add a service token whose name is free, and its session; the database chooses the id."""
        key = self._connection.execute(
            insert(service).values(
                name=new.name,
                role=new.role.value,
                created_by=new.created_by,
                created_at=new.created_at,
                expires_at=new.expires_at,
            )
        ).inserted_primary_key
        self._connection.execute(
            insert(session).values(
                token_sha256=token_sha256,
                service=key and key[0],
                created_at=new.created_at,
                last_used_at=new.created_at,
            )
        )

    def service_named(self, name: str) -> Service | None:
        """Return the service token of that name, revoked or not."""
        row = self._connection.execute(_SERVICES.where(service.c.name == name)).first()
        return None if row is None else _service(row)

    def all_services(self) -> tuple[Service, ...]:
        """Return every service token in the order of their names."""
        return tuple(_service(row) for row in self._connection.execute(_SERVICES.order_by(service.c.name)))

    def revoke_service(self, token: int, at: str) -> None:
        """End a service token."""
        self._connection.execute(update(service).where(service.c.id == token).values(revoked_at=at))
        self._connection.execute(delete(session).where(session.c.service == token))

    def revoke_services_of(self, person: int, at: str) -> tuple[str, ...]:
        """End every service token that a person made; returns the names of those that ended."""
        living = service.c.created_by == person, service.c.revoked_at.is_(None)
        statement = select(service.c.id, service.c.name).where(*living).order_by(service.c.name)
        tokens = self._connection.execute(statement).all()
        for token in tokens:
            self.revoke_service(token.id, at)
        return tuple(token.name for token in tokens)

    def open_session(self, new: Session) -> None:
        """Add a session of a customer or a person."""
        self._connection.execute(
            insert(session).values(
                token_sha256=new.token_sha256,
                number=new.number,
                staff=new.person.id if new.person else None,
                created_at=new.created_at,
                last_used_at=new.last_used_at,
            )
        )

    def session(self, token_sha256: str, *, hold: bool = False) -> Session | None:
        """Return the session of a token, expired or not; with `hold` no other transaction can delete it."""
        row = self._connection.execute(_SESSION_HELD if hold else _SESSION_OF, {"token": token_sha256}).first()
        if row is None:
            return None
        return Session(
            token_sha256=row.token_sha256,
            number=row.number,
            person=None if row.person_id is None else _person(row),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            service=None if row.service_id is None else _service(row),
        )

    def touch_session(self, token_sha256: str, at: str) -> None:
        """Note that a session was used."""
        self._connection.execute(
            update(session).where(session.c.token_sha256 == token_sha256).values(last_used_at=at)
        )

    def end_session(self, token_sha256: str) -> int:
        """End one session and its proofs; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.token_sha256 == token_sha256)).rowcount

    def end_sessions_of_numbers(self, numbers: Collection[str]) -> int:
        """End every session that one of `numbers` logged in; returns how many ended."""
        return self._connection.execute(_END_SESSIONS, {"keys": numbers}).rowcount

    def end_sessions_of_staff(self, person: int) -> int:
        """End every session of a person; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.staff == person)).rowcount

    def end_sessions_outside(self, first: str, last: str) -> None:
        """Delete logins that were opened before the moment `first` or after `last`; service tokens stay."""
        outside = or_(session.c.created_at < first, session.c.created_at > last)
        self._connection.execute(delete(session).where(outside, session.c.service.is_(None)))

    def keep_proof(self, token_sha256: str, new: Proof) -> None:
        """Add a proof, in the place of an older one for the same pair."""
        own = proof.c.token_sha256 == token_sha256
        pair = (proof.c.survivor == new.survivor, proof.c.absorbed == new.absorbed)
        self._connection.execute(delete(proof).where(own, *pair))
        self._connection.execute(
            insert(proof).values(
                token_sha256=token_sha256,
                survivor=new.survivor,
                absorbed=new.absorbed,
                domain=new.domain,
                verified_sha256=new.verified_sha256,
                valid_until=new.valid_until,
            )
        )

    def drop_proofs_of(self, absorbed: Collection[str]) -> None:
        """Delete the proofs of all sessions about the given numbers."""
        self._connection.execute(_DROP_PROOFS, {"keys": absorbed})

    def renew_proofs(self, absorbed: str, old_sha256: str, new_sha256: str) -> None:
        """Let the proofs of all sessions about a number rest on another hash of the same password."""
        self._connection.execute(
            update(proof)
            .where(proof.c.absorbed == absorbed, proof.c.verified_sha256 == old_sha256)
            .values(verified_sha256=new_sha256)
        )

    def proofs(self, token_sha256: str, absorbed: Collection[str]) -> list[Proof]:
        """Return a session's proofs about the given numbers, valid or not."""
        rows = self._connection.execute(_PROOFS, {"token": token_sha256, "keys": absorbed})
        return [
            Proof(
                survivor=row.survivor,
                absorbed=row.absorbed,
                domain=row.domain,
                verified_sha256=row.verified_sha256,
                valid_until=row.valid_until,
            )
            for row in rows
        ]

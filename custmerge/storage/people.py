"""Staff, service tokens, sessions and proofs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, bindparam, delete, insert, or_, select, update

from custmerge.rules.history import Action
from custmerge.rules.people import Person, Proof, Role, Service, Session
from custmerge.storage.dialect import Prepared, TextFromBody, among, insert_row
from custmerge.storage.tables.history import history
from custmerge.storage.tables.people import proof, service, session, staff

_ROLES = frozenset(Role) - {Role.CUSTOMER}
# A session's row has the columns of its person and of its service token; labels distinguish them.
_PERSON = [staff.c[field.name].label(f"person_{field.name}") for field in fields(Person)]
_PEOPLE = select(*_PERSON)
_creator = staff.alias("creator")
_SERVICE = [
    (_creator.c.name if field.name == "created_by_name" else service.c[field.name]).label(f"service_{field.name}")
    for field in fields(Service)
]
_SERVICES = select(*_SERVICE).join(_creator, _creator.c.id == service.c.created_by)
_SESSION = (
    select(
        session.c.token_sha256, session.c.number, session.c.created_at, session.c.last_used_at, *_PERSON, *_SERVICE
    )
    .join(staff, staff.c.id == session.c.staff, isouter=True)
    .join(service, service.c.id == session.c.service, isouter=True)
    .join(_creator, _creator.c.id == service.c.created_by, isouter=True)
)
_OF_TOKEN = _SESSION.where(session.c.token_sha256 == bindparam("token"))
_SESSION_OF = Prepared(_OF_TOKEN)
_SESSION_HELD = Prepared(_OF_TOKEN.with_for_update(read=True, key_share=True, of=session))
_SESSION_NAMES = tuple(column.key for column in _SESSION.selected_columns)
_PROOFS = Prepared(
    select(*(proof.c[field.name] for field in fields(Proof))).where(
        proof.c.token_sha256 == bindparam("token"), among(proof.c.absorbed)
    )
)
_DROP_PROOFS = Prepared(delete(proof).where(among(proof.c.absorbed)))
_END_SESSIONS = Prepared(delete(session).where(among(session.c.number)))


# Any: a stored cell may hold any value.
class PersonRow(NamedTuple):
    """The columns of a person for `rules.people.person_row_digest`."""

    id: Any
    name: Any
    role: Any
    password_hash: Any
    created_at: Any
    disabled_at: Any
    password_chosen_by: Any


_newest_entry = (
    select(history.c.body)
    .where(
        history.c.action == Action.USER.value,
        TextFromBody("name") == staff.c.name,
        TextFromBody("row_sha256").is_not(None),
    )
    .order_by(history.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_ROWS_WITH_ENTRIES = select(*(staff.c[name] for name in PersonRow._fields), _newest_entry).where(among(staff.c.id))


# Any: the values of a dataclass.
def _values(row: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    """Return the columns of a row whose labels begin with `prefix`, without it.

    An unknown role, which custmerge never writes, becomes the role with the fewest rights.
    """
    values = {str(name).removeprefix(prefix): value for name, value in row.items() if str(name).startswith(prefix)}
    return values | {"role": Role(values["role"]) if values["role"] in _ROLES else Role.AUDITOR}


def _person(row: Mapping[Any, Any]) -> Person:
    return Person(**_values(row, "person_"))


def _service(row: Mapping[Any, Any]) -> Service:
    return Service(**_values(row, "service_"))


class People:
    """Staff, service tokens, sessions and proofs, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_staff(self) -> bool:
        """Return whether there are members of staff."""
        return self._connection.execute(select(staff.c.id).limit(1)).first() is not None

    def staff_named(self, name: str, *, lock: bool = False) -> Person | None:
        """Return the person of that name, disabled or not; with `lock` no other transaction changes the row."""
        statement = _PEOPLE.where(staff.c.name == name)
        return next(iter(self._people(statement.with_for_update(read=True) if lock else statement)), None)

    def all_staff(self) -> tuple[Person, ...]:
        """Return all staff in the order of their names."""
        return self._people(_PEOPLE.order_by(staff.c.name))

    def add_staff(self, name: str, role: Role, password_hash: str, at: str, *, chosen_by: str | None) -> None:
        """Add a person whose name is free; `chosen_by` is the other person who chose the password, if one did."""
        values = {"name": name, "role": role.value, "password_hash": password_hash, "password_chosen_by": chosen_by}
        self._connection.execute(insert(staff).values(values | {"created_at": at}))

    def lock_staff(self) -> tuple[Person, ...]:
        """Return all staff, and lock their rows until the transaction ends."""
        return self._people(_PEOPLE.order_by(staff.c.id).with_for_update())

    def rows_with_entries(self, ids: Collection[int]) -> list[tuple[PersonRow, str | None]]:
        """Return the rows of people, each with the body of the newest entry that has a digest of the name.

        One statement reads both, so that a password that is changed meanwhile is in both or in neither.
        """
        rows = self._connection.execute(_ROWS_WITH_ENTRIES, {"keys": ids})
        return [(PersonRow(*cells), body) for *cells, body in rows]

    def change_password(self, person: int, password_hash: str, *, chosen_by: str | None) -> None:
        """Give a person a new password; `chosen_by` is the other person who chose it, if one did."""
        values = {"password_hash": password_hash, "password_chosen_by": chosen_by}
        self._connection.execute(update(staff).where(staff.c.id == person).values(values))

    def change_staff(self, person: int, *, role: Role | None = None, disabled_at: str | None = None) -> None:
        """Write a person's role or the moment they were disabled; None leaves the column as it is."""
        values = {"role": role and role.value, "disabled_at": disabled_at}
        changes = {name: value for name, value in values.items() if value is not None}
        self._connection.execute(update(staff).where(staff.c.id == person).values(changes))

    def add_service(self, new: Service, token_sha256: str) -> None:
        """Add a service token whose name is free, and its session; the database chooses the id."""
        names = ("name", "role", "created_by", "created_at", "expires_at")
        token = insert_row(self._connection, service, {name: getattr(new, name) for name in names})
        moments = {"created_at": new.created_at, "last_used_at": new.created_at}
        self._connection.execute(insert(session).values(token_sha256=token_sha256, service=token, **moments))

    def service_named(self, name: str) -> Service | None:
        """Return the service token of that name, revoked or not."""
        row = self._connection.execute(_SERVICES.where(service.c.name == name)).mappings().first()
        return None if row is None else _service(row)

    def all_services(self) -> tuple[Service, ...]:
        """Return every service token in the order of their names."""
        return tuple(map(_service, self._connection.execute(_SERVICES.order_by(service.c.name)).mappings()))

    def keys_of(self, token: int) -> list[str]:
        """Return the digests of the tokens that open a service token's session: one, none once it has ended."""
        rows = select(session.c.token_sha256).where(session.c.service == token).order_by(session.c.token_sha256)
        return list(self._connection.execute(rows).scalars())

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
        owner = {"number": new.number, "staff": new.person.id if new.person else None}
        moments = {"created_at": new.created_at, "last_used_at": new.last_used_at}
        self._connection.execute(insert(session).values(token_sha256=new.token_sha256, **owner, **moments))

    def session(self, token_sha256: str, *, hold: bool = False) -> Session | None:
        """Return the session of a token, expired or not; with `hold` no other transaction can delete it."""
        statement = _SESSION_HELD if hold else _SESSION_OF
        rows = statement.rows(self._connection, token=token_sha256)
        if not rows:
            return None
        row = dict(zip(_SESSION_NAMES, rows[0], strict=True))
        return Session(
            token_sha256=row["token_sha256"],
            number=row["number"],
            person=None if row["person_id"] is None else _person(row),
            created_at=row["created_at"],
            last_used_at=row["last_used_at"],
            service=None if row["service_id"] is None else _service(row),
        )

    def touch_session(self, token_sha256: str, at: str) -> None:
        """Write when a session was last used."""
        used = update(session).where(session.c.token_sha256 == token_sha256)
        self._connection.execute(used.values(last_used_at=at))

    def end_session(self, token_sha256: str) -> int:
        """End one session and its proofs; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.token_sha256 == token_sha256)).rowcount

    def end_sessions_of_numbers(self, numbers: Collection[str]) -> int:
        """End every session that one of `numbers` logged in; returns how many ended."""
        return _END_SESSIONS.execute(self._connection, keys=numbers)

    def end_sessions_of_staff(self, person: int) -> int:
        """End every session of a person; returns how many ended."""
        return self._connection.execute(delete(session).where(session.c.staff == person)).rowcount

    def end_sessions_outside(self, first: str, last: str) -> None:
        """Delete logins that were opened before the moment `first` or after `last`; service tokens stay."""
        outside = or_(session.c.created_at < first, session.c.created_at > last)
        self._connection.execute(delete(session).where(outside, session.c.service.is_(None)))

    def keep_proof(self, token_sha256: str, new: Proof) -> None:
        """Add a proof, which replaces an older one for the same pair."""
        own = proof.c.token_sha256 == token_sha256
        pair = (proof.c.survivor == new.survivor, proof.c.absorbed == new.absorbed)
        self._connection.execute(delete(proof).where(own, *pair))
        self._connection.execute(insert(proof).values(token_sha256=token_sha256, **asdict(new)))

    def drop_proofs_of(self, absorbed: Collection[str]) -> None:
        """Delete the proofs of all sessions about the given numbers."""
        _DROP_PROOFS.execute(self._connection, keys=absorbed)

    def renew_proofs(self, absorbed: str, old_sha256: str, new_sha256: str) -> None:
        """Change the proofs of all sessions about a number to another hash of the same password."""
        same = proof.c.absorbed == absorbed, proof.c.verified_sha256 == old_sha256
        self._connection.execute(update(proof).where(*same).values(verified_sha256=new_sha256))

    def proofs(self, token_sha256: str, absorbed: Collection[str]) -> list[Proof]:
        """Return a session's proofs about the given numbers, valid or not."""
        return [Proof(*row) for row in _PROOFS.rows(self._connection, token=token_sha256, keys=absorbed)]

    def _people(self, statement: Executable) -> tuple[Person, ...]:
        return tuple(map(_person, self._connection.execute(statement).mappings()))

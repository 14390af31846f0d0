"""How long a login, a service token and a proof last (contract §5 and §3)."""

from datetime import datetime, timedelta

from custmerge.rules.roles import Role
from custmerge.rules.times import MAY_BE_APART, has_begun, stamp

ABSOLUTE_LIMIT = timedelta(hours=12)
CUSTOMER_IDLE_LIMIT = timedelta(minutes=30)
STAFF_IDLE_LIMIT = timedelta(hours=8)
PROOF_LASTS = timedelta(minutes=30)
SERVICE_DAYS = 90
"""A service token lasts so long at most."""


def expires_at(role: Role, created: datetime, last_used: datetime) -> datetime:
    """Return the moment at which a session ends unless it is used before."""
    idle = CUSTOMER_IDLE_LIMIT if role is Role.CUSTOMER else STAFF_IDLE_LIMIT
    return min(created + ABSOLUTE_LIMIT, last_used + idle)


def service_ends_at(created: datetime, expires: datetime) -> datetime:
    """Return the moment at which a service token ends, whatever its row says."""
    return min(expires, created + timedelta(days=SERVICE_DAYS))


def proof_holds(valid_until: str, now: datetime) -> bool:
    """Return whether a proof that lasts until a moment (see `times.stamp`) holds; one of the future doesn't."""
    return stamp(now) < valid_until <= stamp(now + PROOF_LASTS + MAY_BE_APART)


def has_opened(created: str, last_used: str, now: datetime) -> bool:
    """Return whether neither the beginning of a session nor its last use lies in the future."""
    return has_begun(created, now) and has_begun(last_used, now)

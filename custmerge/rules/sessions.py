"""How long a login, a service token and a proof last (contract §5 and §3)."""

from datetime import datetime, timedelta

from custmerge.rules.roles import Role

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

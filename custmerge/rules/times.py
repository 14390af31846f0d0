"""Moments: always UTC, always written alike."""

from datetime import UTC, datetime, timedelta

MAY_BE_APART = timedelta(seconds=60)
"""So far ahead of now a moment may lie and count as begun: two processes never read their clocks at once."""


def has_begun(begin: str, now: datetime) -> bool:
    """Return whether a moment (see `stamp`) isn't one of the future: nothing counts that has yet to begin."""
    return begin <= stamp(now + MAY_BE_APART)


def stamp(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC with seconds and `Z`; such texts sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Return the aware moment that `stamp` wrote; raises ValueError for any other text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def day_bounds(text: str) -> tuple[str, str]:
    """Return the stamps of the first second of what `text` names and of the first second after it.

    `text` is a date (a whole UTC day) or an ISO 8601 moment (without an offset: UTC). Raises ValueError.
    """
    first = datetime.fromisoformat(text)
    if first.tzinfo is None:
        first = first.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(text) <= len("2026-01-31") else timedelta(seconds=1)
    last = datetime.max.replace(microsecond=0, tzinfo=UTC)
    return stamp(first), stamp(first + length if first <= last - length else last)

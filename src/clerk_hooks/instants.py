"""Instants as Clerk writes them: whole Unix milliseconds."""

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def unix_milliseconds(instant: datetime) -> int:
    """Whole Unix milliseconds; a naive `instant` counts as UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return (instant - _EPOCH) // timedelta(milliseconds=1)

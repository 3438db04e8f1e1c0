"""Instants as Clerk and Svix write them: whole Unix milliseconds, and whole Unix seconds."""

from datetime import datetime, timedelta, timezone

from .errors import ConfigurationError, caused_by

_LAST = datetime.max.replace(tzinfo=timezone.utc, microsecond=0).timestamp()
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def datetime_of(seconds: float) -> datetime:
    """The aware datetime of Unix seconds; the last one there is, if a lease is to last for ever."""
    return datetime.fromtimestamp(min(seconds, _LAST), timezone.utc)


def unix_milliseconds(instant: datetime) -> int:
    """Whole Unix milliseconds; a naive `instant` counts as UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def unix_seconds(instant: datetime | float) -> int | ConfigurationError:
    """An aware datetime or a number as whole Unix seconds of at most 11 digits."""
    try:
        if not isinstance(instant, datetime):
            seconds = int(instant // 1)
        elif instant.utcoffset() is None:
            return ConfigurationError("a naive datetime is ambiguous: pass an aware one")
        else:
            seconds = (instant - _EPOCH) // timedelta(seconds=1)
    except Exception as error:  # noqa: BLE001 - Numbers and time zones raise errors of many kinds.
        problem = "a time must be an aware datetime or a number of Unix seconds"
        return caused_by(ConfigurationError(problem), error)
    if abs(seconds) >= 10**11:
        return ConfigurationError("a time must have at most 11 digits of Unix seconds")
    return seconds

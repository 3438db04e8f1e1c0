"""What a store is told of an event."""

import time
from typing import Any

import pytest

from clerk_hooks import parse_event
from clerk_hooks.handler import RegisteredHandler
from clerk_hooks.idempotency import ObjectVersion
from clerk_hooks.versions import object_version


def takes_all(event: object) -> None: ...


def drops(event: object) -> None: ...


HANDLERS = [
    RegisteredHandler(takes_all, "takes_all"),
    RegisteredHandler(drops, "drops", drop_stale=True),
    RegisteredHandler(drops, "drops_too", drop_stale=True),
]


def version_of(type: str = "user.updated", **fields: Any) -> ObjectVersion | None:
    envelope = {"timestamp": fields.pop("timestamp")} if "timestamp" in fields else {}
    data = {"id": "user_1", **fields}
    return object_version(parse_event({"type": type, "data": data, **envelope}), HANDLERS)


def time_of(**fields: Any) -> int | None:
    version = version_of(**fields)
    assert version is not None
    return version.time


def test_an_event_is_about_the_object_of_its_family_and_id() -> None:
    version = version_of("organizationMembership.updated", id="orgmem_1", updated_at=5)
    assert version is not None
    assert version.key == ("organizationMembership", "orgmem_1")
    assert version.handlers == {"drops", "drops_too"}
    assert not version.is_delete


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [("user.deleted", True), ("user.created", False), ("session.removed", False)],
)
def test_a_deletion_is_one_by_its_type(event_type: str, expected: bool) -> None:
    version = version_of(event_type)
    assert version is not None
    assert version.is_delete is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"updated_at": 1_700_000_000_123, "timestamp": 1_800_000_000_000}, 1_700_000_000_123),
        ({"timestamp": 1_800_000_000_000}, 1_800_000_000_000),
        ({"updated_at": None, "timestamp": 1_800_000_000_000}, 1_800_000_000_000),
        ({}, None),
        ({"updated_at": 0, "timestamp": 5_000}, 0),
        ({"updated_at": -1_000_000_000_000}, -1_000_000_000_000),
        ({"updated_at": "2023-11-14T22:13:20.123Z"}, 1_700_000_000_123),
        ({"updated_at": "2023-11-14T22:13:20.1239Z"}, 1_700_000_000_123),
        ({"updated_at": "2023-11-15T03:43:20.123+05:30"}, 1_700_000_000_123),
        ({"updated_at": "2023-11-14T14:13:20.123-08:00"}, 1_700_000_000_123),
        ({"updated_at": "2023-11-14T22:13:20.123"}, 1_700_000_000_123),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, -62_135_647_200_000),
        ({"updated_at": "9999-12-31T23:59:59-12:00"}, 253_402_343_999_000),
    ],
    ids=repr,
)
def test_its_time_is_updated_at_else_that_of_the_envelope(
    fields: dict[str, Any], expected: int | None
) -> None:
    assert time_of(**fields) == expected


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system has no TZ to set")
def test_a_naive_time_is_utc_wherever_the_server_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert time_of(updated_at="2023-11-14T22:13:20.123") == 1_700_000_000_123
    finally:
        monkeypatch.undo()
        time.tzset()


def test_without_handlers_that_drop_stale_events_nothing_is_known_of_the_object() -> None:
    event = parse_event({"type": "user.created", "data": {"id": "user_1"}})
    assert object_version(event, HANDLERS[:1]) is None


@pytest.mark.parametrize("data", [None, 5, {"id": "user_1"}, {"id": 5}, []], ids=repr)
def test_an_unknown_event_is_about_no_object_whatever_its_data(data: Any) -> None:
    event = parse_event({"type": "user.promoted", "data": data})
    assert object_version(event, HANDLERS) is None

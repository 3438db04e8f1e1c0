"""The scenario of the demo: its handlers, and deliveries with their expected ends."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from .. import Router
from ..events import (
    OrganizationMembershipCreated,
    SessionCreated,
    UnknownEvent,
    UserCreated,
    UserDeleted,
    UserEvent,
)

Headers = dict[str, str]


def build_router(note: Callable[[str], None]) -> Router:
    """The handlers of the demo; each passes `note` its name and what it saw. One fails, once."""
    router = Router()
    failures = [RuntimeError("the database is down")]

    @router.on("user.*", name="audit")
    def audit(event: UserEvent) -> None:
        note(f"audit: {event.type}")

    @router.on("user.created", name="welcome")
    def welcome(event: UserCreated) -> None:
        note(f"welcome: {event.data.primary_email}")

    @router.on("user.deleted", name="erase")
    def erase(event: UserDeleted) -> None:
        note(f"erase: {event.data.id}")
        if failures:
            raise failures.pop()

    @router.on("organizationMembership.created", name="add_member")
    def add_member(event: OrganizationMembershipCreated) -> None:
        note(f"add_member: {event.data.role}")

    @router.on("session.created", name="greet")
    async def greet(event: SessionCreated) -> None:
        note(f"greet: {event.data.user_id}")

    @router.on_unknown(name="keep")
    def keep(event: UnknownEvent) -> None:
        note(f"keep: {event.type}")

    return router


def _as_signed(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body, headers


def _with_changed_body(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body.replace(b"ada@", b"eve@"), headers


def _with_bare_signature(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body, headers | {"svix-signature": headers["svix-signature"].removeprefix("v1,")}


class Case(NamedTuple):
    """One delivery: its title, its content, and its expected end."""

    title: str
    event: dict[str, Any]
    status: int
    word: str
    """The expected outcome, or reason, in the body of the reply."""
    notes: tuple[str, ...] = ()
    """The expected notes of the handlers, in order."""
    age: timedelta = timedelta(0)
    is_repeat: bool = False
    """Whether it is the message of the previous case again, as Svix repeats one."""
    tamper: Callable[[bytes, Headers], tuple[bytes, Headers]] = _as_signed


_USER = {
    "id": "user_ada",
    "first_name": "Ada",
    "primary_email_address_id": "idn_2",
    "email_addresses": [
        {"id": "idn_1", "email_address": "ada@old.example"},
        {"id": "idn_2", "email_address": "ada@example.com"},
    ],
}
_CREATED = {"type": "user.created", "data": _USER}
_DELETED = {"type": "user.deleted", "data": {"id": "user_ada", "deleted": True}}

CASES: tuple[Case, ...] = (
    Case(
        "user.created",
        _CREATED,
        200,
        "handled",
        ("audit: user.created", "welcome: ada@example.com"),
    ),
    Case("the same message again: a duplicate", _CREATED, 200, "duplicate", is_repeat=True),
    Case(
        "organizationMembership.created",
        {
            "type": "organizationMembership.created",
            "data": {"id": "orgmem_1", "role": "org:admin"},
        },
        200,
        "handled",
        ("add_member: org:admin",),
    ),
    Case(
        "session.created, to an async handler",
        {"type": "session.created", "data": {"id": "sess_1", "user_id": "user_ada"}},
        200,
        "handled",
        ("greet: user_ada",),
    ),
    Case(
        "user.updated, to a handler of user.*",
        {"type": "user.updated", "data": _USER},
        200,
        "handled",
        ("audit: user.updated",),
    ),
    Case(
        "sms.created, which has no handler",
        {"type": "sms.created", "data": {"id": "sms_1"}},
        200,
        "unhandled",
    ),
    Case(
        "invoice.paid, newer than this library",
        {"type": "invoice.paid", "data": {"id": "inv_1"}},
        200,
        "handled",
        ("keep: invoice.paid",),
    ),
    Case(
        "user.deleted, where one handler raises",
        _DELETED,
        500,
        "handler_failed",
        ("audit: user.deleted", "erase: user_ada"),
    ),
    Case(
        "the same message again: only that handler runs",
        _DELETED,
        200,
        "handled",
        ("erase: user_ada",),
        is_repeat=True,
    ),
    Case("forged: body changed", _CREATED, 400, "no_match", tamper=_with_changed_body),
    Case("replayed: an hour old", _CREATED, 400, "too_old", age=timedelta(hours=1)),
    Case("malformed signature header", _CREATED, 400, "no_match", tamper=_with_bare_signature),
)

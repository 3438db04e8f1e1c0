"""Signed requests. svix's own code signs them, as for Clerk, not the code under test."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from ..body import Body, to_bytes
from ..delivery import Delivery
from ..errors import ConfigurationError, InputTypeError, SecretError
from ..secret import SECRET_VARIABLE, Secret, read_keys
from ..signing import sign

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..events import AnyEvent

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0ZXN0cywgbm90IHlvdXJz"  # noqa: S105 - public
"""A signing secret for tests. It is public and protects nothing."""

_INSTANCE_ID = "ins_2abcdefghijklmnopqrstuvwxyz"
"""The instance id for an event that has none."""

Sendable: TypeAlias = "AnyEvent | Mapping[str, Any] | Body"
"""A body that can be signed and sent: an event, its JSON object, or any raw body."""


class _Request(NamedTuple):
    body: bytes
    """The raw body."""
    headers: dict[str, str]
    """The three ``svix-*`` headers, and a ``content-type``."""


class SignedRequest(_Request):
    """A delivery as it goes over the wire, made by `signed_request`.

    It is a tuple of ``body`` and ``headers``, so ``endpoint.receive(*request)`` works. Its methods
    make other deliveries that a receiver must be able to deal with.
    """

    _keys: tuple[bytes, ...]

    @classmethod
    def _signed(
        cls, body: bytes, keys: tuple[bytes, ...], message_id: str, signed_at: datetime
    ) -> Self:
        headers = {
            "content-type": "application/json",
            "svix-id": message_id,
            "svix-timestamp": str(int(signed_at.timestamp())),
            "svix-signature": _signatures(body, keys, message_id, signed_at),
        }
        request = cls(body, headers)
        request._keys = keys
        return request

    @property
    def message_id(self) -> str:
        """The ``svix-id``, which is the same on every attempt."""
        return self.headers["svix-id"]

    @property
    def signed_at(self) -> datetime:
        """The ``svix-timestamp``, when this attempt was signed: an aware time in whole seconds."""
        return datetime.fromtimestamp(int(self.headers["svix-timestamp"]), timezone.utc)

    def old(self, age: timedelta = timedelta(hours=1)) -> Self:
        """The same message with a valid signature, made `age` earlier: an endpoint refuses it."""
        return self._again(self.signed_at - age)

    def retry(self, after: timedelta = timedelta(seconds=5)) -> Self:
        """The next attempt at the same message: the same id and body, signed `after` this one.

        Svix makes the first retry after five seconds. An endpoint accepts it, but its handlers
        should not do their work twice.
        """
        return self._again(self.signed_at + after)

    def forged(self) -> Self:
        """The same message, signed without knowing the secret: an endpoint refuses it."""
        return self._signed(self.body, (secrets.token_bytes(24),), self.message_id, self.signed_at)

    def _again(self, signed_at: datetime) -> Self:
        return self._signed(self.body, self._keys, self.message_id, signed_at)


def signed_request(
    event: Sendable,
    *,
    secret: Secret | None = None,
    message_id: str | None = None,
    signed_at: datetime | None = None,
) -> SignedRequest:
    """Sign `event` with svix, as Clerk's deliveries are signed; returns the body and headers.

    The body of an event or a mapping always has ``object``, ``type``, ``timestamp`` and
    ``instance_id``; bytes and text are sent unchanged. `secret` is one signing secret, or several
    during a rotation. It defaults to the environment variable ``CLERK_WEBHOOK_SIGNING_SECRET``, or
    to `SECRET` if that is unset. `message_id` defaults to a new one, `signed_at` (aware) to now.

    Raises `SecretError`, `ConfigurationError` for an id or a time that no receiver would accept,
    and `InputTypeError` for anything other than an event.
    """
    if secret is None:
        secret = os.environ.get(SECRET_VARIABLE, "").strip() or SECRET
    if signed_at is None:
        signed_at = datetime.now(timezone.utc)
    elif not isinstance(cast("object", signed_at), datetime):
        raise ConfigurationError(f"signed_at: expected a datetime, not {type(signed_at).__name__}")
    elif signed_at.tzinfo is None:
        raise ConfigurationError("signed_at: expected an aware datetime, not a naive one")
    if message_id is None:
        message_id = _new_message_id()
    else:
        sign(b"", secret=secret, message_id=message_id)  # Raises if no receiver would accept it.
    keys = read_keys(secret)
    if isinstance(keys, SecretError):
        raise keys
    # svix 2.x signs a non-UTC datetime as a different instant.
    at = signed_at.astimezone(timezone.utc)
    # Only this function makes instances.
    return SignedRequest._signed(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        body_of(event), keys, message_id, at
    )


def delivery(
    event: Sendable,
    *,
    message_id: str | None = None,
    attempted_at: datetime | None = None,
    context: object = None,
) -> Delivery:
    """Make the delivery of `event` that a verifier would return, for unit tests of handlers.

    ``router.dispatch(delivery(event))`` runs handlers that take the delivery. Handlers with
    `drop_stale`, or that write in their store's transaction, need a `Processor` and its store.
    The body is that of `signed_request`. `message_id` defaults to a new one, `attempted_at` (aware)
    to now. `context` is what `Delivery.context` gives.

    Raises `InputTypeError` for anything else.
    """
    if attempted_at is None:
        attempted_at = datetime.now(timezone.utc).replace(microsecond=0)
    if message_id is None:
        message_id = _new_message_id()
    return Delivery(message_id, attempted_at, body_of(event), context=context)


def body_of(event: Sendable) -> bytes:
    """The raw body of a delivery of `event`; an event becomes JSON without blanks.

    Raises `InputTypeError` for anything other than an event.
    """
    if isinstance(event, Mapping):
        from pydantic_core import to_jsonable_python

        try:
            payload = cast("dict[str, Any]", to_jsonable_python(dict(event)))
        except (ValueError, RecursionError):
            problem = "the event contains a value that JSON cannot express"
            raise InputTypeError(problem, reason="bad_body") from None
    elif hasattr(event, "model_dump_json"):
        text = cast("AnyEvent", event).model_dump_json(exclude_unset=True)
        payload = cast("dict[str, Any]", json.loads(text))
    else:
        body = to_bytes(event)
        if isinstance(body, InputTypeError):
            raise body
        return body
    for name, value in _envelope().items():
        if payload.get(name) is None:
            payload[name] = value
    if not isinstance(payload.get("type"), str):
        raise InputTypeError("the event has no `type`", reason="bad_body")
    # In the order of live deliveries: the type, then all other fields by name.
    rest = {name: value for name, value in payload.items() if name != "type"}
    return f'{{"type":{_json(payload["type"])},{_json(rest)[1:]}'.encode("utf-8", "surrogatepass")


def _new_message_id() -> str:
    return f"msg_{secrets.token_hex(14)}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _envelope() -> dict[str, object]:
    return {"object": "event", "timestamp": int(time.time() * 1000), "instance_id": _INSTANCE_ID}


def _signatures(body: bytes, keys: tuple[bytes, ...], message_id: str, signed_at: datetime) -> str:
    """One entry per key, as Svix sends them during a rotation."""
    from svix.webhooks import Webhook

    secret_texts = ("whsec_" + base64.b64encode(key).decode() for key in keys)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InputTypeError("svix signs only bodies in UTF-8", reason="bad_body") from None
    return " ".join(Webhook(secret).sign(message_id, signed_at, text) for secret in secret_texts)

"""Every kind of failure that an error leaves a public function with, for `test_leaks`.

Each is reached with the real secret, the right signature and a payload, so that there is something
to leak. Run as a program, it reports each to Sentry as an application would, and prints the events.
"""

import asyncio
import json
import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from clerk_hooks import (
    AbortDelivery,
    ClerkHooksError,
    Delivery,
    Endpoint,
    MemoryStore,
    Processor,
    Router,
    SvixVerifier,
    Verifier,
    parse_event,
    sign,
    verify,
)

KEY = b"the key of an endpoint, 32 bytes"
BASE64 = b64encode(KEY).decode()
SECRET = "whsec_" + BASE64
VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"
PRIVATE = "Ada-Lovelace-4711"
BODY = f'{{"type":"user.created","data":{{"id":"user_1","first_name":"{PRIVATE}"}}}}'.encode()
_signed: dict[str, str] = {}


def headers() -> dict[str, str]:
    """Those of `BODY`, signed a minute ago at most: all tests take longer than the tolerance."""
    if time.time() - int(_signed.get("svix-timestamp", 0)) > 60:
        _signed.update(sign(BODY, secret=SECRET, message_id="msg_1"))
    return dict(_signed)


def signature() -> str:
    """The one in these headers."""
    return headers()["svix-signature"].removeprefix("v1,")


def forged() -> dict[str, str]:
    return {**headers(), "svix-signature": "v1," + "A" * 43 + "="}


OLD = sign(BODY, secret=SECRET, timestamp=1_700_000_000)
NEW = sign(BODY, secret=SECRET, timestamp=99_999_999_999)
VERIFIER = Verifier(SECRET)


class Broken:
    """An object that fails in any way in which it is used, with what it holds in its frames."""

    def __init__(self) -> None:
        self.held = SECRET

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("broken")

    items = get_secret_value = __iter__


def failing() -> str:
    raise RuntimeError("the vault is sealed")


def without_the_variable(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        kept = os.environ.pop(VARIABLE, None)
        try:
            return call()
        finally:
            os.environ.pop(VARIABLE, None)
            if kept is not None:
                os.environ[VARIABLE] = kept

    return run


def in_variable(text: str, call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        os.environ[VARIABLE] = text
        return call()

    return without_the_variable(run)


SECRETS: dict[str, Any] = {
    "one wrong of two": [SECRET, "whsec_not base64!"],
    "a slip": SECRET + "!",
    "in bytes": (SECRET + "!").encode(),
    "decorated": f"NAME={SECRET}",
    "encoded twice": b64encode(SECRET.encode()).decode(),
    "too short": "whsec_" + BASE64[:8],
    "an API key": "sk_live_" + BASE64,
    "in a dict": {"secret": SECRET},
    "in a list of a list": [[SECRET]],
    "none of them": [],
    "a broken iterable": Broken(),
    "beside something else": [SECRET, None],
}
FUNCTIONS: dict[str, Any] = {
    "that fails": failing,
    "that returns a slip": lambda: SECRET + "!",
    "that returns something else": lambda: {"secret": SECRET},
    "beside a secret": [SECRET, failing],
}
REQUESTS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "no headers": lambda: (BODY, {}),
    "an incomplete family": lambda: (BODY, {**headers(), "svix-id": ""}),
    "renamed headers": lambda: (BODY, {name.replace("-", "_"): v for name, v in headers().items()}),
    "different copies": lambda: (BODY, [*headers().items(), ("svix-signature", "v1,other")]),
    "different copies in a list": lambda: (
        BODY,
        {**headers(), "svix-signature": [signature(), "other"]},
    ),
    "joined copies": lambda: (
        BODY,
        {**headers(), "svix-signature": f"v1,{signature()}, v1,{signature()}"},
    ),
    "a bad message id": lambda: (BODY, {**headers(), "svix-id": "msg.1"}),
    "a bad timestamp": lambda: (BODY, {**headers(), "svix-timestamp": "1e9"}),
    "too many signatures": lambda: (
        BODY,
        {**headers(), "svix-signature": f"v1,{signature()} " * 65},
    ),
    "too old": lambda: (BODY, OLD),
    "too new": lambda: (BODY, NEW),
    "forged": lambda: (BODY, forged()),
    "another body": lambda: (BODY + b" ", headers()),
    "a body that is not UTF-8": lambda: (BODY + b"\xff", headers()),
    "not a body": lambda: ({"body": BODY}, headers()),
    "not headers": lambda: (BODY, 5),
    "broken headers": lambda: (BODY, Broken()),
    "a value that is not text": lambda: (BODY, {**headers(), "svix-id": Broken()}),
}
PAYLOADS: dict[str, bytes] = {
    "not JSON": BODY[:-1],
    "not an object": json.dumps([PRIVATE]).encode(),
    "without a type": json.dumps({"data": PRIVATE}).encode(),
    "whose data is text": json.dumps({"type": "user.created", "data": PRIVATE}).encode(),
    "whose data has no id": json.dumps({"type": "user.created", "data": {"n": PRIVATE}}).encode(),
}


UNREADABLE = json.dumps(
    {"type": "user.created", "data": {"id": "user_1", "first_name": {"v": PRIVATE}}}
)


def wrong_tolerance() -> object:
    return Verifier(SECRET, tolerance=timedelta(-1))


def delivery_of(payload: bytes) -> Delivery:
    return VERIFIER.verify(payload, sign(payload, secret=SECRET))


def needs_a_store() -> object:
    router = Router()
    router.on("user.created", drop_stale=True)(lambda event: None)
    return Endpoint(router, secret=SECRET)


async def running(function: Callable[[], object]) -> object:
    return function()


def async_handler_in_a_loop() -> object:
    router = Router()

    @router.on("user.created")
    async def handle(event: object) -> None: ...

    return asyncio.run(running(lambda: Endpoint(router, secret=SECRET).receive(BODY, headers())))


def areceived(body: Any, headers: Any) -> object:
    return asyncio.run(Endpoint(Router(), secret=SECRET).areceive(body, headers))


def clock(now: Any) -> Callable[[], object]:
    return lambda: Verifier(SECRET, clock=lambda: now).verify(BODY, headers())


def fails(event: Any, delivery: Delivery) -> None:
    raise RuntimeError("no")


def succeeds(event: Any) -> None: ...


async def afails(event: Any) -> None:
    raise RuntimeError("no")


def aborts(event: Any) -> None:
    raise AbortDelivery("no")


def reads_the_unreadable(event: Any) -> None:
    parse_event(UNREADABLE).data.first_name  # type: ignore[union-attr]  # noqa: B018


HANDLERS: dict[str, Any] = {
    "a handler fails": fails,
    "an async handler fails": afails,
    "a handler aborts": aborts,
    "a handler reads what cannot be read": reads_the_unreadable,
}


def router_with(handler: Any) -> Router:
    router = Router()
    router.on("user.created")(handler)
    return router


class FailingStore(MemoryStore):
    def claim(self, *arguments: Any) -> Any:
        raise RuntimeError("the disk is full")


class ForgetfulStore(MemoryStore):
    def confirm(self, *arguments: Any) -> bool:
        return False


STORE = MemoryStore()


def claimed(processor: Processor) -> object:
    delivery = delivery_of(BODY)
    names = [f"{fails.__module__}.{fails.__qualname__}"]
    STORE.claim(delivery.message_id, names, timedelta(minutes=1))
    return processor.process(delivery)


FAILURES: dict[str, Callable[[], object]] = {
    **{f"Verifier: {what}": (lambda s=s: Verifier(s)) for what, s in SECRETS.items()},
    **{f"SvixVerifier: {what}": (lambda s=s: SvixVerifier(s)) for what, s in SECRETS.items()},
    **{f"Endpoint: {what}": (lambda s=s: Endpoint(Router(), secret=s))
       for what, s in SECRETS.items()},
    **{f"verify: {what}": (lambda s=s: verify(BODY, headers(), secret=s))
       for what, s in SECRETS.items()},
    **{f"sign: {what}": (lambda s=s: sign(BODY, secret=s)) for what, s in SECRETS.items()},
    **{f"verify: a function {what}": (lambda s=s: verify(BODY, headers(), secret=s))
       for what, s in FUNCTIONS.items()},
    **{f"SvixVerifier: a function {what}": (lambda s=s: SvixVerifier(s).verify(BODY, headers()))
       for what, s in FUNCTIONS.items()},
    **{f"receive: a function {what}":
       (lambda s=s: Endpoint(Router(), secret=s).receive(BODY, headers()))
       for what, s in FUNCTIONS.items()},
    **{f"variable: {what}": in_variable(s, Verifier) for what, s in SECRETS.items()
       if isinstance(s, str)},
    "variable: unset": without_the_variable(Verifier),
    **{f"verify: {what}": (lambda r=r: VERIFIER.verify(*r())) for what, r in REQUESTS.items()},
    **{f"one-liner: {what}": (lambda r=r: verify(*r(), secret=SECRET))
       for what, r in REQUESTS.items()},
    **{f"SvixVerifier: {what}": (lambda r=r: SvixVerifier(SECRET).verify(*r()))
       for what, r in REQUESTS.items()},
    **{f"receive: {what}": (lambda r=r: Endpoint(Router(), secret=SECRET).receive(*r()))
       for what, r in REQUESTS.items() if what.startswith(("not", "broken", "a value"))},
    **{f"areceive: {what}": (lambda r=r: areceived(*r()))
       for what, r in REQUESTS.items() if what.startswith(("not", "broken", "a value"))},
    "Verifier: a wrong tolerance": wrong_tolerance,
    "Verifier: a wrong clock": lambda: Verifier(SECRET, clock=5),  # type: ignore[arg-type]
    "verify: a clock of NaN": clock(float("nan")),
    "verify: a clock of text": clock("now"),
    "verify: an impossible clock": clock(Decimal("1e5000")),
    "verify: a wrong now": lambda: verify(BODY, headers(), secret=SECRET, now=float("nan")),
    "sign: not a body": lambda: sign({"body": BODY}, secret=SECRET),  # type: ignore[arg-type]
    "sign: a wrong id": lambda: sign(BODY, secret=SECRET, message_id="a.b"),
    "sign: a wrong time": lambda: sign(BODY, secret=SECRET, timestamp=-1),
    "receive: an async handler in a loop": async_handler_in_a_loop,
    "Endpoint: a handler that needs a store": needs_a_store,
    "Delivery: not a payload": lambda: Delivery("msg_1", 1, {"body": BODY}),  # type: ignore[arg-type]
    "Delivery: a wrong time": lambda: Delivery("msg_1", "now", BODY),  # type: ignore[arg-type]
}  # fmt: skip
READING: dict[str, Callable[[], object]] = {
    **{f"parse_event: {what}": (lambda p=p: parse_event(p)) for what, p in PAYLOADS.items()},
    **{f"event: {what}": (lambda p=p: delivery_of(p).event) for what, p in PAYLOADS.items()},
    **{f"type: {what}": (lambda p=p: delivery_of(p).type)
       for what, p in PAYLOADS.items() if "data" not in what},
    **{f"json: {what}": (lambda p=p: delivery_of(p).json())
       for what, p in PAYLOADS.items() if what.startswith("not")},
    "parse_event: a mapping without a type": lambda: parse_event({"data": PRIVATE}),
    "parse_event: a mapping whose data is text": lambda: parse_event(
        {"type": "user.created", "data": PRIVATE}
    ),
    "an unreadable value": lambda: parse_event(UNREADABLE).data.first_name,  # type: ignore[union-attr]
    "from_json: not JSON": lambda: Delivery.from_json(BODY[:-1]),
    "from_json: not a delivery": lambda: Delivery.from_json(BODY),
    "from_json: without a time": lambda: Delivery.from_json(
        json.dumps({"v": 1, "message_id": "msg_1", "payload": BODY.decode()})
    ),
    "from_json: a newer version": lambda: Delivery.from_json(
        json.dumps({"v": 2, "payload": BODY.decode()})
    ),
    "from_json: not text": lambda: Delivery.from_json([PRIVATE]),  # type: ignore[arg-type]
    "parse_event: not a payload": lambda: parse_event([PRIVATE]),  # type: ignore[arg-type]
}  # fmt: skip


HANDLING: dict[str, Callable[[], object]] = {
    **{f"{kind}: {what}": (lambda c=call, h=handler: c(router_with(h)))
       for what, handler in HANDLERS.items()
       for kind, call in {
           "dispatch": lambda router: router.dispatch(delivery_of(BODY)),
           "process": lambda router: Processor(router).process(delivery_of(BODY)),
           "process with a store": lambda router: Processor(
               router, store=MemoryStore()
           ).process(delivery_of(BODY)),
           "adispatch": lambda router: asyncio.run(router.adispatch(delivery_of(BODY))),
           "aprocess": lambda router: asyncio.run(
               Processor(router).aprocess(delivery_of(BODY))
           ),
           "aprocess with a store": lambda router: asyncio.run(
               Processor(router, store=MemoryStore()).aprocess(delivery_of(BODY))
           ),
       }.items()},
    "process: a store that fails": lambda: Processor(
        router_with(fails), store=FailingStore()
    ).process(delivery_of(BODY)),
    "aprocess: a store that fails": lambda: asyncio.run(
        Processor(router_with(fails), store=FailingStore()).aprocess(delivery_of(BODY))
    ),
    "process: a claim that is lost": lambda: Processor(
        router_with(succeeds), store=ForgetfulStore()
    ).process(delivery_of(BODY)),
    "dispatch: a handler that needs the delivery": lambda: router_with(fails).dispatch(
        delivery_of(BODY).event
    ),
    "process: handled elsewhere": lambda: claimed(Processor(router_with(fails), store=STORE)),
}  # fmt: skip
ALL = FAILURES | READING | HANDLING


def raised_by(call: Callable[[], object]) -> ClerkHooksError:
    try:
        call()
    except ClerkHooksError as error:
        return error
    raise AssertionError("nothing was raised")


def main() -> None:
    import sentry_sdk
    from sentry_sdk.envelope import Envelope
    from sentry_sdk.transport import Transport

    events: list[Any] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            events.extend(item.payload.json for item in envelope.items if item.type == "event")

    # All else is as Sentry has it for everybody.
    sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=Kept)
    found = {}
    for what, call in ALL.items():
        events.clear()
        sentry_sdk.capture_exception(raised_by(call))
        found[what] = list(events)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

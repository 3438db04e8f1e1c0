"""No secret, key, right signature or payload is in a local variable that an error takes along.

Error trackers record the local variables of each function that an error leaves. Only the arguments
`secret`, `body` and `headers` of the public function that was called hold them: they are the
caller's own.
"""

import json
import subprocess
import sys
import traceback
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import clerk_hooks
from clerk_hooks import (
    AbortDelivery,
    ClerkHooksError,
    ConfigurationError,
    Endpoint,
    LengthRequired,
    MalformedRequest,
    MethodNotAllowed,
    QueueUnavailable,
    RequestTooLarge,
    Router,
    VerificationError,
    Verifier,
)
from clerk_hooks.events import UnknownEvent, UserCreated
from clerk_hooks.testing import explain

from .failures import ALL, BASE64, BODY, KEY, PRIVATE, SECRET, headers, raised_by, signature

SOURCE = Path(clerk_hooks.__file__).parent
PUBLIC = {
    "secret": {"__init__", "verify", "sign", "explain"},
    "body": {"verify", "receive", "areceive", "explain"},
    "headers": {"verify", "receive", "areceive", "explain"},
}

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


def secrets() -> tuple[str, ...]:
    return BASE64, KEY.decode(), signature(), PRIVATE


def leaks(trace: traceback.TracebackException | None) -> Iterator[str]:
    """Which local variables of ours, in the whole chain of errors, hold what they must not."""
    if trace is None:
        return
    for frame in trace.stack:
        if SOURCE in Path(frame.filename).parents:
            for name, value in (frame.locals or {}).items():
                is_argument = frame.name in PUBLIC.get(name, ())
                if not is_argument and any(hidden in value for hidden in secrets()):
                    yield f"{Path(frame.filename).name}:{frame.lineno} {frame.name}: {name}"
    yield from leaks(trace.__cause__)
    yield from leaks(trace.__context__)


@pytest.mark.parametrize("what", ALL)
def test_an_error_takes_nothing_along(what: str) -> None:
    error = raised_by(ALL[what])
    for each in (error, *getattr(error, "errors", ())):  # Those of the handlers.
        trace = traceback.TracebackException.from_exception(each, capture_locals=True)
        assert list(leaks(trace)) == []
        assert not any(hidden in "".join(trace.format_exception_only()) for hidden in secrets())


def test_every_class_of_error_is_among_the_failures() -> None:
    seen = {type(raised_by(call)) for call in ALL.values()}
    answered = {MalformedRequest, MethodNotAllowed, LengthRequired, RequestTooLarge}
    answered.add(QueueUnavailable)
    inside_others = {ClerkHooksError, VerificationError, AbortDelivery}
    classes = {getattr(clerk_hooks, name) for name in clerk_hooks.__all__}
    errors = {kind for kind in classes if isinstance(kind, type) and issubclass(kind, Exception)}
    assert errors - seen == answered | inside_others


def test_sentry_is_sent_nothing() -> None:
    run = [sys.executable, "-W", "error", "-m", "tests.failures"]
    root = Path(__file__).parents[1]
    printed = subprocess.run(run, cwd=root, capture_output=True, check=False, text=True)
    assert printed.returncode == 0, printed.stderr
    found: dict[str, list[Any]] = json.loads(printed.stdout.splitlines()[-1])
    assert set(found) == set(ALL)
    assert all(found.values())
    leaking = {what: [*chain(*map(sent, events))] for what, events in found.items()}
    assert {what: where for what, where in leaking.items() if where} == {}


def sent(event: dict[str, Any]) -> Iterator[str]:
    """Where an event of Sentry holds what it must not, beside variables of the application."""
    frames = [
        frame
        for value in event.get("exception", {"values": []})["values"]
        for frame in (value.pop("stacktrace", None) or {"frames": []})["frames"]
    ]
    for frame in frames:
        if frame["module"].partition(".")[0] == "clerk_hooks":
            for name, value in frame["vars"].items():
                is_argument = frame["function"] in PUBLIC.get(name, ())
                if not is_argument and any(hidden in json.dumps(value) for hidden in secrets()):
                    yield f"{frame['module']} {frame['function']}: {name}"
    if any(hidden in json.dumps(event) for hidden in secrets()):
        yield "beside the frames"


def test_the_search_finds_what_it_looks_for() -> None:
    """Else the tests above would be worth nothing."""

    def leak() -> None:
        found = [SECRET, signature()]
        raise RuntimeError(str(len(found)))

    leak.__code__ = leak.__code__.replace(co_filename=str(SOURCE / "x.py"))
    try:
        leak()
    except RuntimeError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert len(list(leaks(trace))) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_handler_that_fails_is_logged_without_the_payload(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()

    if kind == "sync":

        @router.on("user.created")
        def handle(event: object, delivery: object) -> None:
            raise RuntimeError("no")

    else:

        @router.on("user.created")
        async def ahandle(event: object, delivery: object) -> None:
            raise RuntimeError("no")

    assert Endpoint(router, secret=SECRET).receive(BODY, headers()).status == 500
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert errors
    for error in errors:
        assert error is not None
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert list(leaks(trace)) == []


def test_a_verifier_that_was_refused_can_be_shown() -> None:
    verifier = Verifier.__new__(Verifier)
    assert repr(verifier) == "<Verifier secrets=0 tolerance=None>"


def test_an_event_that_was_refused_can_be_shown() -> None:
    """Its constructor is a frame that error trackers record."""
    assert repr(UserCreated.__new__(UserCreated)) == "UserCreated()"
    assert repr(UnknownEvent.__new__(UnknownEvent)) == "UnknownEvent()"
    with pytest.raises(ValidationError) as caught:
        UserCreated(type="user.created", data={"id": 5, "first_name": PRIVATE})  # type: ignore[arg-type]
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert any((frame.locals or {}).get("self") == "UserCreated()" for frame in trace.stack)


def test_explain_takes_nothing_along() -> None:
    with pytest.raises(ConfigurationError) as caught:
        explain(BODY, headers(), secret=SECRET, other_secrets=[SECRET], now="now")  # type: ignore[arg-type]
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert list(leaks(trace)) == []

"""Running the handlers of one event, for synchronous and for asynchronous callers."""

# Theory of operation
#
# A run has a list of handlers and works through it in order, one handler at a time. Each handler is
# in one of these states, which only the run that has the list changes:
#
#   waiting --> running --> succeeded | failed | aborted --> settled
#      |
#      +-----> left: its lease was over before it could begin, or something ended the whole run
#
# - An `Exception` of a handler ends that handler and nothing else. It is logged with its traceback,
#   and kept. After the last handler, one `HandlerError` has them all. (`AbortDelivery` is such an
#   exception too; the reply depends on whether there was any other.)
# - Anything else that a handler raises (KeyboardInterrupt, SystemExit, a cancellation that somebody
#   asked for) ends the run, and goes on to the caller at once.
# - If the handlers were claimed in a store, each is settled as soon as it has ended and before the
#   next one begins (see claims.py). An error of the store ends the run. The handlers that are left
#   are released at the end of the `with` around the run, so a retry need not wait for them.
# - Just before a handler is called, in the thread or on the loop that calls it, `check_lease` looks
#   at the clock: a handler may have waited long for a free thread. If the lease is over, that
#   handler and all after it are left to a retry.
#
# A crash ends the run without settling anything: what it leaves behind is in claims.py.
#
# The kinds of handlers and callers cross as follows. `handler.call` may also return an awaitable
# without being `async`; it is awaited where an async handler would run.
#
#                    synchronous caller                asynchronous caller
#   sync handler     called in the caller's thread     called in a thread, through `run_sync`
#   async handler    awaited on a loop of the call     awaited in the caller's task
#
# A thread cannot be interrupted. So if the caller of `arun_handlers` is cancelled while a sync
# handler runs, the run waits for the end of the handler, settles it, and only then passes the
# cancellation on. An async handler is cancelled in the usual way, and then released.
#
# `run_handlers` and `arun_handlers` do the same, as do `_run` and `_arun`. This is deliberate. One
# shared plan with two drivers was built and measured: it is 24 to 42 % slower, and it breaks the
# order of cancellations that the paragraph above describes. Keep each pair side by side, and change
# both.
#
# asyncio is imported only where something has to be awaited.

import logging
from collections.abc import Awaitable, Sequence
from contextvars import Token
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias, cast

from .claims import Claims, LeaseError
from .delivery import Delivery
from .errors import AbortDelivery, HandlerError, InputTypeError
from .eventloop import OwnLoop, RunSync, ThreadCall, awaited, discard, failure
from .handler import RegisteredHandler
from .idempotency import RunningHandler, running_handler

if TYPE_CHECKING:
    from asyncio import CancelledError

    from .events import AnyEvent

_Failure: TypeAlias = tuple[RegisteredHandler, Exception]

_logger = logging.getLogger("clerk_hooks")


def run_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None = None,
) -> None:
    """Run `handlers` for a synchronous caller; async ones on one event loop, made for this call.

    `claims` are the claims on these handlers. Once their lease is over, no handler begins.

    Raises `HandlerError`; `ConfigurationError`, before any handler runs, if one is async and an
    event loop is already running in this thread; and `StoreUnavailable` as soon as a claim cannot
    be settled.
    """
    if delivery is None:
        _refuse_lacking(handlers)
    loop = OwnLoop()
    if any(handler.is_async for handler in handlers):
        loop.open()
    failures: list[_Failure] = []
    try:
        for handler in handlers:
            started = perf_counter()
            error = _run(handler, event, delivery, claims, loop)
            if isinstance(error, LeaseError):
                break
            if error is not None:
                failures.append(_failed(handler, error, started, event, delivery))
            if claims is not None:
                claims.settle(handler, succeeded=error is None)
    finally:
        loop.close()
    if failures:
        raise _gathered(failures, handlers)


async def arun_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    run_sync: RunSync | None,
    claims: Claims | None = None,
) -> None:
    """Run `handlers` on the running event loop; sync ones through `run_sync`, else in a thread.

    `claims` are as for `run_handlers`. A cancellation waits until a running sync handler, which
    nothing can interrupt, has ended and its claim is settled. Raises `HandlerError` and
    `StoreUnavailable`.
    """
    import asyncio

    run_sync = run_sync or asyncio.to_thread
    if delivery is None:
        _refuse_lacking(handlers)
    failures: list[_Failure] = []
    for handler in handlers:
        started = perf_counter()
        error, cancellation = await _arun(handler, event, delivery, claims, run_sync)
        if isinstance(error, LeaseError):
            if cancellation is not None:
                raise cancellation
            break
        if error is not None:
            failures.append(_failed(handler, error, started, event, delivery))
        if claims is not None:
            await claims.asettle(handler, succeeded=error is None)
        if cancellation is not None:
            raise cancellation
    if failures:
        raise _gathered(failures, handlers)


def _run(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None,
    loop: OwnLoop,
) -> BaseException | None:
    """Run one handler to its end; returns what it raised."""
    token = _announce(handler, claims)
    try:
        result = _begin(handler, event, delivery, claims)
        if result is not None and isinstance(result, Awaitable):
            loop.run(cast("Awaitable[object]", result))
    except BaseException as error:  # noqa: BLE001 - sorted by `_failed`
        return failure(error)
    finally:
        if token is not None:
            running_handler.reset(token)
    return None


async def _arun(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None,
    run_sync: RunSync,
) -> "tuple[BaseException | None, CancelledError | None]":
    """Like `_run`; returns also the cancellation that came while a thread could not be stopped."""
    cancellation = None
    token = _announce(handler, claims)
    try:
        if handler.is_async:
            result = _begin(handler, event, delivery, claims)
        else:
            call = ThreadCall(partial(_begin, handler, event, delivery, claims))
            cancellation = await call.run(run_sync)
            result = call.result()
        if result is not None and isinstance(result, Awaitable):
            if cancellation is not None:
                discard(cast("object", result))
                return cancellation, cancellation
            await awaited(cast("Awaitable[object]", result))
    except BaseException as error:  # noqa: BLE001 - sorted by `_failed`
        return error, cancellation
    finally:
        if token is not None:
            running_handler.reset(token)
    return None, cancellation


def _begin(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None,
) -> object:
    """Call `handler`, unless its lease is over by now: then raises `LeaseError`."""
    if claims is not None:
        claims.check_lease()
    return handler.call(event, delivery)


def _announce(
    handler: RegisteredHandler, claims: Claims | None
) -> Token[RunningHandler | None] | None:
    """Publish which handler runs under a claim, but not to handlers that it dispatches itself."""
    if claims is None:
        return None if running_handler.get() is None else running_handler.set(None)
    return running_handler.set(claims.running(handler))


def _refuse_lacking(handlers: Sequence[RegisteredHandler]) -> None:
    """Refuse to run a handler that requires the delivery when there is none."""
    for handler in handlers:
        if handler.needs_delivery:
            raise InputTypeError(
                f"the handler {handler.name} takes (event, delivery): dispatch a Delivery, not an "
                "event alone",
                reason="no_delivery",
            )


def _failed(
    handler: RegisteredHandler,
    error: BaseException,
    started: float,
    event: "AnyEvent",
    delivery: Delivery | None,
) -> _Failure:
    """Log and return what `handler` raised; anything but an `Exception` is raised again."""
    if not isinstance(error, Exception):
        raise error
    seconds = perf_counter() - started
    message_id = delivery.message_id if delivery is not None else None
    outcome = "aborted" if isinstance(error, AbortDelivery) else "failed"
    _logger.error(
        "%s: handler %s %s after %.3f s",
        " ".join(filter(None, (message_id, event.type))),
        handler.name,
        outcome,
        seconds,
        exc_info=error,
        extra={
            "message_id": message_id,
            "event_type": event.type,
            "handler": handler.name,
            "outcome": outcome,
            "duration": seconds,
        },
    )
    return handler, error


def _gathered(failures: list[_Failure], handlers: Sequence[RegisteredHandler]) -> HandlerError:
    described = [f"{handler.name} ({type(error).__name__})" for handler, error in failures]
    failed = [handler.name for handler, _ in failures]
    return HandlerError(
        f"{len(failed)} of {len(handlers)} handlers failed: {', '.join(described)}",
        [error for _, error in failures],
        failed=failed,
        done=[handler.name for handler in handlers if handler.name not in failed],
    )

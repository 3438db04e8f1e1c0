"""Running the handlers of one event, for synchronous and for asynchronous callers.

All of them run, in the order given; what they raise is logged, kept, and raised as one
`HandlerError` at the end. Where they were claimed in a store, each claim is settled as soon as its
handler has ended. asyncio is imported only where something has to be awaited.
"""

import logging
from collections.abc import Awaitable, Sequence
from contextvars import Token
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias, cast

from .claims import Claims
from .delivery import Delivery
from .errors import AbortDelivery, HandlerError, InputTypeError
from .eventloop import OwnLoop, RunSync, ThreadCall, awaited, discard, failure
from .handler import RegisteredHandler
from .idempotency import RunningHandler, running_handler

if TYPE_CHECKING:
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

    `claims` are the claims on these handlers; once their lease is over, no more are begun.

    Raises `HandlerError`; `ConfigurationError` before any handler has run where there are async
    ones and an event loop is running already; `StoreUnavailable` as soon as a claim cannot be
    settled.
    """
    if delivery is None:
        _refuse_lacking(handlers)
    failures: list[_Failure] = []
    loop: OwnLoop | None = None
    for handler in handlers:
        if handler.is_async:
            loop = loop or OwnLoop()
            loop.open()
    try:
        for handler in claims.due() if claims is not None else handlers:
            succeeded = False
            started = perf_counter()
            is_announced = claims is not None or running_handler.get() is not None
            token = _announce(handler, claims) if is_announced else None
            try:
                result = handler.call(event, delivery)
                if result is not None and isinstance(result, Awaitable):
                    loop = loop or OwnLoop()
                    loop.run(cast("Awaitable[object]", result))
                succeeded = True
            except BaseException as error:  # noqa: BLE001 - raised again by `_failed`
                failures.append(_failed(handler, failure(error), started, event, delivery))
            finally:
                if token is not None:
                    running_handler.reset(token)
            if claims is not None:
                claims.settle(handler, succeeded=succeeded)
    finally:
        if loop is not None:
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

    `claims` are as for `run_handlers`. A cancellation waits for the end of a sync handler, which
    nothing can interrupt, and for its claim to be settled. Raises `HandlerError` and
    `StoreUnavailable`.
    """
    import asyncio

    run_sync = run_sync or asyncio.to_thread
    if delivery is None:
        _refuse_lacking(handlers)
    failures: list[_Failure] = []
    for handler in claims.due() if claims is not None else handlers:
        succeeded = False
        cancellation = None
        started = perf_counter()
        is_announced = claims is not None or running_handler.get() is not None
        token = _announce(handler, claims) if is_announced else None
        try:
            if handler.is_async:
                result = handler.call(event, delivery)
            else:
                call = ThreadCall(partial(handler.call, event, delivery))
                cancellation = await call.run(run_sync)
                result = call.result()
            if result is not None and isinstance(result, Awaitable):
                if cancellation is not None:
                    discard(cast("object", result))
                    raise cancellation
                await awaited(cast("Awaitable[object]", result))
            succeeded = True
        except BaseException as error:  # noqa: BLE001 - raised again by `_failed`
            failures.append(_failed(handler, error, started, event, delivery))
        finally:
            if token is not None:
                running_handler.reset(token)
        if claims is not None:
            await claims.asettle(handler, succeeded=succeeded)
        if cancellation is not None:
            raise cancellation
    if failures:
        raise _gathered(failures, handlers)


def _announce(handler: RegisteredHandler, claims: Claims | None) -> Token[RunningHandler | None]:
    """Let it be known which handler is run under a claim; not to what it dispatches to itself."""
    return running_handler.set(None if claims is None else claims.running(handler))


def _refuse_lacking(handlers: Sequence[RegisteredHandler]) -> None:
    """Refuse to run a handler without the delivery that it demands."""
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
    """Log what `handler` raised, to be kept; what is no `Exception` ends the run."""
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

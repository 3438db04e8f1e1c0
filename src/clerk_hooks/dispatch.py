"""Running the handlers of one event, for synchronous and for asynchronous callers."""

# Theory of operation
#
# A run has a list of handlers and works through it in order, one handler at a time. Each handler is
# in one of these states, which only the run that has the list changes:
#
#   waiting --> running --> succeeded | failed | aborted --> settled
#      |
#      +-----> failed: it drops stale events, and the time of this one cannot be read
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
# - Just before a handler is called, in the thread or on the loop that calls it, `check` looks
#   at the clock: a handler may have waited long for a free thread. If the lease is over, that
#   handler and all after it are left to a retry. `check` also refuses a handler with `drop_stale`
#   if the time of the event is unreadable: it fails without having run.
#
# A crash ends the run without settling anything: what it leaves behind is in claims.py.
#
# The kinds of handlers and callers cross as follows. `handler.call` may also return an awaitable
# without being `async`; it is awaited where an async handler would run.
#
#                    synchronous caller                asynchronous caller
#   sync handler     called in the caller's thread     called in a thread, through `run_sync`
#   async handler    awaited on the process's loop     awaited in the caller's task
#
# A thread cannot be interrupted. So if the caller of `arun_handlers` is cancelled while a sync
# handler runs, the run waits for the end of the handler, settles it, and only then passes the
# cancellation on. An async handler is cancelled in the usual way, and then released.
#
# Observers surround one handler, its wait for a thread included. Without any, they cost one `if`.
#
# `run_handlers` and `arun_handlers` do the same, as do `_run` and `_arun`. This is deliberate. One
# shared plan with two drivers was built and measured: it is 24 to 42 % slower, and it breaks the
# order of cancellations that the paragraph above describes. Keep each pair side by side, and change
# both.
#
# asyncio is imported only where something has to be awaited.

import logging
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from .claims import Claims, LeaseOver
from .delivery import Delivery, for_handler
from .errors import AbortDelivery, ClaimLost, ConfigurationError, HandlerError, InputTypeError
from .eventloop import check_can_wait, run_on_loop
from .handler import RegisteredHandler
from .logs import log
from .observe import NOT_OBSERVED, Observer, Running, observed
from .running_handler import RunningHandler
from .waiting import RunSync, ThreadCall, awaited, discard, failure

if TYPE_CHECKING:
    from asyncio import CancelledError

    from .events import AnyEvent

_Failure: TypeAlias = tuple[RegisteredHandler, Exception]


class Run(NamedTuple):
    """What the handlers of one run have in common."""

    event: "AnyEvent"
    delivery: Delivery | None = None
    """The delivery of the event, if there is one."""
    claims: Claims | None = None
    """The claims on the handlers. Once their lease is over, no handler begins."""
    observers: Sequence[Observer] = ()


def run_handlers(handlers: Sequence[RegisteredHandler], run: Run) -> None:
    """Run `handlers` for a synchronous caller; async ones on the process's event loop.

    Raises `HandlerError`; before any handler runs, `ConfigurationError` if one is async and cannot
    be awaited here, and `InputTypeError` if one requires the delivery and there is none; and
    `StoreUnavailable` as soon as a claim cannot be settled.
    """
    if run.delivery is None:
        _refuse_lacking(handlers)
    if any(handler.is_async for handler in handlers):
        check_can_wait()
    failures: list[_Failure] = []
    for handler in handlers:
        started = perf_counter()
        running = None if run.claims is None else run.claims.running(handler)
        error = _run(handler, run, running)
        if isinstance(error, LeaseOver):
            break
        if error is not None:
            failures.append(_failed(handler, error, started, run))
        if run.claims is not None and running is not None:
            problem = run.claims.settle(handler, running, succeeded=error is None)
            if problem is not None:
                failures.append(_failed(handler, problem, started, run))
    if failures:
        raise _gathered(failures, handlers)


async def arun_handlers(
    handlers: Sequence[RegisteredHandler], run: Run, run_sync: RunSync | None
) -> None:
    """Run `handlers` on the running event loop; sync ones through `run_sync`, else in a thread.

    A cancellation waits until a running sync handler, which nothing can interrupt, has ended and
    its claim is settled. Raises what `run_handlers` does, but awaits async handlers anywhere.
    """
    import asyncio

    if run.delivery is None:
        _refuse_lacking(handlers)
    failures: list[_Failure] = []
    for handler in handlers:
        started = perf_counter()
        cancelled: list[CancelledError] = []
        running = None if run.claims is None else run.claims.running(handler)
        error = await _arun(handler, run, running, run_sync or asyncio.to_thread, cancelled)
        if not isinstance(error, LeaseOver):
            if error is not None:
                failures.append(_failed(handler, error, started, run))
            if run.claims is not None and running is not None:
                succeeded = error is None
                problem = await run.claims.asettle(handler, running, cancelled, succeeded=succeeded)
                if problem is not None:
                    failures.append(_failed(handler, problem, started, run))
        if cancelled:
            raise cancelled[0]
        if isinstance(error, LeaseOver):
            break
    if failures:
        raise _gathered(failures, handlers)


def _run(
    handler: RegisteredHandler, run: Run, running: RunningHandler | None
) -> BaseException | None:
    """Run one handler to its end; returns what it raised."""
    try:
        with _observed(handler, run):
            if handler.is_async:
                run_on_loop(partial(_begin, handler, run, running))
                return None
            result = _begin(handler, run, running)
            if result is not None and isinstance(result, Awaitable):
                _await_on_loop(cast("Awaitable[object]", result))
    except BaseException as error:  # noqa: BLE001 - sorted by `_failed`
        return None if _is_loss(error, running) else failure(error)
    return None


async def _arun(
    handler: RegisteredHandler,
    run: Run,
    running: RunningHandler | None,
    run_sync: RunSync,
    cancelled: "list[CancelledError]",
) -> BaseException | None:
    """Like `_run`; `cancelled` gets the cancellation that came while a thread could not stop."""
    try:
        with _observed(handler, run):
            if handler.is_async:
                result = _begin(handler, run, running)
            else:
                call = ThreadCall(partial(_begin, handler, run, running))
                if (cancellation := await call.run(run_sync)) is not None:
                    cancelled.append(cancellation)
                result = call.result()
            if result is not None and isinstance(result, Awaitable):
                if cancelled:
                    discard(cast("object", result))
                    raise cancelled[0]
                await awaited(cast("Awaitable[object]", result))
    except BaseException as error:  # noqa: BLE001 - sorted by `_failed`
        return None if _is_loss(error, running) else error
    return None


def _observed(handler: RegisteredHandler, run: Run) -> AbstractContextManager[None]:
    if not run.observers:
        return NOT_OBSERVED
    return observed(run.observers, Running(handler.name, run.event, run.delivery))


def _await_on_loop(awaitable: Awaitable[object]) -> None:
    """Await what a function returned that is not `async`, so nobody could refuse it before."""
    try:
        check_can_wait()
    except ConfigurationError:
        discard(awaitable)
        raise
    run_on_loop(lambda: awaitable)


def _begin(handler: RegisteredHandler, run: Run, running: RunningHandler | None) -> object:
    """Call `handler`, unless its lease is over by now: then raises `LeaseOver`."""
    if run.claims is not None:
        run.claims.check(handler)
    delivery = run.delivery
    if running is not None and delivery is not None and handler.takes_delivery:
        delivery = for_handler(delivery, running)
    return handler.call(run.event, delivery)


def _is_loss(error: BaseException, running: RunningHandler | None) -> bool:
    """Whether it only says that the handler's claim is lost, which `settle` turns into a 409."""
    return isinstance(error, ClaimLost) and running is not None and running.is_lost


def _refuse_lacking(handlers: Sequence[RegisteredHandler]) -> None:
    """Refuse to run a handler that requires the delivery when there is none."""
    for handler in handlers:
        if handler.needs_delivery:
            raise InputTypeError(
                f"the handler {handler.name} takes (event, delivery): dispatch a Delivery, not an "
                "event alone",
                reason="no_delivery",
            )


def _failed(handler: RegisteredHandler, error: BaseException, started: float, run: Run) -> _Failure:
    """Log and return what `handler` raised; anything but an `Exception` is raised again."""
    if not isinstance(error, Exception):
        raise error
    fields = {
        "message_id": run.delivery.message_id if run.delivery is not None else None,
        "event_type": run.event.type,
        "handler": handler.name,
        "outcome": "aborted" if isinstance(error, AbortDelivery) else "failed",
        "duration": perf_counter() - started,
    }
    text = "%(event_type)s: handler %(handler)s %(outcome)s after %(duration).3f s"
    if run.delivery is not None:
        text = "%(message_id)s " + text
    log(logging.ERROR, text, fields, error)
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

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
#   next one begins (see claims.py). A handler that returned may still turn out to have failed: it
#   began to confirm itself, and did not commit. One that raised only because it has lost its claim
#   has not failed: the reply is a 409. An error of the store ends the run. The handlers that are
#   left are released at the end of the `with` around the run, so a retry need not wait for them.
# - A claimed handler that takes the delivery gets a copy of its own, which carries its claim (see
#   running_handler.py). Nothing else does: `dispatch` and `process` drop the claim of a delivery
#   that a handler passes on. Observers and the log get the delivery without a claim.
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

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, cast

from .claims import Claims
from .delivery import Delivery, for_handler
from .errors import ClaimLost, ConfigurationError, InputTypeError
from .eventloop import check_can_wait, run_on_loop
from .failures import Failure, failed, gathered
from .handler import RegisteredHandler
from .observe import Observer, Running, observed
from .running_handler import RunningHandler
from .tally import LeaseOver
from .waiting import RunSync, ThreadCall, awaited, discard, failure

if TYPE_CHECKING:
    from asyncio import CancelledError

    from .events import AnyEvent


def run_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None = None,
    observers: Sequence[Observer] = (),
) -> None:
    """Run `handlers` for a synchronous caller; async ones on the process's event loop.

    Once the lease of the `claims` on them is over, no handler begins.

    Raises `HandlerError`; before any handler runs, `ConfigurationError` if one is async and cannot
    be awaited here, and `InputTypeError` if one requires the delivery and there is none; and
    `StoreUnavailable` as soon as a claim cannot be settled.
    """
    if delivery is None:
        _refuse_lacking(handlers)
    _check_async(handlers)
    failures: list[Failure] = []
    for handler in handlers:
        started = perf_counter()
        running = None if claims is None else claims.running(handler)
        error: BaseException | None = None
        try:
            if observers:
                with observed(observers, Running(handler.name, event, delivery)):
                    _call(handler, event, delivery, claims, running)
            else:
                _call(handler, event, delivery, claims, running)
        except BaseException as raised:  # noqa: BLE001 - sorted by `failed`
            error = None if _is_loss(raised, running) else failure(raised)
        if running is not None:
            running.has_ended = True
        if error is not None:
            if isinstance(error, LeaseOver):
                break
            failures.append(failed(handler, error, perf_counter() - started, event, delivery))
        if claims is not None and running is not None:
            problem = claims.settle(handler, running, succeeded=error is None)
            if problem is not None:
                failures.append(failed(handler, problem, perf_counter() - started, event, delivery))
    if failures:
        raise gathered(failures, handlers)


async def arun_handlers(  # noqa: PLR0913 - what `run_handlers` takes, and `run_sync`
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None = None,
    observers: Sequence[Observer] = (),
    *,
    run_sync: RunSync | None = None,
) -> None:
    """Run `handlers` on the running event loop; sync ones through `run_sync`, else in a thread.

    A cancellation waits until a running sync handler, which nothing can interrupt, has ended and
    its claim is settled. Raises what `run_handlers` does, but awaits async handlers anywhere.
    """
    if delivery is None:
        _refuse_lacking(handlers)
    failures: list[Failure] = []
    for handler in handlers:
        started = perf_counter()
        running = None if claims is None else claims.running(handler)
        cancelled: list[CancelledError] = []
        begin = partial(_begin, handler, event, delivery, claims, running)
        if observers:
            subject = Running(handler.name, event, delivery)
            error = await _aobserved(
                observers, subject, _acall(handler, begin, run_sync, cancelled)
            )
        else:
            error = await _acall(handler, begin, run_sync, cancelled)
        if running is not None:
            running.has_ended = True
        if error is not None and _is_loss(error, running):
            error = None
        if error is not None and not isinstance(error, LeaseOver):
            failures.append(failed(handler, error, perf_counter() - started, event, delivery))
        if claims is not None and running is not None and not isinstance(error, LeaseOver):
            succeeded = error is None
            problem = await claims.asettle(handler, running, cancelled, succeeded=succeeded)
            if problem is not None:
                failures.append(failed(handler, problem, perf_counter() - started, event, delivery))
        if cancelled:
            raise cancelled[0]
        if isinstance(error, LeaseOver):
            break
    if failures:
        raise gathered(failures, handlers)


def _call(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None,
    running: RunningHandler | None,
) -> None:
    """Run one handler to its end. Raises what it raises."""
    if handler.is_async:
        run_on_loop(partial(_begin, handler, event, delivery, claims, running))
        return
    result = _begin(handler, event, delivery, claims, running)
    if result is not None and isinstance(result, Awaitable):
        _await_on_loop(cast("Awaitable[object]", result))


async def _acall(
    handler: RegisteredHandler,
    begin: Callable[[], object],
    run_sync: RunSync | None,
    cancelled: "list[CancelledError]",
) -> BaseException | None:
    """Like `_call`, but returns what the handler raises: a coroutine can raise no StopIteration.

    `cancelled` gets the cancellation that came while a thread could not stop.
    """
    try:
        if handler.is_async:
            result = begin()
        else:
            import asyncio

            call = ThreadCall(begin)
            if (cancellation := await call.run(run_sync or asyncio.to_thread)) is not None:
                cancelled.append(cancellation)
            result = call.result()
        if result is not None and isinstance(result, Awaitable):
            if cancelled:
                discard(cast("object", result))
                raise cancelled[0]
            await awaited(cast("Awaitable[object]", result))
    except BaseException as error:  # noqa: BLE001 - sorted by `failed`
        return error
    return None


async def _aobserved(
    observers: Sequence[Observer], subject: Running, call: Awaitable[BaseException | None]
) -> BaseException | None:
    """What `call` returns; the observers see it raised."""
    try:
        with observed(observers, subject):
            if (error := await call) is not None:
                raise error
    except BaseException as error:  # noqa: BLE001 - sorted by `failed`
        return error
    return None


def _await_on_loop(awaitable: Awaitable[object]) -> None:
    """Await what a function returned that is not `async`, so nobody could refuse it before."""
    try:
        check_can_wait()
    except ConfigurationError:
        discard(awaitable)
        raise
    run_on_loop(lambda: awaitable)


def _begin(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None,
    running: RunningHandler | None,
) -> object:
    """Call `handler`, unless its lease is over by now: then raises `LeaseOver`."""
    if claims is not None:
        claims.check(handler)
    if running is not None and delivery is not None and handler.takes_delivery:
        delivery = for_handler(delivery, running)
    return handler.call(event, delivery)


def _is_loss(error: BaseException, running: RunningHandler | None) -> bool:
    """Whether it only says that the handler's claim is lost, which `settle` turns into a 409."""
    return isinstance(error, ClaimLost) and running is not None and running.is_lost


def _check_async(handlers: Sequence[RegisteredHandler]) -> None:
    """Check that async handlers, if there are any, can be awaited here."""
    for handler in handlers:
        if handler.is_async:
            check_can_wait()
            break


def _refuse_lacking(handlers: Sequence[RegisteredHandler]) -> None:
    """Refuse to run a handler that requires the delivery when there is none."""
    for handler in handlers:
        if handler.needs_delivery:
            raise InputTypeError(
                f"the handler {handler.name} takes (event, delivery): dispatch a Delivery, not an "
                "event alone",
                reason="no_delivery",
            )

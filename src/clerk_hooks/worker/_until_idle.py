"""Running everything at once, one delivery after the other: for tests."""

# The two functions do the same. This is deliberate, as in dispatch.py: change both.

from datetime import timedelta

from ..errors import HandlerError
from ..inbox import RetryPolicy, next_step, spent
from ..messages import Message, Selection, Step
from ..observe import observed
from ._calls import aask, ask
from ._logbook import log_lost, note, taken_from
from ._run import Ended, Runner


def run_until_idle(
    inbox: object, runner: Runner, policy: RetryPolicy, lease: timedelta, *, raise_errors: bool
) -> int:
    """Run what is due, and what waits for its next attempt, until nothing is left."""
    count = 0
    ask(inbox, "retry", Selection(state="waiting"))
    while True:
        messages: list[Message] = ask(inbox, "take", 1, lease)
        messages = messages or ask(inbox, "take", 1, lease, unsettled=True)
        if not messages:
            return count
        (message,) = messages
        ended = Ended()
        with observed(runner.observers, taken := taken_from(message)):
            if (step := spent(message, policy)) is None:
                count += 1
                ended = runner.run(message.delivery, message.done)
                step = _without_backoff(next_step(message, ended.error, policy))
            if ask(inbox, "settle", message, step):
                note(taken, message, ended, step)
            else:
                log_lost(message)
        if raise_errors and ended.error is not None:
            raise _telling(ended.error)


async def arun_until_idle(
    inbox: object, runner: Runner, policy: RetryPolicy, lease: timedelta, *, raise_errors: bool
) -> int:
    """Like `run_until_idle`, on the running event loop."""
    count = 0
    await aask(inbox, "retry", Selection(state="waiting"))
    while True:
        messages: list[Message] = await aask(inbox, "take", 1, lease)
        messages = messages or await aask(inbox, "take", 1, lease, unsettled=True)
        if not messages:
            return count
        (message,) = messages
        ended = Ended()
        with observed(runner.observers, taken := taken_from(message)):
            if (step := spent(message, policy)) is None:
                count += 1
                ended = await runner.arun(message.delivery, message.done, None)
                step = _without_backoff(next_step(message, ended.error, policy))
            if await aask(inbox, "settle", message, step):
                note(taken, message, ended, step)
            else:
                log_lost(message)
        if raise_errors and ended.error is not None:
            raise _telling(ended.error)


def _without_backoff(step: Step) -> Step:
    """`step` without its delay; what was put back would otherwise run for ever."""
    return step._replace(delay=0.0) if step.is_counted else step


def _telling(error: Exception) -> Exception:
    """`error`, which shows the traceback of the first handler that raised."""
    if isinstance(error, HandlerError) and error.errors and error.__cause__ is None:
        error.__cause__ = error.errors[0]
    return error

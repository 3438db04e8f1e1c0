"""What becomes of one message that was taken: a run, the step that follows, and its settling."""

from threading import Event

from ..errors import ConfigurationError, StoreUnavailable
from ..inbox import next_step, spent
from ..messages import Message, Step
from ..observe import observed
from ._keeper import Keeper
from ._logbook import log_lost, note, taken_from
from ._run import Ended, Runner
from ._settings import Settings

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # Seconds between two attempts to settle.


class Work:
    """Runs and settles messages in the threads that ask for it.

    Once the process `gives_up`, nothing is waited for, and what is cancelled has not failed.
    """

    def __init__(self, settings: Settings, runner: Runner, keeper: Keeper, gives_up: Event) -> None:
        self._ask = settings.ask
        self._policy = settings.policy
        self._runner = runner
        self._keeper = keeper
        self._gives_up = gives_up

    def handle(self, message: Message, *, in_own_thread: bool = True) -> Step:
        """Run `message`, unless it may not run again, and settle it; returns the step.

        A handler that tries to end the program has failed. In the thread of a caller, which is not
        the worker's own, that goes on to the caller, and a KeyboardInterrupt does not count.
        """
        self._keeper.keep(message)
        taken = taken_from(message)
        interrupt: BaseException | None = None
        ended = Ended()
        try:
            with observed(self._runner.observers, taken):
                step = spent(message, self._policy)
                if step is None:
                    try:
                        ended = self._runner.run(message.delivery, message.done)
                    except BaseException as error:  # noqa: BLE001 - raised again below
                        interrupt = error
                        ended = Ended(error=_attempt_to_end(error))
                    step = next_step(message, ended.error, self._policy)
                is_interrupted = isinstance(interrupt, KeyboardInterrupt) and not in_own_thread
                if is_interrupted or (ended.error is not None and self._gives_up.is_set()):
                    step = put_back(message, "interrupted: the worker has stopped")
                is_patient = interrupt is None or in_own_thread
                is_settled = self._settle(message, step, is_patient=is_patient)
                note(taken, message, ended, step if is_settled else None)
            if interrupt is not None and not in_own_thread:
                raise interrupt
            return step
        finally:
            self._keeper.let_go(message)

    def put_back(self, message: Message) -> None:
        """Give back a message that has not begun, if the inbox answers now."""
        self._settle(message, put_back(message, "the worker has stopped"), is_patient=False)

    def _settle(self, message: Message, step: Step, *, is_patient: bool) -> bool:
        """Settle until it succeeds; returns whether it did, and nobody had taken the row over.

        If it is given up, the lease of the row ends, and the message runs again.
        """
        wait = _FIRST_WAIT
        while True:
            try:
                is_ours: bool = self._ask("settle", message, step)
                break
            except (ConfigurationError, StoreUnavailable):
                if not is_patient or self._gives_up.wait(wait):
                    return False
                wait = min(wait * 2, _LONGEST_WAIT)
        if not is_ours:
            log_lost(message)
        return is_ours


def put_back(message: Message, reason: str) -> Step:
    """The step of a message that nothing has happened to."""
    return Step("retry", reason=reason, done=message.done, is_counted=False)


def _attempt_to_end(error: BaseException) -> Exception:
    problem = RuntimeError(f"a handler tried to end the program: {type(error).__name__}")
    problem.__cause__ = error
    return problem

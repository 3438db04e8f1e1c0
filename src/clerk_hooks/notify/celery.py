"""Celery runs the handlers of the deliveries that an inbox keeps. It needs the extra ``celery``.

Two tasks do it. ``clerk_hooks.run`` runs one message; the web process sends it when the message is
queued. ``clerk_hooks.sweep``, for Celery beat, sends it again for what is due. A task has only the
id of its message, and may be lost at any time: the row in the inbox is what counts.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError, StoreUnavailable
from ..worker import Worker
from ..worker._calls import ask

try:
    from celery import Celery
except ImportError as error:
    raise ImportError(
        "clerk_hooks.notify.celery needs Celery: pip install 'clerk-hooks[celery]'"
    ) from error

_DAY = 86_400
_RUN_EXPIRES = 3_600  # Seconds. The sweep comes for what has waited longer.
_SWEEP_EXPIRES = 60  # Seconds, so that sweeps do not pile up while no worker runs.
_SWEEP_LIMIT = 1_000

_names: "WeakKeyDictionary[Celery, set[str]]" = WeakKeyDictionary()


def celery_notify(app: Celery, worker: Worker, *, name: str | None = None) -> Callable[[str], None]:
    """Let the workers of a Celery `app` run what is in the inbox of `worker`.

    It registers two tasks with `app`, ``clerk_hooks.run`` and ``clerk_hooks.sweep``. With a `name`
    they are ``clerk_hooks.NAME.run`` and ``clerk_hooks.NAME.sweep``, for a second worker of the
    same app. Celery's workers must import the module that calls this, and Celery beat must send the
    sweep, as every 30 seconds.

    Returns a function of a message id, for ``Endpoint(handoff=inbox, notify=...)``. It sends
    ``clerk_hooks.run``, or, if the app is eager (``task_always_eager``), runs the message itself.
    It raises what Celery raises if the broker is away, and `ConfigurationError` if the app does not
    accept JSON.

    Raises `ConfigurationError` for arguments of another kind, and if the app has such tasks
    already.
    """
    if not isinstance(app, Celery):
        raise ConfigurationError(f"app must be a Celery app, not {type(app).__name__}")
    if not isinstance(worker, Worker):
        raise ConfigurationError(f"worker must be a Worker, not {type(worker).__name__}")
    prefix = _prefix(app, name)

    task = partial(
        app.task,
        shared=False,
        ignore_result=True,
        serializer="json",
        acks_late=False,  # A late one must come within half an hour, on RabbitMQ.
        # An app's own limits would kill handlers that nothing is wrong with.
        soft_time_limit=_DAY,
        time_limit=_DAY + 60,
    )

    @task(name=f"{prefix}.run", expires=_RUN_EXPIRES)
    def run(message_id: str) -> None:
        with suppress(StoreUnavailable):  # The worker has logged it, and the sweep comes.
            worker.run_one(message_id)

    notify = _Notify(app, run)

    @task(name=f"{prefix}.sweep", expires=_SWEEP_EXPIRES)
    def sweep() -> None:
        for message_id in ask(worker.inbox, "due", _SWEEP_LIMIT):
            notify(message_id)

    return notify


class _Notify:
    """Sends the task that runs a message."""

    def __init__(self, app: Celery, run: Any) -> None:
        self._app = app
        self._run = run

    def __call__(self, message_id: str) -> None:
        if self.runs_in_caller():
            self._run.apply_async((message_id,))
            return
        if not {"json", "application/json"} & {*self._app.conf.accept_content}:
            raise ConfigurationError(
                "the Celery app does not accept JSON: add 'json' to its accept_content"
            )
        producer: Any
        with self._app.producer_pool.acquire(block=True) as producer:
            # Celery alone would try for seconds, or for ever, to reach a broker that is away.
            producer.connection.ensure_connection(
                max_retries=1, interval_start=0, interval_step=0, interval_max=0
            )
            self._run.apply_async((message_id,), producer=producer, retry=False)

    def runs_in_caller(self) -> bool:
        """Whether the app is eager."""
        return bool(self._app.conf.task_always_eager)


def _prefix(app: Celery, name: str | None) -> str:
    """What the names of the tasks begin with; it is taken from now on."""
    if name is not None and (type(name) is not str or not name.replace("_", "a").isalnum()):
        raise ConfigurationError("name must consist of letters, digits and underscores")
    prefix = "clerk_hooks" if name is None else f"clerk_hooks.{name}"
    taken = _names.setdefault(app, set())
    if prefix in taken:  # Celery would keep the first task, which runs another worker's messages.
        raise ConfigurationError(
            f"the Celery app has the task {prefix}.run already: pass a name= of its own for each "
            "worker"
        )
    taken.add(prefix)
    return prefix

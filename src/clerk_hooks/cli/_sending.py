"""Deliveries over HTTP, several at a time: sending them, and the replies."""

from __future__ import annotations

import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from ._trouble import why_no_reply
from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TIMEOUT = 15.0
"""Seconds. Svix also gives up an attempt after this time."""
NO_REPLY = (OSError, HTTPException, ValueError)
"""Errors of a request. A `ValueError` is for headers that http.client cannot send."""

Fields: TypeAlias = list[tuple[str, str]]
"""Headers as pairs of name and value, because a name may come several times."""


class Job(NamedTuple):
    """One delivery to send, and the reply to expect."""

    event_type: str
    kind: str
    """``delivery``, ``duplicate``, ``forged``, ``old`` or ``replay``."""
    body: bytes
    headers: Fields
    expected: str
    """Statuses, separated by blanks: ``2xx 409``."""
    note: str = ""
    """What to write into the list of a replay's progress; empty for a sample."""


class Outcome(NamedTuple):
    """The reply to a delivery, or the reason why there was none."""

    job: Job
    status: int | None
    """The status, or None if there was no reply."""
    seconds: float
    body: str
    """The body of the reply, or the reason why there was none."""

    @property
    def is_expected(self) -> bool:
        """Whether the job expects this status."""
        status = str(self.status)
        return any(
            status == each or (each.endswith("xx") and status[0] == each[0])
            for each in self.job.expected.split()
        )


class Target(NamedTuple):
    """The address that deliveries go to."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read a URL; raises `UsageError` unless it is an http or https URL.

        Refuses also a URL that http.client cannot send, and a user or password, which it would not
        send.
        """
        name = "this" if "@" in url else repr(url)  # It may contain a password.
        invalid = f"{name} is not a valid URL"
        if not url.isascii() or not url.isprintable() or " " in url:
            raise UsageError(f"{invalid}: percent-encode everything but printable ASCII")
        try:
            parts = urlsplit(url)
            port = parts.port
            (parts.hostname or "").encode("idna")  # As the socket does, but it would be too late.
        except UnicodeError:
            raise UsageError(f"{invalid}: its host has an empty or an overlong part") from None
        except ValueError as error:
            problem = "it cannot be read" if "@" in url else error
            raise UsageError(f"{invalid}: {problem}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{invalid}: an example is http://127.0.0.1:8000/webhooks/clerk")
        if "@" in parts.netloc:
            raise UsageError("this URL has a user or a password: Svix's deliveries have neither")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port, path)

    def connect(self) -> HTTPConnection:
        """A connection that is not open yet."""
        connection = HTTPSConnection if self.scheme == "https" else HTTPConnection
        return connection(self.host, self.port, timeout=TIMEOUT)

    def ask(self, connection: HTTPConnection, body: bytes, headers: Fields) -> HTTPResponse:
        """POST with these headers, Host and Content-Length, and no others."""
        connection.putrequest("POST", self.path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse()

    def post(self, job: Job) -> Outcome:
        """Send one delivery on a new connection; redirects are not followed."""
        started = time.perf_counter()
        try:
            with closing(self.connect()) as connection:
                response = self.ask(connection, job.body, job.headers)
                body = response.read().decode("utf-8", "replace")
            status: int | None = response.status
            if 300 <= response.status < 400:
                body = f"redirects to {response.getheader('location')}, which Svix does not follow"
        except NO_REPLY as error:
            status, body = None, self.why_no_reply(error)
        return Outcome(job, status, time.perf_counter() - started, body)

    def why_no_reply(self, error: Exception) -> str:
        """One of the errors `NO_REPLY`, in words."""
        port = (443 if self.scheme == "https" else 80) if self.port is None else self.port
        return why_no_reply(error, self.host, port, TIMEOUT)


def send_all(
    jobs: Iterable[Job],
    target: Target,
    *,
    concurrency: int,
    rate: float | None,
    note: Callable[[Outcome], None] | None = None,
) -> Iterator[Outcome]:
    """Send `jobs` in their order and yield the outcomes as they come.

    At most `concurrency` are under way at a time, and at most `rate` begin in a second. `note` is
    called with each outcome before its thread takes another job, and never twice at once. Its
    errors, and those of making a job, are raised here.
    """
    senders = _Senders(_paced(jobs, rate), target, note)
    threads = [Thread(target=senders.run, daemon=True) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            yield from iter(senders.next_outcome, None)
    finally:
        senders.stop.set()


class _Senders:
    """What the threads share that send jobs: where the jobs come from, and the outcomes go."""

    def __init__(
        self, jobs: Iterator[Job], target: Target, note: Callable[[Outcome], None] | None
    ) -> None:
        self.stop = Event()
        self._jobs, self._target, self._note = jobs, target, note
        # Two locks, because a thread may hold `taking` until the time of its job has come.
        self._taking, self._noting = Lock(), Lock()
        self._done: SimpleQueue[Outcome | BaseException | None] = SimpleQueue()

    def run(self) -> None:
        """Send jobs until there are none, or `stop` is set; then puts None into the queue."""
        try:
            while not self.stop.is_set() and (job := self._next_job()) is not None:
                outcome = self._target.post(job)
                if self._note is not None:
                    with self._noting:
                        self._note(outcome)
                self._done.put(outcome)
        except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
            self._done.put(error)
        self._done.put(None)

    def _next_job(self) -> Job | None:
        with self._taking:
            return next(self._jobs, None)

    def next_outcome(self) -> Outcome | None:
        """Wait for an outcome, or for the end of a thread: None. Raises the error of a thread."""
        found = self._done.get()
        if isinstance(found, BaseException):
            raise found
        return found


def _paced(jobs: Iterable[Job], rate: float | None) -> Iterator[Job]:
    """`jobs`, none of them before its time."""
    started = time.monotonic()
    for index, job in enumerate(jobs):
        if rate is not None:
            time.sleep(max(0.0, started + index / rate - time.monotonic()))
        yield job

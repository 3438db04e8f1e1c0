"""Deliveries over HTTP, several at a time: what is sent, and what came back."""

from __future__ import annotations

import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TIMEOUT = 15.0
"""Seconds, after which Svix gives an attempt up."""


Fields: TypeAlias = list[tuple[str, str]]
"""Headers as pairs of name and value: one may come several times."""


class Job(NamedTuple):
    """One delivery that is to be sent, and what is to come back."""

    event_type: str
    kind: str
    """What it is: ``delivery``, ``duplicate``, ``forged``, ``old`` or ``replay``."""
    body: bytes
    headers: Fields
    expected: str
    """Statuses, separated by blanks: ``2xx``, ``400``."""
    number: int = 0
    """The number of its line in the file that it comes from."""


class Outcome(NamedTuple):
    """What came back."""

    job: Job
    status: int | None
    """The status; None where there was no reply."""
    seconds: float
    body: str
    """The body of the reply, or why there was none."""

    @property
    def is_expected(self) -> bool:
        """Whether the status is one that the job expects."""
        status = str(self.status)
        return any(
            status == each or (each.endswith("xx") and status[0] == each[0])
            for each in self.job.expected.split()
        )


class Target(NamedTuple):
    """Where deliveries go to."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read a URL; raises `UsageError` where it is none of http or https.

        Refuses also what http.client cannot send, and a user and password, which would not be sent.
        """
        name = "what is passed" if "@" in url else repr(url)  # There may be a password in it.
        if not url.isascii() or not url.isprintable() or " " in url:
            raise UsageError(f"{name} is no URL: all but printable ASCII must be percent-encoded")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            problem = "it cannot be read" if "@" in url else error
            raise UsageError(f"{name} is no URL: {problem}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{name} is no URL: http://127.0.0.1:8000/webhooks/clerk is one")
        if "@" in parts.netloc:
            raise UsageError("a URL with a user or a password: Svix's deliveries have neither")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port, path)

    def connect(self) -> HTTPConnection:
        """A connection that is yet to be opened."""
        connection = HTTPSConnection if self.scheme == "https" else HTTPConnection
        return connection(self.host, self.port, timeout=TIMEOUT)

    def ask(self, connection: HTTPConnection, body: bytes, headers: Fields) -> HTTPResponse:
        """POST with these headers and no others, but for Host and Content-Length."""
        connection.putrequest("POST", self.path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse()

    def post(self, job: Job) -> Outcome:
        """Send one delivery on a connection of its own; redirects are not followed."""
        started = time.perf_counter()
        try:
            with closing(self.connect()) as connection:
                response = self.ask(connection, job.body, job.headers)
                body = response.read().decode("utf-8", "replace")
            status: int | None = response.status
            if 300 <= response.status < 400:
                body = f"redirects to {response.getheader('location')}, which Svix does not follow"
        except TimeoutError:
            status, body = None, f"no reply within {TIMEOUT:.0f} s"
        except (OSError, HTTPException, ValueError) as error:  # Some headers cannot be sent.
            status, body = None, f"{type(error).__name__}: {error}"
        return Outcome(job, status, time.perf_counter() - started, body)


def send_all(
    jobs: Iterable[Job],
    target: Target,
    *,
    concurrency: int,
    rate: float | None,
    note: Callable[[Outcome], None] | None = None,
) -> Iterator[Outcome]:
    """Send `jobs` in their order, so many at a time and a second; gives outcomes as they come.

    `note` is told each outcome before its thread takes another job, and never two at a time. What
    it raises, and what making a job raises, is raised here.
    """
    source, stop = _paced(jobs, rate), Event()
    # Two, as whoever takes a job may wait long for its time.
    taking, noting = Lock(), Lock()
    done: SimpleQueue[Outcome | BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            while not stop.is_set():
                with taking:
                    job = next(source, None)
                if job is None:
                    break
                outcome = target.post(job)
                if note is not None:
                    with noting:
                        note(outcome)
                done.put(outcome)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            done.put(error)
        done.put(None)

    threads = [Thread(target=work, daemon=True) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    try:
        working = concurrency
        while working:
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is None:
                working -= 1
            else:
                yield outcome
    finally:
        stop.set()


def _paced(jobs: Iterable[Job], rate: float | None) -> Iterator[Job]:
    """`jobs`, of which none comes before its time."""
    started = time.monotonic()
    for index, job in enumerate(jobs):
        if rate is not None:
            time.sleep(max(0.0, started + index / rate - time.monotonic()))
        yield job

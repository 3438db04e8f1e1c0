"""The load generator: a few connections, each of which sends one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter, time
from typing import NamedTuple

Request = Callable[[], bytes]
"""Makes the next request."""


class _Connection(asyncio.Protocol):
    def __init__(self, request: Request, ends: float, done: asyncio.Future[int]) -> None:
        self._request = request
        self._ends = ends
        self._done = done
        self._answer = b""
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self._done.set_exception(AssertionError(self._answer))
            self._transport.abort()
            return
        self._answer = b""
        self._count += 1
        if perf_counter() < self._ends:
            self._transport.write(self._request())
        else:
            self._done.set_result(self._count)
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server has hung up"))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise AssertionError("an answer without a Content-Length")


async def _load(port: int, request: Request, connections: int, seconds: float) -> tuple[int, float]:
    loop = asyncio.get_running_loop()
    started = perf_counter()
    counts: list[asyncio.Future[int]] = []
    for _ in range(connections):
        done: asyncio.Future[int] = loop.create_future()
        counts.append(done)
        ends = started + seconds
        await loop.create_connection(
            lambda done=done, ends=ends: _Connection(request, ends, done),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    total = sum(await asyncio.gather(*counts))
    return total, perf_counter() - started


def load(port: int, request: Request, *, connections: int, seconds: float) -> tuple[int, float]:
    """How many answers of 2xx a server on this loopback port gives, and in how many seconds."""
    return asyncio.run(_load(port, request, connections, seconds))


class Answer(NamedTuple):
    """How one request was answered."""

    status: int
    """0 if it was not."""
    seconds: float
    """From when it was to be sent."""
    at: float
    """Unix seconds."""


async def _send(
    port: int, requests: Sequence[bytes], rate: float, connections: int
) -> list[Answer]:
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    places = asyncio.Semaphore(connections)
    started = perf_counter()

    async def send(number: int, request: bytes) -> Answer:
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - perf_counter()))
        async with places:
            try:
                stream = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
                reader, writer = stream
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head[:-4]))
            except (OSError, asyncio.IncompleteReadError):
                return Answer(0, perf_counter() - due, time())
            free.append(stream)
            return Answer(int(head.split(b" ", 2)[1]), perf_counter() - due, time())

    answers = await asyncio.gather(*(send(*each) for each in enumerate(requests)))
    for _, writer in free:
        writer.close()
    return answers


def send(port: int, requests: Sequence[bytes], *, rate: float, connections: int) -> list[Answer]:
    """Send so many requests a second, whether or not the ones before are answered yet.

    With all `connections` busy, a request waits for one, and that is part of its time.
    """
    return asyncio.run(_send(port, requests, rate, connections))

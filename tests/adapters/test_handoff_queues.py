"""Real queues that are down, refuse, are silent or freeze, behind real servers: each delivery is
answered in time, and as usual once the queue is back."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("kombu")
pytest.importorskip("redis")

import kombu
import redis

from clerk_hooks import Delivery
from clerk_hooks.crew import SIZE

from ..stores.backends import REDIS, lacks, slowness
from ..stores.network import Proxy, free_port, proxy
from .application import Request, payload, signed
from .apps import handoff_app
from .conftest import require
from .servers import GTHREAD, Command, Server, running

RABBITMQ = os.environ.get("CLERK_HOOKS_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
APP = handoff_app.__name__
COMMANDS = {
    "flask-gunicorn": Command(GTHREAD, f"{APP}:build_flask"),
    "fastapi-uvicorn": Command(["uvicorn"], f"{APP}:build_fastapi"),
}


def through(proxy: Proxy, url: str) -> str:
    """`url`, by way of the proxy."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return url.replace(host, f"127.0.0.1:{proxy.port}")


class Queues:
    """The queues, each behind a connection that can be frozen or cut."""

    def __init__(self, folder: Path, amqp: Proxy, redis_: Proxy) -> None:
        self.name = f"clerk_hooks_{uuid.uuid4().hex}"
        self.amqp, self.redis = amqp, redis_
        self._folder = folder
        self.move(through(amqp, RABBITMQ))
        (folder / handoff_app.REDIS).write_text(through(redis_, REDIS))
        (folder / handoff_app.QUEUE).write_text(self.name)

    def move(self, url: str) -> None:
        """Let the application look for RabbitMQ there."""
        new = self._folder / "new"
        new.write_text(url)
        new.replace(self._folder / handoff_app.AMQP)


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[Queues]:
    url, redis_url = urlsplit(RABBITMQ), urlsplit(REDIS)
    cache = redis.Redis.from_url(REDIS)
    connection = kombu.Connection(RABBITMQ, connect_timeout=10)
    try:
        cache.ping()
        connection.connect()
    except (redis.RedisError, *connection.recoverable_connection_errors) as error:
        lacks(f"RabbitMQ or Redis does not answer: {error}")
    with (
        proxy(str(url.hostname), url.port or 5672) as amqp,
        proxy(str(redis_url.hostname), redis_url.port or 6379) as redis_,
    ):
        found = Queues(tmp_path, amqp, redis_)
        queue = connection.SimpleQueue(found.name)
        queue.close()
        yield found
    connection.channel().queue_delete(found.name)
    connection.release()
    cache.delete(found.name)
    cache.close()


def in_rabbitmq(name: str) -> list[Delivery]:
    """The deliveries in the queue, which takes them out."""
    found: list[Delivery] = []
    with kombu.Connection(RABBITMQ) as connection:
        channel = connection.channel()
        while (message := channel.basic_get(name, no_ack=True)) is not None:
            found.append(Delivery.from_json(message.body))
    return found


def in_redis(name: str) -> list[Delivery]:
    with redis.Redis.from_url(REDIS) as cache:
        entries: Any = cache.xrange(name)
    return [Delivery.from_json(fields[b"delivery"]) for _, fields in entries]


class Sender:
    """Sends deliveries, and remembers those that were accepted."""

    def __init__(self, server: Server, path: str) -> None:
        self._server = server
        self._path = path
        self.accepted: dict[str, bytes] = {}

    def send(self, request: Request | None = None) -> int:
        """The status of the answer, which comes within the bound and a second."""
        body, headers = request or signed(payload("user.created", first_name=f"Zoë {uuid.uuid4()}"))
        started = time.monotonic()
        status = self._server.ask(self._path, body, headers).status
        assert time.monotonic() - started < handoff_app.TIMEOUT + slowness()
        if status == 202:
            self.accepted[headers["svix-id"]] = body
        return status

    def send_together(self) -> list[int]:
        with ThreadPoolExecutor(SIZE) as pool:
            return [*pool.map(lambda _: self.send(), range(SIZE))]

    def until_accepted(self) -> None:
        deadline = time.monotonic() + 60
        while self.send() != 202:
            assert time.monotonic() < deadline, self._server.log.read_text()


@pytest.mark.parametrize("kind", COMMANDS)
def test_queues_that_fail_and_come_back(kind: str, queues: Queues, tmp_path: Path) -> None:
    for package in kind.split("-"):
        require(package)
    with running(COMMANDS[kind], tmp_path) as server:
        rabbitmq = Sender(server, "/own")
        rabbitmq.until_accepted()
        is_down(rabbitmq, queues)
        refuses(rabbitmq, queues)
        is_silent(rabbitmq, queues, server)
        freezes(rabbitmq, queues, server)
        stream = Sender(server, "/async")
        stream.until_accepted()
        freezes_for_a_while(stream, queues)
    found = {one.message_id: one.payload for one in in_rabbitmq(queues.name)}
    assert rabbitmq.accepted.items() <= found.items()
    found = {one.message_id: one.payload for one in in_redis(queues.name)}
    assert stream.accepted.items() <= found.items()


def is_down(sender: Sender, queues: Queues) -> None:
    queues.move(f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    assert [sender.send() for _ in range(3)] == [503] * 3
    is_back(sender, queues)


def is_back(sender: Sender, queues: Queues) -> None:
    queues.move(through(queues.amqp, RABBITMQ))
    sender.until_accepted()
    assert sender.send_together().count(202) > 0


def refuses(sender: Sender, queues: Queues) -> None:
    queues.move(f"amqp://guest:wrong@127.0.0.1:{queues.amqp.port}//")
    assert sender.send() == 503
    is_back(sender, queues)


def is_silent(sender: Sender, queues: Queues, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        queues.move(f"amqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}//")
        are_stuck(sender, server)
    is_back(sender, queues)


def are_stuck(sender: Sender, server: Server) -> None:
    """All threads get stuck; from then on nobody waits."""
    before = server.log.read_text().count("is stuck")
    deadline = time.monotonic() + 60
    while server.log.read_text().count("is stuck") == before:
        assert sender.send_together().count(202) == 0
        assert time.monotonic() < deadline
    started = time.monotonic()
    assert [sender.send() for _ in range(10)] == [503] * 10
    assert time.monotonic() - started < 10 * handoff_app.TIMEOUT * slowness()


def freezes(sender: Sender, queues: Queues, server: Server) -> None:
    queues.amqp.is_frozen = True
    are_stuck(sender, server)
    queues.amqp.is_frozen = False
    queues.amqp.cut()  # What was sent meanwhile is lost.
    is_back(sender, queues)


def freezes_for_a_while(sender: Sender, queues: Queues) -> None:
    queues.redis.is_frozen = True
    assert sender.send_together() == [503] * SIZE
    queues.redis.is_frozen = False
    queues.redis.cut()
    sender.until_accepted()
    assert sender.send_together().count(202) > 0

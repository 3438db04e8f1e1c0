"""Payloads that are hard to read, through an endpoint: whose handlers run, and where."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from clerk_hooks import Endpoint, Router, sign
from clerk_hooks.events import UserCreated, UserDeleted

SECRET = "whsec_" + "A" * 32
FAR = "x" * 80
CONFUSING = {
    "deleted, with created at its end": (
        (
            f'{{"object":"event","type":"user.deleted","data":{{"id":"u","x":"{FAR}",'
            '"y":{"type":"user.created"}}}'
        ),
        ["user.deleted"],
    ),
    "created, with deleted at its end": (
        (
            f'{{"object":"event","type":"user.created","instance_id":"{FAR}",'
            '"data":{"id":"u","unsafe_metadata":{"type":"user.deleted"}}}'
        ),
        ["user.created"],
    ),
    "the same key twice": (
        '{"type":"user.deleted","data":{"id":"u"},"type":"user.created"}',
        ["user.created"],
    ),
    "the guess is not of its shape": (
        f'{{"type":"user.created","data":[],"x":"{FAR}","type":"session.created"}}',
        [],
    ),
    "an unreadable value, and another type at its end": (
        (
            f'{{"object":"event","type":"user.deleted","data":{{"id":"u","slug":5,"x":"{FAR}",'
            '"y":{"type":"user.created"}}}'
        ),
        ["user.deleted"],
    ),
}


@pytest.mark.parametrize("what", CONFUSING)
def test_the_handlers_of_the_type_run_and_not_those_of_the_type_that_a_payload_seems_to_have(
    what: str,
) -> None:
    body, expected = CONFUSING[what]
    router, ran = Router(), list[str]()

    @router.on("user.created")
    def created(event: UserCreated) -> None:
        assert type(event) is UserCreated
        ran.append("user.created")

    @router.on("user.deleted")
    def deleted(event: UserDeleted) -> None:
        assert type(event) is UserDeleted
        ran.append("user.deleted")

    endpoint = Endpoint(router, secret=SECRET)
    assert endpoint.receive(body, sign(body, secret=SECRET)).status == 200
    assert ran == expected


def body_of(size: int) -> bytes:
    addresses = [{"email_address": "ada@example.com", "reserved": {}}] * (size // 50)
    data = {"id": "user_1", "email_addresses": addresses}
    return json.dumps({"type": "user.created", "data": data}).encode()


@pytest.mark.parametrize(("size", "calls"), [(20_000, 0), (200_000, 1)])
def test_a_large_payload_is_read_in_the_thread_that_the_caller_offers(
    size: int, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    router, made = Router(), list[str]()

    @router.on("user.created")
    async def handle(event: UserCreated) -> None:
        assert event.data.id == "user_1"
        made.append("handled")

    async def run_sync(call: Callable[[], object]) -> object:
        made.append("thread")
        return await asyncio.to_thread(call)

    endpoint, body = Endpoint(router, secret=SECRET), body_of(size)
    headers = sign(body, secret=SECRET)
    reply = asyncio.run(endpoint.areceive(body, headers, run_sync=run_sync))
    assert reply.status == 200
    assert made == ["thread"] * calls + ["handled"]
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (warning.thread == threading.get_ident()) == (not calls)


def test_a_large_payload_that_is_no_event_is_refused_as_a_small_one_is() -> None:
    router = Router()
    router.on("user.created", name="keep")(lambda event: None)
    endpoint = Endpoint(router, secret=SECRET)
    for size in (10, 200_000):
        body = b'{"type":"user.created","data":{"x":"' + b"x" * size + b'"}}'
        reply = asyncio.run(endpoint.areceive(body, sign(body, secret=SECRET)))
        assert (reply.status, json.loads(reply.body)["error"]) == (422, "bad_shape")


def test_a_warning_names_the_fields_once_and_shows_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    router, seen = Router(), list[Any]()
    router.on("user.created", name="one")(seen.append)
    router.on("user.created", name="two")(print)
    body = '{"type":"user.created","data":{"id":"user_1","locale":{"s3cret":1},"banned":"s3cret"}}'
    endpoint = Endpoint(router, secret=SECRET)
    headers = sign(body, secret=SECRET, message_id="msg_1")
    assert endpoint.receive(body, headers).status == 200
    assert len(seen) == 1
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == "msg_1 user.created: could not read data.locale, data.banned"
    assert vars(record)["unreadable"] == "data.locale, data.banned"
    assert "s3cret" not in caplog.text


def test_a_handler_that_reads_what_could_not_be_read_fails_and_no_other() -> None:
    router, ran = Router(), list[str]()

    @router.on("user.created")
    def reads(event: UserCreated) -> None:
        ran.append(event.data.locale or "")

    @router.on("user.created")
    def does_not(event: UserCreated) -> None:
        ran.append(event.data.id)

    body = '{"type":"user.created","data":{"id":"user_1","locale":{}}}'
    endpoint = Endpoint(router, secret=SECRET)
    assert endpoint.receive(body, sign(body, secret=SECRET)).status == 500
    assert ran == ["user_1"]

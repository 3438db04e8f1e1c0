"""The first and the second reading of a payload: their costs, and the bounds of the second."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clerk_hooks import Delivery
from clerk_hooks.events import UserCreated

from .table import Row
from .timing import seconds_per_call

SAMPLE = Path(__file__).parents[1] / "samples" / "user_created.json"
SIZE = 1024 * 1024
"""Bytes of the largest body that an endpoint accepts."""


def rows() -> Iterator[Row]:
    """Readings of one user.created, and of the largest bodies that they are slow for."""
    logging.getLogger("clerk_hooks").addHandler(logging.NullHandler())  # They warn.
    body = SAMPLE.read_bytes()
    misfit = changed(body, locale={"new": 1})
    surrogate = changed(body, first_name="cut \ud83d")
    t = seconds_per_call(
        {
            "pydantic": lambda: UserCreated.model_validate_json(body),
            "first": read(body),
            "misfit": read(misfit),
            "surrogate": read(surrogate),
            "again": read_three_ways(surrogate),
        },
        rounds=41,
        slice_seconds=0.002,
    )
    first = "the first reading"
    yield Row(
        f"Delivery.event, {first} / pydantic's model_validate_json",
        t["first"] / t["pydantic"],
        1.25,
    )
    yield Row(
        f"Delivery.event, one value that does not fit / {first}", t["misfit"] / t["first"], 10
    )
    yield Row(f"Delivery.event, half a surrogate pair / {first}", t["surrogate"] / t["first"], 6)
    yield Row("type, event and json() of that, twice / event alone", t["again"] / t["surrogate"], 6)
    for name, (payload, limit) in LARGE.items():
        t = seconds_per_call(
            {"loads": lambda text=payload: json.loads(text), "ours": read(payload)}, 3, 0.001
        )
        yield Row(f"Delivery.event, 1 MiB of {name} / json.loads", t["ours"] / t["loads"], limit)


def changed(body: bytes, **data: Any) -> bytes:
    """`body` with other values in its data."""
    event = json.loads(body)
    event["data"] |= data
    return json.dumps(event).encode()


def read(payload: bytes) -> Callable[[], object]:
    """One reading of the event, by a new delivery."""
    return lambda: Delivery("msg_1", 1, payload).event


def read_three_ways(payload: bytes) -> Callable[[], object]:
    """Everything that can be read of one delivery, twice."""

    def call() -> None:
        one = Delivery("msg_1", 1, payload)
        for _ in range(2):
            assert (one.type, one.event.type, one.json()["type"]) == ("user.created",) * 3

    return call


def filled(start: str, repeated: str, end: str) -> bytes:
    """A user.created of about 1 MiB."""
    head = '{"type":"user.created","data":{"id":"user_1",'
    count = (SIZE - len(head) - len(start) - len(end)) // len(repeated)
    return (head + start + repeated * count + end + "}}").encode()


LARGE = {
    "objects that do not fit": (filled('"email_addresses":[{}', ",{}", "]"), 3),
    "addresses that do not fit": (filled('"email_addresses":[{"id":1}', ',{"id":1}', "]"), 3),
    "numbers beside one that does not fit": (filled('"locale":1,"a":[0', ",0", "]"), 3),
    "brackets that are cut": (filled('"a":[' + "[" * 200 + "]" * 200, ",[]", "]"), 40),
}
"""Bodies for which the second reading is slow, and how many times as slow as Python's parser."""

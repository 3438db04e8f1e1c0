"""What stands in front of a Lambda function: an HTTP request in, the event and the reply between.

`events/` has one recorded event document of each kind that AWS documents. A `Gateway` fills in what
a request brings, calls the function, and reads its reply as that kind of gateway does.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from clerk_hooks.adapters.aws_lambda import lambda_handler

from .application import build_endpoints, close_stores
from .servers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVENTS = {
    f"lambda-{path.stem}": json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "events").glob("*.json"))
}
KEEPS_CASE = {"lambda-api_gateway_v1"}


def event_of(
    kind: str,
    body: bytes,
    headers: Iterable[tuple[str, str]],
    method: str = "POST",
    *,
    base64: bool = False,
) -> dict[str, Any]:
    """The event of this kind for a request; a body that is no text comes in base64."""
    event: dict[str, Any] = json.loads(json.dumps(EVENTS[kind]))
    if "http" in event["requestContext"]:
        event["requestContext"]["http"]["method"] = method
    else:
        event["httpMethod"] = method
    for name, value in headers:
        _add_header(event, kind, name if kind in KEEPS_CASE else name.lower(), value)
    try:
        event["body"] = None if base64 else body.decode() or EVENTS[kind]["body"]
    except UnicodeDecodeError:
        base64 = True
    if base64:
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
    return event


def _add_header(event: dict[str, Any], kind: str, name: str, value: str) -> None:
    if "multiValueHeaders" in event:
        event["multiValueHeaders"].setdefault(name, []).append(value)
    if "headers" in event:
        # Format 2.0 joins what came twice; the others keep the last.
        joins = event.get("version") == "2.0" and name in event["headers"]
        event["headers"][name] = f"{event['headers'][name]},{value}" if joins else value


def answer_of(kind: str, reply: Mapping[str, Any]) -> Answer:
    """What the gateway sends on, as AWS documents it; strict where AWS would answer with a 502."""
    assert isinstance(reply["statusCode"], int)
    assert isinstance(reply["body"], str)
    assert reply["isBase64Encoded"] is False
    json.dumps(reply)
    if kind.startswith("lambda-alb"):
        assert reply["statusDescription"].startswith(f"{reply['statusCode']} ")
    if kind == "lambda-alb_multi_value":
        assert "headers" not in reply
        headers = {name: ", ".join(values) for name, values in reply["multiValueHeaders"].items()}
    else:
        headers = dict(reply["headers"])
    body = reply["body"].encode()
    return Answer(reply["statusCode"], {**headers, "content-length": str(len(body))}, body)


class Gateway:
    """A gateway with a function per endpoint behind it, which tests use like a `Server`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.log = folder / "server.log"
        self._endpoints = build_endpoints(folder)
        self._functions = {
            f"/{name}": lambda_handler(endpoint) for name, endpoint in self._endpoints.items()
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        handler = logging.FileHandler(self.log)
        logging.getLogger().addHandler(handler)
        self._stack.callback(close_stores, self._endpoints)
        self._stack.callback(handler.close)
        self._stack.callback(logging.getLogger().removeHandler, handler)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(
        self, path: str, body: bytes | None, headers: Mapping[str, str], method: str = "POST"
    ) -> Answer:
        event = event_of(self.kind, body or b"", headers.items(), method)
        answer = answer_of(self.kind, self._functions[path](event, None))
        return answer._replace(body=b"") if method == "HEAD" else answer

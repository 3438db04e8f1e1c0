"""The containers of headers that frameworks have. This file is checked, never run."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from _typeshed.wsgi import WSGIEnvironment
from starlette.datastructures import Headers as StarletteHeaders
from starlette.requests import Request as StarletteRequest
from werkzeug.datastructures import EnvironHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.wrappers import Request as WerkzeugRequest

from clerk_hooks import Endpoint, Verifier, sign, verify

body = b"{}"


def mappings(
    plain: dict[str, str],
    of_bytes: dict[bytes, bytes],
    of_lists: Mapping[str, list[str]],
    of_tuples: Mapping[str, tuple[str, ...]],
    optional: dict[str, str | None],
    mutable: MutableMapping[str, str],
    environ: dict[str, Any],
    wsgi: WSGIEnvironment,
) -> None:
    verify(body, plain)
    verify(body, of_bytes)
    verify(body, of_lists)
    verify(body, of_tuples)
    verify(body, optional)
    verify(body, mutable)
    verify(body, environ)
    verify(body, wsgi)
    verify(body, {})
    verify(body, sign(body))
    verify(body, {"svix-id": "msg_1", "svix-timestamp": ["1700000000"]})


def pairs(
    plain: list[tuple[str, str]],
    of_bytes: list[tuple[bytes, bytes]],
    scope: Iterable[tuple[bytes, bytes]],
    fixed: tuple[tuple[str, str], ...],
) -> None:
    verify(body, plain)
    verify(body, of_bytes)
    verify(body, scope)
    verify(body, fixed)
    verify(body, [])
    verify(body, [("svix-id", "msg_1")])
    verify(body, [(b"svix-id", b"msg_1"), ("svix-timestamp", "1700000000")])


def of_frameworks(
    starlette: StarletteHeaders,
    starlette_request: StarletteRequest,
    werkzeug: WerkzeugHeaders,
    environ: EnvironHeaders,
    werkzeug_request: WerkzeugRequest,
) -> None:
    verify(body, starlette)
    verify(body, starlette.raw)
    verify(body, starlette_request.headers)
    verify(body, werkzeug)
    verify(body, environ)
    verify(body, werkzeug_request.headers)
    verify(body, werkzeug_request.environ)


def everywhere(verifier: Verifier, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
    verifier.verify(body, headers)
    endpoint.receive(body, headers)


def none(
    text: str, names: list[str], numbers: dict[int, str], triples: list[tuple[str, str, str]]
) -> None:
    verify(body, None)  # type: ignore[arg-type]
    verify(body, text)  # type: ignore[arg-type]
    verify(body, body)  # type: ignore[arg-type]
    verify(body, names)  # type: ignore[arg-type]
    verify(body, numbers)  # type: ignore[arg-type]
    verify(body, triples)  # type: ignore[arg-type]
    verify(body, 5)  # type: ignore[arg-type]

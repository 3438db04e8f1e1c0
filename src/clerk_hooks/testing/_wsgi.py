"""A request to a WSGI application (PEP 3333), without a server."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from wsgiref.util import setup_testing_defaults

from ..errors import InputTypeError
from ..reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._signing import SignedRequest


def post_wsgi(app: Any, path: str, request: SignedRequest) -> Reply:
    """POST `request` to the application, and let its errors through."""
    answer: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_exc_info: Any) -> Any:
        answer[:] = [(status, headers)]  # An application may call it again, with an error.
        return written.append

    chunks = cast("Iterable[bytes]", app(_environ(path, request), start_response))
    try:
        written.extend(chunks)
    finally:
        if (close := getattr(chunks, "close", None)) is not None:
            close()
    if not answer:
        raise InputTypeError("target: the application did not answer the request")
    status, headers = answer[0]
    names = {name.lower(): value for name, value in headers}
    return Reply(int(status.split()[0]), b"".join(written), names)


def _environ(path: str, request: SignedRequest) -> dict[str, Any]:
    path_info, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path_info,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "testserver",
        "wsgi.input": BytesIO(request.body),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    setup_testing_defaults(environ)
    return environ

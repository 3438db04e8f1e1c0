"""A request's raw body: what callers may pass, and its bytes."""

from typing import TypeAlias, cast

from .errors import InputTypeError, caused_by

Body: TypeAlias = bytes | bytearray | memoryview | str
"""A request's raw body. Text stands for its UTF-8 bytes."""


def to_bytes(body: object) -> bytes | InputTypeError:
    """The bytes of a request's raw body, which may be any bytes-like object or text.

    If it is neither, returns the error, which says what to pass instead.
    """
    try:
        if type(body) is bytes:
            return body
        if isinstance(body, str):
            # A lone surrogate is in no UTF-8, so no signature fits it: no crash, but refused later.
            return str.encode(body, "utf-8", "surrogatepass")
        return bytes(memoryview(cast("bytes", body)))
    except Exception as error:  # noqa: BLE001 - A proxy object may raise anything, even when asked for its class.
        hint = "await it first" if hasattr(type(body), "__await__") else "not parsed JSON or a form"
        problem = InputTypeError(
            f"the body is of type {type(body).__name__}: pass the raw request body (bytes), {hint}",
            reason="bad_body",
        )
        return caused_by(problem, error)

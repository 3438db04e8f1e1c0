"""AWS's own runtime for functions, a process of its own, and the API that it asks for events.

The API is described in AWS's "Using the Lambda runtime API": the runtime asks for the next
invocation, calls the function, and posts what it returned or raised; one after the other.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .servers import ROOT, START_TIMEOUT, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE = "awslambdaric"
_INVOCATION = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
    b"lambda-runtime-deadline-ms: 4102444800000\r\n"
    b"lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:clerk\r\n"
    b"\r\n%s"
)
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class FunctionError(Exception):
    """What the function raised, in the words of its runtime."""


class Function:
    """A function that waits in its runtime for an event."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connection: BinaryIO | None = None

    def invoke(self, event: bytes) -> bytes:
        """The function's reply to `event`; both are JSON. Raises `FunctionError`."""
        self._write(_INVOCATION % (len(event), event))
        path, body = self._read()
        self._write(_ACCEPTED)
        self.await_next()
        if not path.endswith("/response"):
            raise FunctionError(body.decode())
        return body

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def await_next(self) -> None:
        """Wait until the function is ready for an event. Raises `FunctionError` where it is not."""
        path, body = self._read()
        if not path.endswith("/invocation/next"):  # It could not be loaded.
            raise FunctionError(body.decode())

    def _read(self) -> tuple[str, bytes]:
        """The path and the body of the runtime's next request."""
        while not (line := self._connection.readline() if self._connection else b""):
            self.close()
            client, _ = self._listener.accept()
            with client:  # The file keeps it open.
                client.settimeout(TIMEOUT)
                self._connection = client.makefile("rwb")
        assert self._connection is not None
        path, length = line.split()[1].decode(), 0
        while header := self._connection.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return path, self._connection.read(length)

    def _write(self, response: bytes) -> None:
        assert self._connection is not None
        self._connection.write(response)
        self._connection.flush()


@contextmanager
def deployed(
    handler: str, log: Path, environment: Mapping[str, str], *, folder: Path = ROOT
) -> Iterator[Function]:
    """The function named `handler`, which is found in `folder`, behind AWS's runtime."""
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        listener.settimeout(START_TIMEOUT)
        process = subprocess.Popen(
            [sys.executable, "-m", PACKAGE, handler],
            cwd=folder,
            env={
                **os.environ,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
                "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
                **environment,
            },
            stdout=output,
            stderr=output,
        )
        try:
            function = Function(listener)
            try:
                function.await_next()
                yield function
            finally:
                function.close()
        except TimeoutError as error:
            raise AssertionError(f"{handler} does not answer: {log.read_text()}") from error
        finally:
            process.kill()
            process.wait(TIMEOUT)

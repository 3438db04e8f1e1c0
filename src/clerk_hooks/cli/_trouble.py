"""Errors of the network, in words."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import HTTPException, RemoteDisconnected

from ._usage import in_words

_LISTENING = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
    errno.EACCES: "the system does not permit it; ports below 1024 are reserved",
}


def why_no_reply(error: Exception, host: str, port: int, timeout: float) -> str:
    """Why a request to `host` got no reply; `error` is of the socket, of ssl or of http.client."""
    place = f"{host}:{port}"
    words: dict[type[Exception], str] = {  # The first class that fits counts.
        TimeoutError: f"no reply within {timeout:.0f} s",
        ConnectionRefusedError: f"nothing listens at {place}",
        socket.gaierror: f"no such host: {host}",
        ssl.SSLCertVerificationError: f"the certificate of {host} is not valid",
        ssl.SSLError: f"{place} does not speak TLS: is its URL http://?",
        RemoteDisconnected: f"{place} closed the connection without a reply",
        ConnectionError: f"{place} broke off the connection",
        HTTPException: f"the reply of {place} is not valid HTTP",
        ValueError: "the headers cannot be sent over HTTP",
    }
    fitting = (text for kind, text in words.items() if isinstance(error, kind))
    return next(fitting, None) or in_words(error)


def why_not_listening(error: OSError | UnicodeError) -> str:
    """Why a server could not listen on an address; a `UnicodeError` is of its host's name."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "no such host"
    return _LISTENING.get(error.errno or 0) or in_words(error)

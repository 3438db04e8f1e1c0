"""What travels with a delivery that is handed over: text of observers, such as a trace context."""

import logging
from typing import cast

from .logs import log
from .observe import Handed

CARRIER_BYTES = 2048
"""How much may travel with a delivery: names and values, in UTF-8."""


def carried(handed: Handed) -> dict[str, str]:
    """What observers have put into the carrier, as much of it as may travel; warns of the rest."""
    carrier, left_out, size = dict[str, str](), list[str](), 0
    for name, value in _items(handed.carrier):
        if isinstance(name, str) and isinstance(value, str):
            length = _utf8_length(name) + _utf8_length(value)
            if size + length <= CARRIER_BYTES:
                carrier[name] = value
                size += length
                continue
        left_out.append(name[:50] if isinstance(name, str) else type(name).__name__)
    if left_out:
        text = (
            "%(message_id)s: left %(left_out)s out of the carrier, which holds text of 2,048 bytes "
            "in total"
        )
        fields = {"message_id": handed.delivery.message_id, "left_out": ", ".join(left_out[:10])}
        log(logging.WARNING, text, fields)
    return carrier


def _items(carrier: object) -> list[tuple[object, object]]:
    """What is in `carrier`, which an observer may have replaced."""
    if not isinstance(carrier, dict):
        return [(carrier, None)]
    return list(cast("dict[object, object]", carrier).items())


def _utf8_length(text: str) -> int:
    """Bytes; more than fit if it is not proper text."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return CARRIER_BYTES + 1

"""The second reading: valid JSON that pydantic's parser refuses.

pydantic's parser refuses brackets 200 levels deep, integers of over 4,300 digits and half a
surrogate pair. Users of the application can write all three into their ``unsafe_metadata``, and
must not be able to make their own events undeliverable. So such a text is read once more, by
Python's parser, which has limits of its own: it recurses, and it takes quadratic time for a long
integer. Therefore brackets deeper than `MAX_DEPTH` levels and longer integers are cut, which means
read as `None`: the brackets before the parsing, in one pass that does not recurse. Half a surrogate
pair is read as it is.
"""

import json
import re
from collections.abc import Callable
from random import randrange
from typing import Any, NamedTuple, TypeVar, cast

MAX_DEPTH = 190
"""Levels of brackets that are kept. What they hold fits pydantic's limit of 200 when it is dumped,
and is read again."""

MAX_DIGITS = 4300
"""Digits of the longest integer that is kept: the limit of Python's `int`, and of pydantic."""

CUT: Any = object()
"""Stands in parsed JSON for a part of it that was cut."""

_TOKEN = re.compile(r'\\.|["\[\]{}]', re.DOTALL)

_Result = TypeVar("_Result")


class JsonText(NamedTuple):
    """JSON that is not too deep."""

    text: str
    cut: str
    """A number that stands in `text` where brackets were cut, and occurs nowhere else in it."""

    @classmethod
    def of(cls, payload: bytes) -> "JsonText":
        """The text of `payload`, with brackets cut that are too deep.

        Raises `UnicodeDecodeError` if it is not UTF-8. Takes linear time.
        """
        text = payload.decode()
        # Random, so that nobody can write it; a float, because integers are common.
        cut = f"0e{randrange(10**9, 10**10)}"  # noqa: S311 - nothing is guarded by it
        if text.count("[") + text.count("{") <= MAX_DEPTH:
            return cls(text, cut)
        kept, end, start, depth, in_text = list[str](), 0, 0, 0, False
        for token in _TOKEN.finditer(text):
            mark = token[0]
            if mark == '"':
                in_text = not in_text
            elif in_text or len(mark) == 2:
                continue
            elif mark in "[{":
                depth += 1
                if depth == MAX_DEPTH + 1:
                    start = token.start()
            else:
                if depth == MAX_DEPTH + 1:
                    kept += (text[end:start], cut)
                    end = token.end()
                depth -= 1
        rest = text[end:start] if depth > MAX_DEPTH else text[end:]  # Not closed: not JSON.
        return cls("".join([*kept, rest]), cut)

    def parse(self, cut_as: object = None) -> object:
        """The value, with `cut_as` in the place of everything that was cut.

        Raises `ValueError` if this is not JSON, and `RecursionError` if the caller's stack is deep.
        """

        def integer(digits: str) -> object:
            if len(digits) > MAX_DIGITS + digits.startswith("-"):
                return cut_as
            return int(digits)

        def number(text: str) -> object:
            return cut_as if text == self.cut else float(text)

        return json.loads(self.text, parse_int=integer, parse_float=number)


def copy_of(value: object, cut_as: object) -> object:
    """A copy of parsed JSON, with `cut_as` in the place of each `CUT`.

    Raises `RecursionError` if the caller's stack is deep.
    """
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: copy_of(member, cut_as) for key, member in members.items()}
    if isinstance(value, list):
        return [copy_of(item, cut_as) for item in cast("list[object]", value)]
    return cut_as if value is CUT else value


def on_fresh_stack(call: Callable[[], _Result]) -> _Result:
    """The result of `call`, which is called again in another thread if the stack is too deep here.

    Python's parser counts levels of brackets and frames of callers together (up to 3.11).
    """
    try:
        return call()
    except RecursionError:
        pass
    from threading import Thread

    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    for error in errors:
        raise error
    return results[0]

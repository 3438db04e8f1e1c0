"""The log: each record is one line, even if text in it came from outside."""

import json
import logging
from datetime import timedelta

import pytest

from clerk_hooks import Endpoint, MemoryStore, Router, sign
from clerk_hooks.logs import log, one_line

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FORGED = "newer.type\nERROR a forged line\r\x1b[31m\x85\u2028"
ESCAPED = r"newer.type\nERROR a forged line\r\x1b[31m\x85\u2028"


@pytest.mark.parametrize("value", ["user.created", "ключ 鍵", "", 5, 1.5, None], ids=repr)
def test_what_can_be_printed_is_logged_as_it_is(value: object) -> None:
    assert one_line(value) is value


def test_what_cannot_be_printed_is_escaped() -> None:
    assert one_line(FORGED) == ESCAPED
    assert one_line("half a pair \udc80") == r"half a pair \udc80"


def test_a_text_without_fields_may_have_percent_signs(caplog: pytest.LogCaptureFixture) -> None:
    log(logging.WARNING, "100 % of it", {})
    assert caplog.messages == ["100 % of it"]


def test_a_record_names_the_function_that_logs(caplog: pytest.LogCaptureFixture) -> None:
    log(logging.WARNING, "%(word)s", {"word": "a"})
    (record,) = caplog.records
    assert (record.name, record.funcName) == (
        "clerk_hooks",
        "test_a_record_names_the_function_that_logs",
    )


@pytest.mark.parametrize("outcome", ["handled", "unhandled", "failed", "refused"])
def test_an_event_type_from_outside_cannot_begin_a_line(
    outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    body = json.dumps({"type": FORGED, "data": {"id": "x"}})

    def handler(event: object) -> None:
        if outcome == "failed":
            raise ValueError

    if outcome != "unhandled":
        router.on_unknown(name="a")(handler)
    caplog.set_level(logging.INFO)
    store = MemoryStore()
    if outcome == "refused":
        store.claim("msg_1", ["a"], timedelta(seconds=60))
    endpoint = Endpoint(router, secret=SECRET, store=store)
    endpoint.receive(body, sign(body, secret=SECRET, message_id="msg_1"))
    records = [record for record in caplog.records if hasattr(record, "event_type")]
    assert records[-1].outcome == outcome  # type: ignore[attr-defined]
    for record in records:
        assert record.getMessage().startswith(f"msg_1 {ESCAPED}: ")
        assert record.event_type == ESCAPED  # type: ignore[attr-defined]
    assert not any("\n" in message for message in caplog.messages)

"""``clerk-hooks replay``: recorded deliveries, sent again, also after an interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from svix.webhooks import Webhook

from clerk_hooks import Reply
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import SECRET, SignedRequest, sample, signed_request

from .. import forking
from .conftest import Application, Request, Run, Serve, environment, ok

TYPES = [*EVENT_TYPES][:6]
IDS = [f"msg_{name.replace('.', '_')}" for name in TYPES]


def line_of(request: SignedRequest, **more: Any) -> str:
    body = b64encode(request.body).decode()
    return json.dumps({"headers": request.headers, "body_b64": body, **more})


@pytest.fixture
def requests() -> list[SignedRequest]:
    return [
        signed_request(sample(name), message_id=each) for name, each in zip(TYPES, IDS, strict=True)
    ]


@pytest.fixture
def recording(tmp_path: Path, requests: list[SignedRequest]) -> Path:
    """As ``clerk webhooks listen --json`` prints it: a line of another type is the first."""
    path = tmp_path / "deliveries.jsonl"
    lines = [json.dumps({"type": "ready", "relay_url": "https://webhooks.example.com/in/c_1/"})]
    lines += [
        line_of(each, type="event", svix_id="x", forward_status=200, latency_ms=5)
        for each in requests
    ]
    path.write_text("\n".join([*lines, ""]))
    return path


def progress_of(recording: Path) -> Path:
    return recording.with_name("deliveries.jsonl.progress")


def test_deliveries_are_sent_in_their_order_byte_for_byte(
    run: Run, recording: Path, app: Application, requests: list[SignedRequest]
) -> None:
    result = run("replay", recording, "--expect", "2xx 500", "--to", app.url)
    assert (result.status, result.err) == (0, "")
    assert [(each.body, each.headers["svix-signature"]) for each in app.requests] == [
        (each.body, each.headers["svix-signature"]) for each in requests
    ]
    assert all(
        set(each.headers) <= set(got.headers)
        for each, got in zip(requests, app.requests, strict=True)
    )
    assert f"{TYPES[0]} (replay)" in result.out
    assert not progress_of(recording).exists()


def test_only_headers_and_body_are_needed_and_headers_of_a_connection_stay_behind(
    run: Run, tmp_path: Path, accepts_all: Application
) -> None:
    headers = {
        "Host": "example.com",
        "Content-Length": "5",
        "Transfer-Encoding": "chunked",
        "X-Mine": "kept",
        "X-List": ["a", "b"],
    }
    path = tmp_path / "one.jsonl"
    body = b64encode(b"\xff{}").decode()
    path.write_text(f"\n{json.dumps({'headers': headers, 'body_b64': body})}\n\n")
    assert run("replay", path, "--to", accepts_all.url).status == 0
    [request] = accepts_all.requests
    assert request.body == b"\xff{}"
    assert request.headers["host"] in accepts_all.url
    assert (request.headers["x-mine"], request.headers["x-list"]) == ("kept", "b")
    assert "transfer-encoding" not in request.headers


def test_a_header_that_cannot_be_sent_is_an_outcome_and_no_traceback(
    run: Run, tmp_path: Path, accepts_all: Application
) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"headers": {"X": "愛"}, "body_b64": ""}))
    result = run("replay", path, "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (1, [])
    assert "---, expected 2xx" in result.out


def test_resigned_deliveries_are_accepted_however_old_and_keep_their_ids(
    run: Run, tmp_path: Path, app: Application
) -> None:
    request = signed_request(sample("user.created"), secret="whsec_" + 32 * "A").old()
    path = tmp_path / "old.jsonl"
    path.write_text(line_of(request))
    assert run("replay", path, "--to", app.url).status == 1
    assert run("replay", path, "--resign", "--to", app.url).status == 0
    got = app.requests[-1]
    assert (got.message_id, got.body) == (request.message_id, request.body)
    Webhook(SECRET).verify(got.body.decode(), got.headers)
    other = "whsec_" + 32 * "B"
    assert run("replay", path, "--resign", "--secret", other, "--to", app.url).status == 1


def test_resigning_replaces_the_headers_of_either_family(
    run: Run, tmp_path: Path, app: Application
) -> None:
    request = signed_request(sample("user.created")).old()
    headers = {
        name.replace("svix", "Webhook").title(): value for name, value in request.headers.items()
    }
    path = tmp_path / "old.jsonl"
    body = b64encode(request.body).decode()
    path.write_text(json.dumps({"headers": headers, "body_b64": body}))
    assert run("replay", path, "--resign", "--to", app.url).status == 0
    assert app.requests[0].message_id == request.message_id
    assert "webhook-id" not in app.requests[0].headers


def test_what_did_not_end_as_expected_is_all_that_is_sent_again(
    run: Run, recording: Path, serve: Serve
) -> None:
    broken = {IDS[1], IDS[4]}
    app = serve(lambda request: Reply(500 if request.message_id in broken else 200, b"", {}))
    assert run("replay", recording, "--to", app.url).status == 1
    assert len(app.requests) == 6
    assert run("replay", recording, "--to", app.url).status == 1
    assert [request.message_id for request in app.requests[6:]] == [IDS[1], IDS[4]]
    broken.clear()
    assert run("replay", recording, "--to", app.url).status == 0
    assert len(app.requests) == 10
    assert not progress_of(recording).exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.skipif(sys.platform == "win32", reason="signals are not what they are elsewhere")
def test_after_an_interruption_the_same_command_goes_on_with_the_rest(
    run: Run, recording: Path, serve: Serve, end: signal.Signals
) -> None:
    third, go_on = Event(), Event()

    def answer(request: Request) -> Reply:
        if request.message_id == IDS[2] and not go_on.is_set():
            third.set()
            go_on.wait(30)
        return ok(request)

    app = serve(answer)
    command = ["-m", "clerk_hooks", "replay", str(recording), "--to", app.url]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with forking.start(command, env=environment(), **pipes) as process:
        assert third.wait(30)
        process.send_signal(end)
        assert process.wait(30) == (130 if end == signal.SIGINT else -signal.SIGKILL)
        said = process.stderr.read()  # type: ignore[union-attr]
        assert said == ("clerk-hooks: interrupted\n" if end == signal.SIGINT else "")
    go_on.set()
    assert progress_of(recording).read_text().count("\n") == 2
    result = run("replay", recording, "--to", app.url)
    assert result.status == 0
    assert result.lines[-1] == "4 of 4 deliveries ended as expected."
    assert [request.message_id for request in app.requests[3:]] == IDS[2:]


def test_a_half_written_note_and_a_changed_line_cost_no_more_than_a_second_delivery(
    run: Run, recording: Path, serve: Serve
) -> None:
    broken = True
    app = serve(
        lambda request: Reply(500 if broken and "updated" in str(request.body) else 200, b"", {})
    )
    run("replay", recording, "--to", app.url)
    progress = progress_of(recording)
    progress.write_text(progress.read_text()[:-3])
    broken = False
    before = len(app.requests)
    assert run("replay", recording, "--to", app.url).status == 0
    assert 1 < len(app.requests) - before < 6


def test_a_file_that_has_grown_meanwhile_is_sent_to_its_end(
    run: Run, recording: Path, serve: Serve
) -> None:
    broken = {IDS[5]}
    app = serve(lambda request: Reply(500 if request.message_id in broken else 200, b"", {}))
    run("replay", recording, "--to", app.url)
    broken.clear()
    with recording.open("a") as file:
        file.write(line_of(signed_request(sample("sms.created"), message_id="msg_new")) + "\n")
    assert run("replay", recording, "--to", app.url).status == 0
    assert [each.message_id for each in app.requests[6:]] == [IDS[5], "msg_new"]


def test_progress_is_of_one_url_and_can_be_forgotten(
    run: Run, recording: Path, serve: Serve, accepts_all: Application
) -> None:
    app = serve(lambda request: Reply(500 if request.message_id == IDS[0] else 200, b"", {}))
    run("replay", recording, "--to", app.url)
    result = run("replay", recording, "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert f"belongs to {app.url}: pass --restart" in result.err
    assert run("replay", recording, "--restart", "--to", accepts_all.url).status == 0
    assert len(accepts_all.requests) == 6


def test_shuffled_or_several_at_a_time_all_are_sent(
    run: Run, recording: Path, accepts_all: Application
) -> None:
    arguments = ["--shuffle", "--concurrency", 3, "--rate", 1000, "--json"]
    result = run("replay", recording, *arguments, "--to", accepts_all.url)
    assert result.status == 0
    assert sorted(json.loads(line)["type"] for line in result.lines) == sorted(TYPES)
    assert sorted(each.message_id for each in accepts_all.requests) == sorted(IDS)


def test_shuffle_is_another_order(run: Run, tmp_path: Path, accepts_all: Application) -> None:
    ids = [f"msg_{number:03}" for number in range(60)]
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(line_of(signed_request("{}", message_id=each)) for each in ids))
    run("replay", path, "--shuffle", "--to", accepts_all.url)
    sent = [each.message_id for each in accepts_all.requests]
    assert sorted(sent) == ids
    assert sent != ids


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "5",
        '{"type": "event"}',
        '{"headers": {}}',
        '{"headers": {}, "body_b64": "%"}',
        '{"headers": 5, "body_b64": ""}',
        '{"headers": {}, "body_b64": null}',
        '{"headers": [[1, "x"]], "body_b64": "e30="}',
        '{"headers": ' + 900 * "[" + 900 * "]" + ', "body_b64": ""}',
        '{"headers": {"X": ' + 5000 * "1" + '}, "body_b64": ""}',
    ],
)
def test_a_line_that_is_no_delivery_is_found_before_any_is_sent(
    run: Run, recording: Path, accepts_all: Application, line: str
) -> None:
    with recording.open("a") as file:
        file.write(line + "\n")
    result = run("replay", recording, "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert result.err.count("\n") == 1
    assert "deliveries.jsonl, line 8: not a recorded delivery" in result.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"headers": {}, "body_b64": "/w=="}', "svix signs only bodies in UTF-8"),
        ('{"headers": {"svix-id": "a.b"}, "body_b64": "e30="}', "message_id"),
    ],
)
def test_a_delivery_that_cannot_be_signed_is_found_before_any_is_sent(
    run: Run, recording: Path, accepts_all: Application, line: str, said: str
) -> None:
    with recording.open("a") as file:
        file.write(f"{line}\n")
    result = run("replay", recording, "--resign", "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert f"line 8: --resign cannot sign this delivery: {said}" in result.err


def test_a_file_of_progress_that_is_something_else_is_a_line(
    run: Run, recording: Path, accepts_all: Application
) -> None:
    progress_of(recording).write_bytes(b"\xff\xfe")
    result = run("replay", recording, "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert result.err.endswith("pass --restart to discard it\n")


def test_a_message_id_that_no_terminal_can_show_is_an_outcome_and_no_traceback(
    run: Run, tmp_path: Path, accepts_all: Application
) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"headers": {"svix-id": "\\ud800"}, "body_b64": ""}')
    result = run("replay", path, "--to", accepts_all.url)
    assert (result.status, result.err) == (1, "")
    assert "the headers cannot be sent over HTTP" in result.out
    result = run("replay", path, "--json", "--to", accepts_all.url)
    assert json.loads(result.out)["message_id"] == "\ud800"


def test_a_recording_without_deliveries_is_sent_in_no_time(
    run: Run, tmp_path: Path, accepts_all: Application
) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text('{"type": "ready"}\n')
    result = run("replay", path, "--to", accepts_all.url)
    assert result.status == 0
    assert result.err == "clerk-hooks: nothing to send\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.jsonl", "--to", "http://x"], "does not exist"),
        ([__file__, "--to", "x"], "not a valid URL"),
        ([__file__, "--to", "http://x", "--secret", SECRET], "only together with --resign"),
        (["--to", "http://x"], "Missing argument"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("replay", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert said in result.err

"""``clerk-hooks send``: to real servers on this machine."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from pathlib import Path
from threading import Barrier

import pytest

from clerk_hooks import Reply, parse_event
from clerk_hooks.cli._batch import Batch
from clerk_hooks.cli.send import signer
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import SECRET

from .conftest import PATH, Application, Request, Run, Serve, ok

OTHER = "whsec_" + 32 * "A"


def test_a_sample_is_delivered_and_the_reply_is_shown(run: Run, app: Application) -> None:
    result = run("send", "user.created", "--to", app.url)
    assert (result.status, result.err) == (0, "")
    first, *_, last = result.lines
    assert first.startswith("200 ")
    assert last == "1 of 1 deliveries ended as expected."
    [request] = app.requests
    assert first.endswith(f' ms  user.created  {request.message_id}  {{"outcome":"handled"}}')
    assert (request.path, request.headers["content-type"]) == (PATH, "application/json")
    assert parse_event(request.body).type == "user.created"


def test_all_types_are_accepted_by_a_real_endpoint(run: Run, app: Application) -> None:
    result = run("send", "--all", "--expect", "2xx 500", "--to", app.url)
    assert result.status == 0, result.out
    assert app.types() == list(EVENT_TYPES)
    assert (
        result.lines[-1]
        == f"{len(EVENT_TYPES)} of {len(EVENT_TYPES)} deliveries ended as expected."
    )


def test_patterns_variants_and_changes_decide_what_is_sent(
    run: Run, accepts_all: Application
) -> None:
    types = ["user.*", "user.created"]
    run("send", *types, "--set", "first_name=Eve", "--count", 2, "--to", accepts_all.url)
    assert accepts_all.types() == [
        name for name in EVENT_TYPES if name.startswith("user.") for _ in range(2)
    ]
    assert b'"first_name":"Eve"' in accepts_all.requests[0].body
    ids = [request.message_id for request in accepts_all.requests]
    assert len(set(ids)) == len(ids)
    run("send", "user.created", "--variant", "dashboard", "--to", accepts_all.url)
    assert json.loads(accepts_all.requests[-1].body)["timestamp"] < 10**11


def test_a_reply_that_is_not_expected_is_a_negative_result(run: Run, app: Application) -> None:
    result = run("send", "user.deleted", "user.created", "--to", app.url)
    assert result.status == 1
    assert result.lines[0].startswith("500, expected 2xx ")
    assert result.lines[-1] == "1 of 2 deliveries ended as expected."
    assert run("send", "user.deleted", "--expect", "500", "--to", app.url).status == 0
    assert run("send", "user.deleted", "--expect", "5xx", "--to", app.url).status == 0


@pytest.mark.parametrize(("option", "reason"), [("--forged", "no_match"), ("--old", "too_old")])
def test_what_must_be_refused_is_expected_to_be(
    run: Run, app: Application, accepts_all: Application, option: str, reason: str
) -> None:
    refused = run("send", "user.created", option, "--to", app.url)
    assert refused.status == 0
    assert f"user.created ({option[2:]})" in refused.out
    assert reason in refused.out
    accepted = run("send", "user.created", option, "--to", accepts_all.url)
    assert accepted.status == 1
    assert accepted.lines[0].startswith("200, expected 400 ")


def test_a_duplicate_is_the_same_message_signed_anew(run: Run, app: Application) -> None:
    result = run("send", "user.created", "--count", 3, "--duplicate", "--to", app.url)
    assert result.status == 0
    assert [request.message_id for request in app.requests[::2]] == [
        request.message_id for request in app.requests[1::2]
    ]
    first, second = app.requests[:2]
    assert first.body == second.body
    assert first.headers["svix-signature"] != second.headers["svix-signature"]
    assert "user.created (duplicate)" in result.out


def test_a_duplicate_may_be_told_to_come_back_later(run: Run, serve: Serve) -> None:
    seen: set[str] = set()

    def answer(request: Request) -> Reply:
        known = request.message_id in seen
        seen.add(request.message_id)
        return Reply(409 if known else 200, b"", {})

    assert run("send", "user.created", "--duplicate", "--to", serve(answer).url).status == 0
    assert run("send", "user.created", "--to", serve(lambda _: Reply(409, b"", {})).url).status == 1


def test_shuffle_sends_the_same_in_another_order(run: Run, accepts_all: Application) -> None:
    run("send", "--all", "--duplicate", "--shuffle", "--to", accepts_all.url)
    in_order = [name for name in EVENT_TYPES for _ in range(2)]
    assert Counter(accepts_all.types()) == Counter(in_order)
    assert accepts_all.types() != in_order


def test_so_many_are_under_way_at_a_time(run: Run, serve: Serve) -> None:
    barrier = Barrier(4)

    def answer(request: Request) -> Reply:
        barrier.wait(20)  # Breaks unless four requests are here together.
        return ok(request)

    app = serve(answer)
    result = run("send", "user.created", "--count", 8, "--concurrency", 4, "--to", app.url)
    assert result.status == 0
    assert len(app.requests) == 8


def test_the_rate_is_a_limit(run: Run, accepts_all: Application) -> None:
    started = time.monotonic()
    run("send", "user.created", "--count", 5, "--rate", 20, "--to", accepts_all.url)
    assert time.monotonic() - started >= 4 / 20
    assert len(accepts_all.requests) == 5


def test_a_body_from_a_file_is_signed_and_sent_as_it_is(
    run: Run, app: Application, tmp_path: Path
) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(b'{ "type": "user.created", "data": {"id": "user_1"} }\n')
    result = run("send", "--body", path, "--to", app.url)
    assert result.status == 0, result.out
    assert app.requests[0].body == path.read_bytes()
    assert "  user.created  " in result.lines[0]


def test_a_body_may_come_from_the_standard_input(
    run: Run, app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"type": "session.created", "data": {"id": "sess_1"}}'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert run("send", "--body", "-", "--duplicate", "--to", app.url).status == 0
    assert [request.body for request in app.requests] == [body, body]


def test_a_body_without_a_type_is_sent_too(run: Run, app: Application, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"{{}}")
    result = run("send", "--body", tmp_path / "body", "--expect", "422", "--to", app.url)
    assert result.status == 0
    assert "  (no type)  " in result.lines[0]


def test_the_message_id_may_be_chosen(run: Run, app: Application) -> None:
    result = run("send", "user.created", "--message-id", "msg_mine", "--duplicate", "--to", app.url)
    assert result.status == 0
    assert [request.message_id for request in app.requests] == ["msg_mine", "msg_mine"]
    assert "  msg_mine  " in result.lines[0]


def test_a_field_that_no_model_declares_is_sent_with_a_warning(
    run: Run, accepts_all: Application
) -> None:
    change = ["--set", "frist_name=Ada"]
    result = run("send", "user.created", "--count", 2, *change, "--to", accepts_all.url)
    assert (result.status, len(accepts_all.requests)) == (0, 2)
    assert b'"frist_name":"Ada"' in accepts_all.requests[0].body
    assert result.err == (
        "clerk-hooks: --set 'frist_name=Ada': User has no field 'frist_name': "
        "did you mean 'first_name'?\n"
    )


def test_a_field_that_one_of_the_types_declares_is_right(
    run: Run, accepts_all: Application
) -> None:
    result = run("send", "user.*", "--set", "first_name=Ada", "--to", accepts_all.url)
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "http://x"], "pass the event types to send, or --all"),
        (["user.created", "--all", "--to", "http://x"], "or --all"),
        (["user.created"], "Missing option '--to'"),
        (["user.created", "--to", "localhost:8000"], "not a valid URL"),
        (["user.created", "--to", "http://[x"], "not a valid URL"),
        (["user.created", "--to", "http://x:99999"], "not a valid URL"),
        (["user.created", "--to", "http://a..b/"], "its host has an empty or an overlong part"),
        (["user.created", "--to", "http://x/a b"], "percent-encode everything"),
        (["user.created", "--to", "http://x/\x7f"], "percent-encode everything"),
        (["user.created", "--to", "http://x/\n"], "percent-encode everything"),
        (["user.created", "--to", "http://zoë/"], "percent-encode everything"),
        (["user.created", "--to", "http://ada:hunter2@x/"], "a user or a password"),
        (["user.created", "--to", "http://ada:hunter2@x:99999/"], "cannot be read"),
        (["user.created", "--set", 'first_name="\\ud800"', "--to", "http://x"], "not valid UTF-8"),
        (["user.created", "--set", "first_name=\udcff", "--to", "http://x"], "not valid UTF-8"),
        (["user.created", "--set", "last_sign_in_at=NaN", "--to", "http://x"], "neither NaN"),
        (
            ["user.created", "--set", "public_metadata.n=Infinity", "--to", "http://x"],
            "neither NaN",
        ),
        (
            ["user.created", "--set", 'public_metadata={"n": [-Infinity]}', "--to", "http://x"],
            "neither NaN",
        ),
        (["user.created", "--set", "public_metadata.n=-1e999", "--to", "http://x"], "neither NaN"),
        (["user.created", "--expect", "foo", "--to", "http://x"], "expected statuses"),
        (["user.created", "--expect", "200 6xx", "--to", "http://x"], "expected statuses"),
        (["user.created", "--expect", "", "--to", "http://x"], "expected statuses"),
        (["user.creted", "--to", "http://x"], "did you mean 'user.created'?"),
        (["User.*", "--to", "http://x"], "did you mean 'user.*'?"),
        (["user.created", "--body", __file__, "--to", "http://x"], "--body needs no event types"),
        (["--all", "--body", __file__, "--to", "http://x"], "--body needs no event types"),
        (["--body", __file__, "--set", "a=1", "--to", "http://x"], "--body needs no event types"),
        (["--body", "nowhere", "--to", "http://x"], "nowhere: No such file"),
        (["user.*", "--message-id", "msg_1", "--to", "http://x"], "--message-id is for one"),
        (["user.created", "--message-id", "a.b", "--to", "http://x"], "message_id"),
        (
            ["user.created", "--message-id", "a", "--count", "2", "--to", "http://x"],
            "--message-id is for one",
        ),
        (["user.created", "--forged", "--old", "--to", "http://x"], "not both"),
        (["user.*", "--variant", "web3", "--to", "http://x"], "user.deleted has no variant"),
        (["user.created", "--set", "x", "--to", "http://x"], "expected NAME=VALUE"),
        (["user.created", "--count", "0", "--to", "http://x"], "Invalid value for '--count'"),
        (["user.created", "--secret", "sk_live_abc", "--to", "http://x"], "this is an API key"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("send", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("clerk-hooks: ")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_without_a_secret_nothing_is_sent(
    run: Run, accepts_all: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLERK_WEBHOOK_SIGNING_SECRET")
    result = run("send", "user.created", "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert "CLERK_WEBHOOK_SIGNING_SECRET is not set" in result.err


def test_the_secret_may_be_passed_and_is_never_shown(run: Run, app: Application) -> None:
    assert run("send", "user.created", "--secret", SECRET, "--to", app.url).status == 0
    result = run("send", "user.created", "--secret", OTHER, "--to", app.url)
    assert result.status == 1
    assert OTHER[6:] not in result.out + result.err
    result = run("send", "user.created", "--secret", "whsec_short", "--to", app.url)
    assert result.status == 2
    assert "short" not in result.err.replace("too short", "")


def test_the_class_of_a_status_may_be_in_capitals(run: Run, accepts_all: Application) -> None:
    assert run("send", "user.created", "--expect", "4XX 2XX", "--to", accepts_all.url).status == 0


def test_the_secret_is_in_no_repr() -> None:
    batch = Batch(["user.created"], lambda _: b"{}", signer(SECRET, None), "delivery", False, None)
    batch.check()
    assert SECRET[6:] not in repr(batch) + repr(list(batch.jobs()))

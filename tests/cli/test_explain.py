"""``clerk-hooks explain``: recorded deliveries and files; what is tried is tested with the kit."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from pathlib import Path

import pytest

from clerk_hooks.testing import SECRET, SignedRequest, explain, sample, signed_request

from .conftest import Run

OTHER = "whsec_" + 32 * "A"


@pytest.fixture
def request_() -> SignedRequest:
    return signed_request(sample("user.created"), secret=SECRET)


def recorded(*requests: SignedRequest, path: Path) -> Path:
    lines = ['{"type": "ready"}']
    for request in requests:
        body = b64encode(request.body).decode()
        lines.append(json.dumps({"type": "event", "headers": request.headers, "body_b64": body}))
    path.write_text("\n".join(lines))
    return path


def test_a_recorded_delivery_that_is_verified(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    path = recorded(request_, path=tmp_path / "one.jsonl")
    assert run("explain", path) == (0, "Verified.\n", "")


def test_a_cause_is_a_negative_result_with_what_is_wrong_and_what_to_do(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    path = recorded(request_, path=tmp_path / "one.jsonl")
    another = "whsec_" + "b2xk" * 8
    result = run("explain", path, "--secret", another)
    found = explain(*request_, secret=another)
    assert (result.status, result.err) == (1, "")
    assert found.message.endswith("the environment variable CLERK_WEBHOOK_SIGNING_SECRET")
    message = found.message.replace("it was", "It was")
    assert result.lines == [
        "Refused: secret_of_another.",
        "",
        f"{message}.",
        "",
        found.advice,
    ]


def test_the_last_line_is_explained_or_the_one_that_is_named(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    path = recorded(request_.old(), request_, request_.forged(), path=tmp_path / "three.jsonl")
    assert run("explain", path, "--line", 2).lines[0] == "Refused: too_old."
    assert run("explain", path, "--line", 3).out == "Verified.\n"
    assert run("explain", path).lines[0] == "Refused: unknown, most likely."


@pytest.mark.parametrize("form", ["object", "pairs", "message"])
def test_body_and_headers_come_from_files_of_any_form(
    run: Run, request_: SignedRequest, tmp_path: Path, form: str
) -> None:
    pairs = list(request_.headers.items())
    text = {
        "object": json.dumps(request_.headers),
        "pairs": json.dumps(pairs),
        "message": "POST /webhooks HTTP/1.1\r\n"
        + "".join(f"{name.title()}: {value}\r\n" for name, value in pairs),
    }[form]
    headers = tmp_path / "headers"
    headers.write_text(text)
    body = tmp_path / "body"
    body.write_bytes(request_.body)
    arguments = ["explain", "--body", body, "--headers", headers]
    assert run(*arguments).out == "Verified.\n"
    body.write_bytes(request_.body + b"\n")
    assert run(*arguments).lines[0] == "Refused: body_newline."


def test_as_json_there_are_all_the_fields(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    path = recorded(request_.old(), path=tmp_path / "one.jsonl")
    result = run("explain", path, "--json")
    found = json.loads(result.out)
    assert result.status == 1
    assert set(found) == {"verified", "cause", "proven", "message", "advice"}
    assert (found["verified"], found["cause"], found["proven"]) == (False, "too_old", True)
    assert json.loads(run("explain", path, "--now", request_.old().signed_at, "--json").out)[
        "verified"
    ]


def test_the_time_of_arrival_is_seconds_or_iso(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    old = request_.old()
    path = recorded(old, path=tmp_path / "one.jsonl")
    seconds = int(old.signed_at.timestamp())
    for now in (seconds, seconds + 299.5, old.signed_at.isoformat().replace("+00:00", "Z")):
        assert run("explain", path, "--now", now).status == 0
    assert run("explain", path, "--now", seconds - 600).lines[0] == "Refused: clock_behind."


def test_several_secrets_are_the_applications_own_and_others_to_try(
    run: Run, request_: SignedRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLERK_WEBHOOK_SIGNING_SECRET")
    path = recorded(request_, path=tmp_path / "one.jsonl")
    result = run("explain", path, "--secret", OTHER, "--secret", "x", "--secret", SECRET)
    assert result.lines[0] == "Refused: secret_of_another."
    assert "number 2 of the other secrets" in result.out
    assert run("explain", path, "--secret", SECRET, "--secret", OTHER).out == "Verified.\n"
    assert run("explain", path).lines[0] == "Refused: secret_missing."


def test_no_secret_is_ever_printed(run: Run, request_: SignedRequest, tmp_path: Path) -> None:
    path = recorded(request_, request_.forged(), path=tmp_path / "two.jsonl")
    for secret in (OTHER, f'whsec_"{OTHER[6:]}"', "sk_live_abcdefgh", OTHER + "%"):
        for line in (2, 3):
            for arguments in ([], ["--json"]):
                result = run("explain", path, "--line", line, "--secret", secret, *arguments)
                assert secret[8:] not in result.out + result.err
                assert SECRET[6:] not in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "pass a recorded delivery, or both --body and --headers"),
        (["--body", __file__], "pass a recorded delivery, or both --body and --headers"),
        (["FILE", "--body", __file__], "not both"),
        (["FILE", "--line", "1"], "no recorded delivery in line 1"),
        (["FILE", "--now", "noon"], "--now 'noon'"),
        (["FILE", "--now", "2026-01-01T00:00:00"], "naive"),
        (["none.jsonl"], "does not exist"),
        ([__file__], "line 1: not a recorded delivery"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    run: Run, request_: SignedRequest, tmp_path: Path, arguments: list[str], said: str
) -> None:
    path = recorded(request_, path=tmp_path / "one.jsonl")
    result = run("explain", *[str(path) if each == "FILE" else each for each in arguments])
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert said in result.err


@pytest.mark.parametrize(
    "body",
    [b"{{}}", b"{[]: 1}", b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":' + b"1" * 5000 + b"}", b""],
    ids=["template", "literal", "deep", "digits", "empty"],
)
@pytest.mark.parametrize(
    "more",
    [{}, {"content-length": "1" * 5000}, {"svix-timestamp": "1" * 5000}],
    ids=["plain", "content-length", "timestamp"],
)
def test_no_input_ends_in_a_traceback(
    run: Run, request_: SignedRequest, tmp_path: Path, body: bytes, more: dict[str, str]
) -> None:
    forged = request_.forged()
    line = {"headers": {**forged.headers, **more}, "body_b64": b64encode(body).decode()}
    (tmp_path / "one.jsonl").write_text(json.dumps(line))
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "headers").write_text(json.dumps(line["headers"]))
    from_files = ["--body", tmp_path / "body", "--headers", tmp_path / "headers"]
    for arguments in ([tmp_path / "one.jsonl"], from_files):
        result = run("explain", *arguments)
        assert (result.status, result.err) == (1, "")
        assert result.out.startswith("Refused: ")


@pytest.mark.parametrize("now", ["nan", "inf", "1e300", "9999-12-31T23:59:59Z", "-1"])
def test_a_time_out_of_the_ordinary_is_no_traceback(
    run: Run, request_: SignedRequest, tmp_path: Path, now: str
) -> None:
    path = recorded(request_, path=tmp_path / "one.jsonl")
    result = run("explain", path, f"--now={now}")
    assert result.status in (1, 2)
    assert result.err.count("\n") == (result.status == 2)


def test_a_body_may_come_from_the_standard_input(
    run: Run, request_: SignedRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = tmp_path / "headers"
    headers.write_text(json.dumps(request_.headers))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(request_.body)))
    assert run("explain", "--body", "-", "--headers", headers).out == "Verified.\n"


def test_verified_is_green_and_refused_is_red(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    path = recorded(request_, request_.forged(), path=tmp_path / "two.jsonl")
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert run("explain", path, "--line", 2, **colours).out == "\x1b[32mVerified.\x1b[0m\n"
    refused = run("explain", path, **colours).lines[0]
    assert refused == "\x1b[1;31mRefused: unknown, most likely.\x1b[0m"


def test_headers_that_are_none_are_refused(
    run: Run, request_: SignedRequest, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_bytes(request_.body)
    for text in ("[1]", "{", '["ab"', '{"a": ' + 5000 * "1" + "}", 2000 * "["):
        headers = tmp_path / "headers"
        headers.write_text(text)
        result = run("explain", "--body", body, "--headers", headers)
        assert (result.status, result.err.count("\n")) == (2, 1), text
    headers.write_text("nothing here")
    result = run("explain", "--body", body, "--headers", headers)
    assert result.lines[0] == "Refused: headers_stripped."


def test_the_name_of_a_header_stays_as_it_is_and_a_terminal_gets_whole_words(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "body").write_text("{}")
    (tmp_path / "headers").write_text("host: localhost")
    files = ["--body", tmp_path / "body", "--headers", tmp_path / "headers"]
    result = run("explain", *files)
    assert "\n\nsvix-id, svix-timestamp and svix-signature are missing: " in result.out
    on_terminal = run("explain", *files, FORCE_COLOR="1", COLUMNS="80")
    assert on_terminal.out.split()[2:] == result.out.split()[2:]
    assert max(map(len, on_terminal.lines[1:])) <= 80

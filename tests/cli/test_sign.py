"""``clerk-hooks sign``: headers that make an endpoint accept a body."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from svix.webhooks import Webhook

from clerk_hooks.testing import SECRET

from .conftest import Application, Run

BODY = b'{"type": "user.created", "data": {"id": "user_1"}}\n'
NAMES = ["svix-id", "svix-timestamp", "svix-signature"]


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body.json"
    path.write_bytes(BODY)
    return path


def test_three_headers_are_printed_that_svix_accepts(run: Run, body: Path) -> None:
    result = run("sign", body)
    assert (result.status, result.err) == (0, "")
    headers = dict(line.split(": ") for line in result.lines)
    assert list(headers) == NAMES
    Webhook(SECRET).verify(BODY.decode(), headers)


def test_they_are_what_curl_takes(run: Run, app: Application, body: Path, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("needs curl")
    (tmp_path / "headers.txt").write_text(run("sign", body).out)
    sent = ["-H", f"@{tmp_path / 'headers.txt'}", "--data-binary", f"@{body}", app.url]
    done = subprocess.run([curl, "-sS", *sent], capture_output=True, timeout=60, check=True)
    assert done.stdout == b'{"outcome":"handled"}'


def test_the_body_may_come_from_the_standard_input_and_be_any_bytes(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    (tmp_path / "headers").write_text(run("sign", "-").out)
    (tmp_path / "body").write_bytes(b"\xff")
    explained = ["--body", tmp_path / "body", "--headers", tmp_path / "headers"]
    assert run("explain", *explained).out == "Verified.\n"


def test_id_and_secret_may_be_chosen_and_the_output_be_json(run: Run, body: Path) -> None:
    other = "whsec_" + 32 * "A"
    options = ["--message-id", "msg_mine", "--secret", other, "--json"]
    headers = json.loads(run("sign", body, *options).out)
    assert (list(headers), headers["svix-id"]) == (NAMES, "msg_mine")
    Webhook(other).verify(BODY.decode(), headers)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["."], ".: Is a directory"),
        (["nowhere.json"], "nowhere.json: No such file"),
        ([__file__, "--message-id", "a.b"], "message_id"),
        ([__file__, "--secret", "sk_test_x"], "API key"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("sign", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_without_a_secret_nothing_is_signed(run: Run, body: Path) -> None:
    result = run("sign", body, CLERK_WEBHOOK_SIGNING_SECRET="")
    assert (result.status, result.out) == (2, "")
    assert "CLERK_WEBHOOK_SIGNING_SECRET" in result.err


@pytest.mark.parametrize(
    "command", [["sign"], ["send", "user.created", "--to", "http://127.0.0.1:1"]]
)
def test_a_secret_under_another_name_may_be_passed_as_an_option(
    run: Run, body: Path, command: list[str]
) -> None:
    arguments = [*command, body] if command == ["sign"] else command
    result = run(*arguments, CLERK_WEBHOOK_SIGNING_SECRET="", CLERK_SECRET="whsec_" + "A" * 32)
    assert result.status == 2
    assert "CLERK_SECRET is: rename it, or pass its value as --secret" in result.err

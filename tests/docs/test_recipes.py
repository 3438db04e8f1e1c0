"""The recipes that call another service: each is served, and gets deliveries."""

import json
import os
import runpy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import Delivery, sign
from clerk_hooks.events import UserDeleted

from .pages import ROOT, SECRET
from .recipe import RECIPES, Service, service, serving, user

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")

SAMPLE = ROOT / "tests" / "samples" / "user_created.json"
CLERK_USER = json.loads(SAMPLE.read_text("utf-8"))["data"]
OTHER_SECRET = "whsec_" + "b3RoZXI" * 5
TESTED = {
    *("sync_postgresql", "sync_sqlite", "sync_mongodb"),  # test_recipes_databases.py
    "exactly_once_fastapi",  # test_recipes_exactly_once.py
    *("welcome_smtp", "welcome_loops", "clerk_sdk", "tenants"),
    *("state", "state_flask", "state_fastapi", "state_django", "state_starlette"),
    *("state_wsgi", "state_lambda", "sqs_lambda"),
}


@pytest.fixture
def api() -> Iterator[Service]:
    with service() as running:
        yield running


def test_every_recipe_is_tested_and_shown() -> None:
    names = {path.stem for path in RECIPES.glob("*.py")}
    pages = (RECIPES.parents[1] / "recipes").glob("*.md")
    text = "".join(page.read_text("utf-8") for page in pages)
    assert names == TESTED
    assert {name for name in names if f"recipes/{name}.py" not in text} == set()


def needs(*modules: str) -> None:
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


class Mailbox:
    """What a real SMTP server got; an address that begins with ``no`` is refused."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.code = 250

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd looks for
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.code != 250:
            return f"{self.code} no"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, dict[str, str]]]:
    needs("aiosmtpd", "flask")
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Message as MessageHandler

    class Handler(Mailbox, MessageHandler):
        def __init__(self) -> None:
            Mailbox.__init__(self)
            MessageHandler.__init__(self)

        def handle_message(self, message: Message) -> None:
            self.messages.append(message)

    class AnyPort(Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]  # It was asked for any, by a 0.
            super()._trigger_server()

    handler = Handler()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield handler, {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(controller.port)}
    finally:
        controller.stop()


def test_smtp_writes_to_the_primary_address(
    mailbox: tuple[Mailbox, dict[str, str]], tmp_path: Path
) -> None:
    inbox, settings = mailbox
    with serving("welcome_smtp", tmp_path, settings) as recipe:
        assert recipe.deliver("user.created", user(), message_id="msg_1").status == 200
        reply = recipe.deliver("user.created", user(email_addresses=[]))
        assert (reply.status, reply.body) == (422, {"error": "aborted"})
    (message,) = inbox.messages
    assert message["To"] == "ada@example.com"
    assert message["Message-ID"] == "<msg_1@example.com>"
    assert "Hello Ada" in message.get_payload()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param(451, (500, "handler_failed"), id="for now, so it is tried again"),
        pytest.param(550, (422, "aborted"), id="for good"),
    ],
)
def test_smtp_tells_a_refusal_for_now_from_one_for_good(
    mailbox: tuple[Mailbox, dict[str, str]], tmp_path: Path, code: int, error: tuple[int, str]
) -> None:
    inbox, settings = mailbox
    inbox.code = code
    with serving("welcome_smtp", tmp_path, settings) as recipe:
        reply = recipe.deliver("user.created", user())
    assert (reply.status, reply.body["error"]) == error


def test_smtp_is_tried_again_where_no_server_answers(tmp_path: Path) -> None:
    needs("flask")
    settings = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1"}
    with serving("welcome_smtp", tmp_path, settings) as recipe:
        assert recipe.deliver("user.created", user()).status == 500


def test_loops_is_called_once_with_the_message_id_as_its_idempotency_key(
    api: Service, tmp_path: Path
) -> None:
    needs("fastapi", "uvicorn")
    settings = {
        "LOOPS_API": api.url,
        "LOOPS_API_KEY": "key",
        "LOOPS_TRANSACTIONAL_ID": "template",
    }
    api.answers[:] = [(200, {"success": True}), (409, {"success": False}), (503, {})]
    with serving("welcome_loops", tmp_path, settings) as recipe:
        statuses = [
            recipe.deliver("user.created", user(), message_id="msg_1").status for _ in range(3)
        ]
    assert statuses == [200, 200, 500]
    call = api.received[0]
    assert (call.method, call.path) == ("POST", "/transactional")
    assert call.headers["authorization"] == "Bearer key"
    assert call.headers["idempotency-key"] == "msg_1"
    assert call.body == {
        "transactionalId": "template",
        "email": "ada@example.com",
        "dataVariables": {"name": "Ada"},
    }


def test_clerks_sdk_writes_metadata_once(api: Service, tmp_path: Path) -> None:
    needs("clerk_backend_api", "flask")
    settings = {"CLERK_SECRET_KEY": "sk_test_1", "CLERK_API_URL": api.url}
    error = {"message": "no", "long_message": "No.", "code": "no"}
    errors = {"errors": [error], "clerk_trace_id": "1"}
    api.answers[:] = [(200, CLERK_USER), (404, errors), (422, errors), (503, {})]
    with serving("clerk_sdk", tmp_path, settings) as recipe:
        statuses = [recipe.deliver("user.created", user()).status for _ in range(4)]
        known = recipe.deliver("user.created", user(private_metadata={"plan": "paid"})).status
    assert (statuses, known) == ([200, 200, 500, 500], 200)
    call, *others = api.received
    assert len(others) == 3
    assert (call.method, call.path) == ("PATCH", "/users/user_1/metadata")
    assert call.headers["authorization"] == "Bearer sk_test_1"
    assert call.body == {"private_metadata": {"plan": "trial"}}


def test_a_tenants_secret_opens_no_other_tenants_path(tmp_path: Path) -> None:
    needs("flask")
    settings = {
        "TENANTS": "acme globex",
        "ACME_SIGNING_SECRET": SECRET,
        "GLOBEX_SIGNING_SECRET": OTHER_SECRET,
    }
    acme, globex = "/webhooks/clerk/acme", "/webhooks/clerk/globex"
    with serving("tenants", tmp_path, settings) as recipe:
        assert recipe.deliver("user.created", user(), path=acme).status == 200
        assert recipe.deliver("user.created", user(), path=globex).body["error"] == "no_match"
        reply = recipe.deliver("user.created", user(), path=globex, secret=OTHER_SECRET)
        assert reply.status == 200
    printed = [line for line in recipe.output.read_text().splitlines() if "welcome" in line]
    assert printed == ["acme welcome ada@example.com", "globex welcome ada@example.com"]


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("state_flask", ["flask"]),
        ("state_fastapi", ["fastapi", "uvicorn"]),
        ("state_wsgi", []),
        ("state_django", ["django"]),
    ],
)
def test_handlers_get_a_database_and_a_client(
    name: str, modules: list[str], api: Service, tmp_path: Path
) -> None:
    needs(*modules)
    database = tmp_path / "state.sqlite3"
    settings = {"DATABASE": str(database), "CHAT_URL": f"{api.url}/chat"}
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE users (id TEXT PRIMARY KEY)")
    with serving(name, tmp_path, settings) as recipe:
        for _ in range(2):
            assert recipe.deliver("user.created", user()).status == 200
        api.answers.append((503, {}))
        assert recipe.deliver("user.created", user()).status == 500
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [("user_1",)]
    assert [call.body for call in api.received] == [{"text": "Ada Lovelace signed up"}] * 3


def test_async_handlers_get_a_client(api: Service, tmp_path: Path) -> None:
    needs("starlette", "uvicorn")
    with serving("state_starlette", tmp_path, {"CHAT_URL": f"{api.url}/chat"}) as recipe:
        assert recipe.deliver("user.created", user()).status == 200
        api.answers.append((503, {}))
        assert recipe.deliver("user.created", user()).status == 500
    assert [call.path for call in api.received] == ["/chat", "/chat"]


def test_a_lambda_function_gets_a_client(api: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("CHAT_URL", f"{api.url}/chat")
    program = runpy.run_path(str(RECIPES / "state_lambda.py"))
    payload = json.dumps({"type": "user.created", "data": user()})
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "headers": sign(payload),
        "body": payload,
        "isBase64Encoded": False,
    }
    with program["client"]:
        assert program["handler"](event, None)["statusCode"] == 200
        api.answers.append((503, {}))
        assert program["handler"](event, None)["statusCode"] == 500
    assert [call.body for call in api.received] == [{"text": "Ada Lovelace signed up"}] * 2


def test_a_lambda_function_keeps_in_the_queue_what_has_failed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    program = runpy.run_path(str(RECIPES / "sqs_lambda.py"))

    @program["router"].on("user.deleted")
    def fail(event: UserDeleted) -> None:
        raise ValueError

    def body(event_type: str, data: dict[str, object]) -> str:
        payload = json.dumps({"type": event_type, "data": data})
        return Delivery("msg_1", 1700000000, payload).to_json()

    bodies = [
        body("user.created", user()),
        body("user.deleted", {"id": "user_1", "deleted": True}),
        "not ours",
        body("user.created", user()).replace('"v":1', '"v":9'),
        body("user.updated", user()),
    ]
    records = [{"messageId": f"id_{n}", "body": text} for n, text in enumerate(bodies)]
    assert program["handler"]({"Records": records}, None) == {
        "batchItemFailures": [{"itemIdentifier": f"id_{n}"} for n in (1, 2, 3)]
    }
    assert capsys.readouterr().out == "welcome ada@example.com\n"
    said = [record for record in caplog.records if record.name != "clerk_hooks"]
    assert len(said) == 3
    assert "not ours" not in caplog.text

"""The programs of docs/migrating.md: the one to replace fails as the page says; ours does not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.version import Version

from clerk_hooks import Reply
from clerk_hooks.events import UserCreated, UserDeleted, UserUpdated
from clerk_hooks.testing import SECRET, SignedRequest, deliver, sample, signed_request

from .pages import BLOCK, ROOT

PROGRAMS = ("database", "before", "after")
IS_SVIX_2 = Version(version("svix")) >= Version("2")


class Programs(NamedTuple):
    before: Any
    after: Any
    database: Any

    def emails(self) -> dict[str, str | None]:
        from sqlalchemy.orm import Session

        with Session(self.database.engine) as session:
            return {user.clerk_id: user.email for user in session.query(self.database.User)}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    page = (ROOT / "docs" / "migrating.md").read_text("utf-8")
    for block in BLOCK.finditer(page):
        for name in PROGRAMS:
            if block["text"].startswith(f"# {name}.py\n"):
                (tmp_path / f"{name}.py").write_text(block["text"], "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    database, before, after = map(importlib.import_module, PROGRAMS)
    yield Programs(before, after, database)
    database.engine.dispose()
    for name in PROGRAMS:
        del sys.modules[name]


def attempt(program: Any, request: SignedRequest) -> Reply | str:
    """The reply, or the name of the error that a server would answer with a 500."""
    try:
        return deliver(program.app, request)
    except Exception as error:
        return type(error).__name__


def status(program: Any, request: SignedRequest) -> int | str:
    answer = attempt(program, request)
    return answer if isinstance(answer, str) else answer.status


@pytest.mark.skipif(not IS_SVIX_2, reason="svix 1 is installed")
def test_under_svix_2_the_former_program_fails_for_each_genuine_delivery(
    programs: Programs,
) -> None:
    request = signed_request(sample(UserCreated))
    assert status(programs.before, request) == "TypeError"
    assert status(programs.before, request.forged()) == 400
    assert programs.emails() == {}


@pytest.mark.skipif(IS_SVIX_2, reason="svix 2 is installed")
def test_under_svix_1_the_former_program_works_but_for_what_the_page_says(
    programs: Programs,
) -> None:
    event = sample(UserCreated)
    request = signed_request(event)
    assert status(programs.before, request) == 200
    assert programs.emails() == {event.data.id: event.data.primary_email}
    assert status(programs.before, request.retry()) == "IntegrityError"
    by_phone = signed_request(sample(UserCreated, variant="phone"))
    assert status(programs.before, by_phone) == "IndexError"
    assert status(programs.before, signed_request(sample("session.created"))) == 200


def outcome(program: Any, request: SignedRequest) -> str:
    answer = attempt(program, request)
    return answer if isinstance(answer, str) else answer.body.decode()


def test_ours_does_what_the_page_says(programs: Programs) -> None:
    event = sample(UserCreated)
    id = event.data.id
    request = signed_request(event)
    assert outcome(programs.after, request) == '{"outcome":"handled"}'
    assert programs.emails() == {id: event.data.primary_email}
    assert outcome(programs.after, request.retry()) == '{"outcome":"duplicate"}'
    assert status(programs.after, request.forged()) == 400
    by_phone = sample(UserCreated, variant="phone")
    assert outcome(programs.after, signed_request(by_phone)) == '{"outcome":"handled"}'
    assert programs.emails()[by_phone.data.id] is None
    assert outcome(programs.after, signed_request(sample("session.created"))) == (
        '{"outcome":"unhandled"}'
    )
    deleted = signed_request(sample(UserDeleted, {"id": id}))
    assert outcome(programs.after, deleted) == '{"outcome":"handled"}'
    late = signed_request(sample(UserUpdated, {"id": id, "updated_at": 1_700_000_000_000}))
    assert outcome(programs.after, late) == '{"outcome":"stale"}'
    assert id not in programs.emails()

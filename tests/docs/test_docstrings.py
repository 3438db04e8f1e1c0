"""The code in docstrings runs, given the names that a reader would have around it."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any

import pytest

import clerk_hooks
from clerk_hooks import Verifier
from clerk_hooks.events import UserCreated

from .pages import SECRET, SOURCE

DRAWINGS = {"errors.py"}
"""Modules whose docstring has a drawing."""
BLOCK = re.compile(r"(?:^ {4}.*\n?|^\n(?= {4}))+", re.MULTILINE)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def blocks() -> Iterator[Any]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, DOCUMENTED):
                continue
            for match in BLOCK.finditer(ast.get_docstring(node) or ""):
                name = getattr(node, "name", "module")
                if path.name not in DRAWINGS or name != "module":
                    label = f"{path.relative_to(SOURCE).as_posix()}:{name}"
                    yield pytest.param(match[0], id=label)


def surroundings() -> dict[str, Any]:
    names = {**vars(clerk_hooks), "UserCreated": UserCreated, "Annotated": Annotated}
    if find_spec("hypothesis") is not None:
        import hypothesis

        from clerk_hooks.testing.strategies import events

        names |= {"given": hypothesis.given, "events": events, "router": clerk_hooks.Router()}
    if find_spec("fastapi") is not None:
        import fastapi

        from clerk_hooks.adapters.fastapi import Received, VerifiedDelivery

        names |= {"app": fastapi.FastAPI(), "Depends": fastapi.Depends, "verifier": Verifier()}
        names |= {"VerifiedDelivery": VerifiedDelivery, "Received": Received}
        names["endpoint"] = clerk_hooks.Endpoint(clerk_hooks.Router())
    if find_spec("sqlalchemy") is not None:
        import sqlalchemy

        from clerk_hooks.inboxes.sqlalchemy import SQLAlchemyInbox
        from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

        names |= {"SQLAlchemyInbox": SQLAlchemyInbox, "SQLAlchemyStore": SQLAlchemyStore}
        names |= {"router": clerk_hooks.Router(), "Worker": clerk_hooks.Worker}
        names["engine"] = sqlalchemy.create_engine("sqlite:///never-opened.db")
    return names


def test_there_are_examples_to_run() -> None:
    assert len([*blocks()]) >= 3


@pytest.mark.parametrize("block", [*blocks()])
def test_an_example_in_a_docstring_runs(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "@app" in block and find_spec("fastapi") is None:
        pytest.skip("needs FastAPI")
    if "SQLAlchemy" in block and find_spec("sqlalchemy") is None:
        pytest.skip("needs SQLAlchemy")
    if "DjangoStore" in block or "DjangoInbox" in block:
        pytest.skip("needs a project of Django's: docs/examples has one, which is run")
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    lines = [line[4:] for line in block.splitlines()]
    exec(compile("\n".join(lines), "docstring", "exec", dont_inherit=True), surroundings())

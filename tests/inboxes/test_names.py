"""The inboxes by their names in `clerk_hooks.inboxes`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clerk_hooks.inboxes


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_an_inbox_is_found_by_its_name() -> None:
    for name in clerk_hooks.inboxes.__all__:
        module = name.removeprefix("Async").removesuffix("Inbox").lower()
        assert getattr(clerk_hooks.inboxes, name).__module__ == f"clerk_hooks.inboxes.{module}"
    assert dir(clerk_hooks.inboxes) == sorted(clerk_hooks.inboxes.__all__)


def test_a_name_loads_only_its_own_module() -> None:
    assert not loaded_by("import clerk_hooks.inboxes") & {"sqlalchemy", "sqlite3", "asyncio"}
    loaded = loaded_by("from clerk_hooks.inboxes import SQLiteInbox")
    assert not loaded & {"sqlalchemy", "asyncio", "clerk_hooks.stores.sqlite"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'MongoInbox'"):
        clerk_hooks.inboxes.MongoInbox  # noqa: B018

"""The stores by their names in `clerk_hooks.stores`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clerk_hooks.stores

LIBRARIES = {"redis", "sqlalchemy", "sqlite3", "asyncio"}


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("name", clerk_hooks.stores.__all__)
def test_a_store_is_found_by_its_name_and_loads_only_its_own_module(name: str) -> None:
    module = name.removeprefix("Async").removesuffix("Store").lower()
    loaded = loaded_by(f"from clerk_hooks.stores import {name}")
    assert f"clerk_hooks.stores.{module}" in loaded
    others = {"redis", "sqlalchemy", "sqlite"} - {module}
    assert not loaded & {f"clerk_hooks.stores.{other}" for other in others}
    assert getattr(clerk_hooks.stores, name).__module__ == f"clerk_hooks.stores.{module}"


def test_the_package_alone_loads_no_library() -> None:
    loaded = loaded_by("import clerk_hooks.stores; dir(clerk_hooks.stores)")
    assert not loaded & LIBRARIES
    assert dir(clerk_hooks.stores) == sorted(clerk_hooks.stores.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'MongoStore'"):
        clerk_hooks.stores.MongoStore  # noqa: B018
    with pytest.raises(ImportError, match="MongoStore"):
        from clerk_hooks.stores import MongoStore  # noqa: F401


def test_a_store_without_its_library_says_what_to_install() -> None:
    program = "import sys; sys.modules['redis'] = None; from clerk_hooks.stores import RedisStore"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )
    assert "pip install 'clerk-hooks[redis]'" in run.stderr

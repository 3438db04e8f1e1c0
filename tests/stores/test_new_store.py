"""What a new store needs beside its module: each forgotten part is named, with where it belongs.

The list for contributors is in docs/contributing.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import clerk_hooks.stores

ROOT = Path(__file__).parents[2]
STORES = [
    path.stem
    for path in sorted((ROOT / "src" / "clerk_hooks" / "stores").glob("*.py"))
    if not path.stem.startswith("_")
]


@pytest.mark.parametrize("store", STORES)
def test_a_store_takes_part_in_the_tests_and_is_documented(store: str) -> None:
    def mentions(path: str, text: str) -> bool:
        return text in (ROOT / path).read_text("utf-8")

    module = f"clerk_hooks.stores.{store}"
    places = {
        "tests/stores/worker.py: a branch of `build` that makes one, and its kind in backends.py": (
            mentions("tests/stores/worker.py", f"from {module} import")
        ),
        "src/clerk_hooks/stores/__init__.py: its name in `__all__`": (
            store in [name.removesuffix("Store").lower() for name in clerk_hooks.stores.__all__]
        ),
        "docs/once_and_in_order.md: a row in the table of stores": (
            mentions("docs/once_and_in_order.md", f"| `stores.{store}.")
        ),
        "docs/api.md: its class": mentions("docs/api.md", f"currentmodule:: {module}\n"),
    }
    missing = [place for place, is_there in places.items() if not is_there]
    if missing:
        pytest.fail("\n".join([f"the store {store} needs:", *missing]), pytrace=False)

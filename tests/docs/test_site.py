"""The pages build into a site without a warning, and every public name is in its reference."""

import fcntl
import inspect
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import clerk_hooks

from .pages import ROOT, SOURCE

MODULES = [
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for package in ("adapters", "stores", "testing")
    for path in sorted((SOURCE / package).glob("*.py"))
    if not path.stem.startswith("_") or path.stem == "__init__"
]
"""The public modules beside the core."""

PACKAGES = {"clerk_hooks.adapters", "clerk_hooks.stores"}
"""Those that offer nothing but their modules."""

needed = ("sphinx", "myst_parser", "furo", "sphinx_design")
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in needed), reason="needs the extra docs"
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the one command builds; a warning, a dead link included, is an error.

    It is built once, by the first process of the tests that asks for it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "html" / "objects.inv").exists():  # Written at the end.
            build(folder)
    return folder / "html"


def build(folder: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", folder / "doctrees", ROOT / "docs", folder / "html"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def names(site: Path) -> set[str]:
    """The Python names that other projects can link to."""
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        inventory: Any = InventoryFile.load(file, "", lambda base, path: base + path)
    data = getattr(inventory, "data", inventory)
    return {name for kind, found in data.items() if kind.startswith("py:") for name in found}


def test_every_public_name_has_its_docstring_in_the_reference(names: set[str]) -> None:
    public = {*clerk_hooks.__all__} - {"__version__"}
    assert {name for name in public if f"clerk_hooks.{name}" not in names} == set()


def public_names(module: Any) -> set[str]:
    """What a module offers: its `__all__`, else the classes and functions that it defines."""
    return {*getattr(module, "__all__", ())} or {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", [*MODULES, "clerk_hooks.pytest_plugin"])
def test_so_has_every_public_name_of_the_modules_beside_it(name: str, names: set[str]) -> None:
    module = pytest.importorskip(name, exc_type=ImportError)
    offered = public_names(module)
    assert offered or name in PACKAGES
    # What a package passes on is described where it is defined.
    places = {
        public: {name, getattr(getattr(module, public), "__module__", name)} for public in offered
    }
    assert {
        public
        for public in offered
        if not names & {f"{place}.{public}" for place in places[public]}
    } == set()


def test_every_model_and_event_can_be_linked_to(names: set[str]) -> None:
    import clerk_hooks.events

    missing = {
        name for name in clerk_hooks.events.__all__ if f"clerk_hooks.events.{name}" not in names
    }
    assert missing == set()


def test_the_docstrings_of_a_store_link_to_the_names_of_the_core(site: Path) -> None:
    page = (site / "api.html").read_text("utf-8")
    _, _, store = page.partition('id="clerk_hooks.stores.redis.RedisStore"')
    assert 'href="#clerk_hooks.StoreUnavailable"' in store.partition('class="py class"')[0]


def test_a_search_finds_the_fields_of_the_models(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    assert "models" in index
    assert "lockout_expires_in_second" in index


def test_no_page_shows_where_it_was_built(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert str(ROOT) not in page.read_text("utf-8"), page.name

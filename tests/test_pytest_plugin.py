"""The pytest plugin, as a project that has clerk_hooks installed meets it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from clerk_hooks import Endpoint, Router
from clerk_hooks import pytest_plugin as plugin
from clerk_hooks.events import UserCreated
from clerk_hooks.pytest_plugin import ClerkAdeliver, ClerkDeliver, ClerkSample
from clerk_hooks.testing import SECRET, sample

from . import forking

OTHER = "whsec_" + 32 * "A"

CONFTEST = """
import os
from clerk_hooks import testing

os.environ["CLERK_WEBHOOK_SIGNING_SECRET"] = testing.SECRET
"""
APP = """
from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.wsgi import wsgi_app

router = Router()
welcomed = []

@router.on("user.created")
def welcome(event):
    welcomed.append(event.data.full_name)

app = wsgi_app(Endpoint(router))
"""
TESTS = """
from app import app, welcomed
from clerk_hooks.events import UserCreated
from clerk_hooks.testing import signed_request

def test_a_user_is_welcomed(clerk_deliver, clerk_sample):
    reply = clerk_deliver(app, clerk_sample(UserCreated, {"first_name": None}))
    assert reply.status == 200
    assert welcomed == ["Lovelace"]

def test_a_forged_delivery_is_refused(clerk_deliver, clerk_sample, clerk_secret):
    request = signed_request(clerk_sample("user.created"), secret=clerk_secret)
    assert clerk_deliver(app, request.forged()).status == 400
    assert clerk_deliver(app, request.forged(), path="/elsewhere").status == 400
"""


ASYNC_APP = """
import asyncio
from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.asgi import asgi_app

router = Router()
loops = []

@router.on("user.created")
async def welcome(event):
    loops.append(asyncio.get_running_loop())

app = asgi_app(Endpoint(router))
"""
ASYNC_TESTS = """
import asyncio
import pytest
from async_app import app, loops
from clerk_hooks.testing import signed_request

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.{mark}
async def test_a_user_is_welcomed_on_the_loop_of_the_test(clerk_adeliver, clerk_sample):
    reply = await clerk_adeliver(app, clerk_sample("user.created"))
    assert reply.status == 200
    assert loops == [asyncio.get_running_loop()]

@pytest.mark.{mark}
async def test_a_forged_delivery_is_refused(clerk_adeliver, clerk_sample, clerk_secret):
    request = signed_request(clerk_sample("user.created"), secret=clerk_secret)
    assert (await clerk_adeliver(app, request.forged(), path="/elsewhere")).status == 400
"""


def run_pytest(
    folder: Path, *arguments: str, plugin: str = "", is_new: bool = False
) -> subprocess.CompletedProcess[str]:
    """pytest in a project of its own, in which warnings are errors.

    The plugins for async tests are off, but for `plugin`: some versions warn when they are loaded.
    """
    without = [f"no:{name}" for name in ("cacheprovider", "anyio", "asyncio") if name != plugin]
    warnings = "default" if plugin else "error"
    options = [word for name in without for word in ("-p", name)]
    return forking.run(
        ["-W", warnings, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env={**os.environ, "CLERK_WEBHOOK_SIGNING_SECRET": OTHER},
        is_new=is_new,
    )


def test_pytest_finds_the_plugin_by_itself() -> None:
    (entry,) = entry_points(group="pytest11", name="clerk_hooks")
    assert entry.load() is plugin


def test_a_project_with_the_line_in_its_conftest_can_be_tested(tmp_path: Path) -> None:
    for name, text in (("conftest.py", CONFTEST), ("app.py", APP), ("test_app.py", TESTS)):
        (tmp_path / name).write_text(text)
    result = run_pytest(tmp_path, "-q", is_new=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout
    assert "warning" not in result.stdout


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_async_tests_can_be_run_by_either_plugin(tmp_path: Path, plugin: str) -> None:
    tests = ASYNC_TESTS.format(mark=plugin)
    for name, text in (
        ("conftest.py", CONFTEST),
        ("async_app.py", ASYNC_APP),
        ("test_it.py", tests),
    ):
        (tmp_path / name).write_text(text)
    result = run_pytest(tmp_path, "-q", plugin=plugin)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


def test_a_project_that_does_not_use_it_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(f"""
import os, sys

def test_environment():
    assert os.environ["CLERK_WEBHOOK_SIGNING_SECRET"] == {OTHER!r}
    heavy = ["pydantic", "svix", "httpx", "clerk_hooks.events", "clerk_hooks.testing", "hypothesis"]
    assert not [name for name in heavy if name in sys.modules]
    assert "clerk_hooks.pytest_plugin" in sys.modules
""")
    result = run_pytest(tmp_path, "-q", "-p", "no:hypothesispytest", is_new=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test(clerk_secret): pass")
    result = run_pytest(tmp_path, "-q", "-p", "no:clerk_hooks")
    assert result.returncode == 1
    assert "fixture 'clerk_secret' not found" in result.stdout


def test_its_fixtures_are_listed_with_what_they_are(tmp_path: Path) -> None:
    lines = run_pytest(tmp_path, "--fixtures", "-q").stdout
    for name in ("clerk_secret", "clerk_sample", "clerk_deliver", "clerk_adeliver"):
        assert f"\n{name} -- " in lines


def test_the_secret_is_in_the_environment_for_the_time_of_a_test_only(
    clerk_secret: str, clerk_deliver: ClerkDeliver
) -> None:
    assert clerk_secret == SECRET == os.environ["CLERK_WEBHOOK_SIGNING_SECRET"]
    assert clerk_deliver(Endpoint(Router()), sample(UserCreated)).status == 200


def test_what_is_delivered_is_signed_with_the_secret_of_tests_whatever_the_environment_says(
    clerk_deliver: ClerkDeliver,
    clerk_adeliver: ClerkAdeliver,
    clerk_sample: ClerkSample,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint = Endpoint(Router(), secret=SECRET)
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", OTHER)
    assert clerk_deliver(endpoint, clerk_sample("user.created")).status == 200
    assert asyncio.run(clerk_adeliver(endpoint, clerk_sample("user.created"))).status == 200

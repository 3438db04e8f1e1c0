"""What holds for all tests: how many run, and where; and fixtures that several modules share."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Generator
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from clerk_hooks import Reply, Router

TESTS = Path(__file__).parent
SLOW = {
    *(
        "adapters/cases",
        "contrib",
        "inboxes",
        "stores",
        "test_chaos.py",
        "test_chaos_queue.py",
        "test_examples.py",
    ),  # Servers and databases.
    *("docs/test_pages.py", "docs/test_recipes.py", "docs/test_recipes_databases.py"),
    *("docs/test_migrating.py", "docs/test_recipes_exactly_once.py"),
    *("cli/test_demo.py", "cli/test_record.py", "cli/test_store.py", "cli/test_command_line.py"),
    *("cli/test_inbox.py", "worker/test_inboxes.py", "worker/test_processes.py"),
    *("notify/test_celery_workers.py", "notify/test_celery_examples.py"),
    *("docs/test_site.py", "docs/test_types.py", "test_collection.py", "test_pytest_plugin.py"),
    *("testing/test_strategies.py", "events/test_tolerant.py", "test_json_text.py"),  # Properties.
    *("adapters/test_fastapi_servers.py", "adapters/test_kept_clients.py"),
    *("adapters/test_handoff_queues.py", "test_handoff_processes.py"),
    *("adapters/test_uwsgi.py", "test_dispatch_loop.py"),
    *("test_eventloop.py", "test_leaks.py", "test_fuzz.py", "test_signature_differential.py"),
    "test_forking.py",
}
"""Paths of tests that are not marked as ``quick``."""

EARLY = [
    *("docs/test_site.py", "test_chaos.py", "contrib/test_killed.py", "test_collection.py"),
    "test_chaos_queue.py",
    *("adapters/test_kept_clients.py", "docs/test_recipes_exactly_once.py"),
    *("stores/test_redis_clients.py", "test_mutants.py", "test_leaks.py", "docs/test_types.py"),
]
"""Paths of tests that run first, in this order.

Each has a test that takes longest of all, mostly waiting for a process of its own. At the end of a
run, nothing would be left to do beside it.
"""

# How thoroughly property tests look; `properties.examples` scales what a test asks for. Without a
# deadline, as the machine may be busy. The same examples each time, so that a failure is the fault
# of the change at hand.
for _name, _examples in {"dev": 20, "ci": 100}.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
_PROFILE = "ci" if os.environ.get("CI") else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _PROFILE))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """With `-n`, give each process neighbouring tests, which share servers and other fixtures.

    A process that has nothing left takes half of what another has. Not in `addopts`, where the
    option would require pytest-xdist.
    """
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """With ``-n auto``, two processes per core: as tests wait for others much of the time."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--one-server",
        action="store_true",
        help="of the tests that run behind real servers (tests/adapters/cases), run those of one "
        "server of each framework, and leave out those of its other servers",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collection makes objects by the hundred thousand, which all stay.

    The garbage collector finds nothing among them, so it does without them, then and later. Not
    later from Python 3.14 on, where hypothesis would not find what holds its random numbers.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        if sys.version_info < (3, 14):
            gc.freeze()
        gc.enable()


@cache
def is_slow(path: Path) -> bool:
    name = path.relative_to(TESTS).as_posix()
    return any(name == slow or name.startswith(f"{slow}/") for slow in SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m quick``, do not even import the others."""
    return True if config.option.markexpr == "quick" and is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not is_slow(item.path):
            item.add_marker("quick")
    ranks = {TESTS / name: rank for rank, name in enumerate(EARLY)}
    items.sort(key=lambda item: ranks.get(item.path, len(EARLY)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of specifications that stands beside the repository.

    A checkout on its own does not have it, so its tests are skipped there; but not in CI.
    """
    folder = Path(__file__).parents[1].parent / "shared"
    if not folder.is_dir():
        reason = f"{folder} is absent"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def no_secret_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without signing secrets, whatever the developer's own has."""
    for name, value in os.environ.items():
        if name == "CLERK_WEBHOOK_SIGNING_SECRET" or "whsec_" in value:
            monkeypatch.delenv(name)


@pytest.fixture
def set_svix_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of svix's own code, which has no argument for it."""
    import svix.webhooks

    # The code moved: to standardwebhooks in late 1.x.
    modules = [svix.webhooks, sys.modules.get("standardwebhooks.webhooks", svix.webhooks)]

    def set_clock(now: float) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.fromtimestamp(now, tz)

        for module in modules:
            monkeypatch.setattr(module, "datetime", Clock)

    return set_clock


@pytest.fixture(
    params=[
        lambda endpoint, *request: endpoint.receive(*request),
        lambda endpoint, *request: asyncio.run(endpoint.areceive(*request)),
    ],
    ids=["receive", "areceive"],
)
def receive(request: pytest.FixtureRequest) -> "Callable[..., Reply]":
    """The two ways into an endpoint, which reply, log and show observers the same."""
    return cast("Callable[..., Reply]", request.param)


@pytest.fixture
def router() -> "Router":
    from clerk_hooks import Router  # Here, because tests.mutants imports this file before it.

    return Router()

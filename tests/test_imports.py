"""Who imports whom: one table for the whole library, and what a bare import may load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import clerk_hooks
from clerk_hooks.event_types import EVENT_TYPES

PACKAGE = Path(clerk_hooks.__file__).parent
ANYTHING = "*"


class Sees(NamedTuple):
    """What a module may import: modules of the library by their dotted names, and other packages.

    The standard library is free, but for asyncio, which takes long to import.
    """

    at_import: str = ""
    in_functions: str = ""
    for_types: str = ""


FAMILIES = " ".join({f"events.{module}" for module, _ in EVENT_TYPES.values()})
CORE = (
    "clerk_hooks errors body headers secret signing signature svix_verifier event_types "
    "json_text parsing reading logs delivery spelling instants parameters handler registry "
    "patterns one_thread waiting eventloop idempotency running_handler protocols store_methods "
    "memory observe versions store_calls tally claims failures dispatch router processing reply "
    "messages inbox delivery_json crew bounded notification carrier backlog handoff endpoint"
)
TEST_KIT = (
    "testing._sample testing._signing testing._deliver testing._targets testing._clients "
    "testing._wsgi testing._asgi testing._lambda "
    "testing._explain testing._explanation.result testing._explanation.bodies "
    "testing._explanation.secrets testing._explanation.headers testing._samples "
    "testing._samples.catalog testing._samples.source testing._samples.verification "
    "testing._samples.user testing._samples.sign_up testing._samples.session "
    "testing._samples.organization testing._samples.access testing._samples.message "
    "testing._samples.billing testing._samples.shapes"
)

WORKER = "errors delivery eventloop observe " + " ".join(
    f"worker._{name}"
    for name in (
        *("calls", "keeper", "logbook", "run", "schedule", "settings", "signals", "taker"),
        *("threads", "until_idle", "work"),
    )
)
SQL_STORE = (
    "errors idempotency delivery running_handler store_methods stores._transaction "
    "stores._spelling stores._sql stores._own stores._store stores._fork"
)
SQLALCHEMY = " ".join(
    f"stores.sqlalchemy._{name}"
    for name in (
        *("async", "dialects", "engines", "errors", "greenlets", "sessions", "sync", "tables"),
        "watchdog",
    )
)
INBOX = "errors delivery messages"
SQL_INBOX = "inboxes._rows inboxes._sql inboxes._statements inboxes._upkeep"
DJANGO = f"{SQL_STORE} secret " + " ".join(
    f"contrib.django.{name}"
    for name in ("_block", "_database", "_tables", "checks", "fields", "inbox", "models", "secret")
)

# The names in front of a dot-star stand for the modules of a folder that have no row of their own.
ALLOWED = {
    "clerk_hooks": Sees(CORE, "worker", "worker"),
    "errors": Sees(),
    "event_types": Sees(),
    "spelling": Sees(),
    "instants": Sees("errors"),
    "headers": Sees("errors"),
    "secret": Sees("errors"),
    "json_text": Sees(),
    "parsing": Sees(
        "errors event_types json_text", "events._tolerant pydantic_core", "pydantic_core events"
    ),
    "body": Sees("errors"),
    "reading": Sees("errors body event_types json_text parsing", "", "events"),
    "delivery_json": Sees("errors body json_text"),
    "delivery": Sees(
        "errors body logs reading delivery_json", "", "events running_handler typing_extensions"
    ),
    "signing": Sees("errors body instants secret"),
    "signature": Sees("errors body instants headers secret delivery signing"),
    "svix_verifier": Sees("errors secret signing signature", "svix"),
    "parameters": Sees("errors delivery", "annotationlib"),
    "one_thread": Sees(),
    "waiting": Sees("errors one_thread", "asyncio", "asyncio"),
    "handler": Sees("errors delivery parameters waiting"),
    "registry": Sees("errors event_types handler"),
    "patterns": Sees("errors event_types registry spelling"),
    "logs": Sees(),
    "eventloop": Sees("errors logs waiting", "asyncio", "asyncio"),
    "observe": Sees("errors delivery logs", "", "events reply"),
    "idempotency": Sees("errors"),
    "running_handler": Sees("errors delivery idempotency"),
    "protocols": Sees("idempotency"),
    "messages": Sees("delivery"),
    "inbox": Sees("errors delivery messages"),
    "store_methods": Sees("idempotency protocols"),
    "memory": Sees("errors idempotency store_methods"),
    "store_calls": Sees("errors one_thread waiting memory", "asyncio", "asyncio"),
    "versions": Sees("errors handler idempotency instants", "", "events"),
    "tally": Sees("errors handler idempotency versions"),
    "failures": Sees("errors delivery handler logs", "", "events"),
    "claims": Sees(
        "errors handler idempotency running_handler protocols logs versions store_calls tally",
        "",
        "asyncio events typing_extensions",
    ),
    "dispatch": Sees(
        "errors delivery handler eventloop waiting running_handler observe tally claims failures",
        "asyncio",
        "asyncio events typing_extensions",
    ),
    "_on": Sees("delivery typing_extensions", "", "events"),
    "router": Sees(
        "errors event_types delivery handler registry patterns waiting dispatch _on",
        "",
        "events",
    ),
    "processing": Sees(
        "errors parsing delivery handler waiting logs observe dispatch router protocols tally "
        "claims",
        "asyncio",
    ),
    "reply": Sees("errors"),
    "crew": Sees("errors waiting"),
    "bounded": Sees("errors waiting eventloop handler crew", "asyncio"),
    "notification": Sees("errors logs waiting bounded"),
    "carrier": Sees("logs observe"),
    "backlog": Sees("logs waiting", "asyncio"),
    "handoff": Sees(
        "errors delivery patterns waiting logs observe inbox bounded notification carrier backlog",
        "asyncio",
    ),
    "endpoint": Sees(
        "errors body headers secret signature delivery waiting logs observe protocols router "
        "processing reply notification handoff"
    ),
    "worker": Sees(f"{WORKER} inbox logs messages processing router"),
    "worker._target": Sees("errors spelling"),
    "worker._command": Sees("errors worker worker._target"),
    "worker.__main__": Sees("worker._command"),
    "worker.*": Sees(f"{WORKER} inbox messages logs processing protocols waiting", "asyncio"),
    "events._base": Sees("errors instants pydantic pydantic_core"),
    "events._tolerant": Sees("json_text events._base pydantic"),
    "events.*": Sees(f"events._base {FAMILIES} pydantic typing_extensions"),
    "events._catalog": Sees(f"events._base {FAMILIES} event_types"),
    "events": Sees("event_types", "", f"events._base events._catalog {FAMILIES}"),
    "stores": Sees("", "", "stores.redis stores.sqlalchemy stores.sqlite"),
    "stores._lua": Sees(),
    "stores._redis_calls": Sees("errors idempotency stores._lua"),
    "stores._redis_clients": Sees("errors stores._fork redis asyncio"),
    "stores._redis_errors": Sees("errors redis"),
    "stores.redis": Sees(
        "idempotency store_methods stores._redis_calls stores._redis_clients "
        "stores._redis_errors redis asyncio"
    ),
    "stores._fork": Sees(),
    "stores._transaction": Sees(),
    "stores._spelling": Sees(),
    "stores._marks": Sees("idempotency stores._spelling stores._transaction"),
    "stores._sql": Sees("idempotency stores._marks stores._spelling stores._transaction"),
    "stores._store": Sees("errors store_methods stores._sql stores._transaction"),
    "stores._own": Sees("errors idempotency running_handler stores._sql stores._transaction"),
    "inboxes": Sees("", "", "inboxes.sqlalchemy inboxes.sqlite"),
    "inboxes.sqlalchemy": Sees(
        "inboxes.sqlalchemy._async inboxes.sqlalchemy._sync inboxes.sqlalchemy._tables sqlalchemy"
    ),
    "inboxes.sqlalchemy._tables": Sees(
        "stores._spelling stores.sqlalchemy._tables inboxes._spelling sqlalchemy"
    ),
    "inboxes.sqlalchemy._sync": Sees(
        "errors idempotency stores._store stores.sqlalchemy._engines inboxes._inbox "
        "inboxes._spelling inboxes._statements inboxes.sqlalchemy._tables sqlalchemy"
    ),
    "inboxes.sqlalchemy._async": Sees(
        "delivery idempotency messages stores._store stores.sqlalchemy._greenlets inboxes._inbox "
        "inboxes.sqlalchemy._sync sqlalchemy"
    ),
    "inboxes._spelling": Sees("stores._spelling"),
    "inboxes._rows": Sees("errors delivery messages stores._spelling inboxes._spelling"),
    "inboxes._statements": Sees("messages stores._transaction inboxes._rows inboxes._spelling"),
    "inboxes._sql": Sees(
        "idempotency messages stores._transaction inboxes._rows inboxes._statements"
    ),
    "inboxes._upkeep": Sees("messages stores._transaction inboxes._rows inboxes._statements"),
    "inboxes._inbox": Sees(f"{INBOX} stores._store {SQL_INBOX}"),
    "inboxes.sqlite": Sees(
        f"{INBOX} idempotency stores._store stores._sqlite_file stores._transaction {SQL_INBOX} "
        "inboxes._inbox inboxes._spelling"
    ),
    "stores._sqlite_file": Sees("errors stores._fork stores._store stores._transaction"),
    "stores.sqlite": Sees(f"{SQL_STORE} one_thread stores._sqlite_file"),
    "stores.sqlalchemy._tables": Sees("errors stores._spelling sqlalchemy"),
    "stores.sqlalchemy._watchdog": Sees("stores._fork sqlalchemy"),
    "stores.sqlalchemy.*": Sees(
        f"{SQL_STORE} stores._fork {SQLALCHEMY} sqlalchemy",
        "asyncio sqlalchemy",
        "asyncio sqlalchemy",
    ),
    "stores.sqlalchemy": Sees(f"{SQLALCHEMY} sqlalchemy"),
    "notify": Sees(),
    "notify.celery": Sees("errors worker worker._calls celery"),
    "contrib": Sees(),
    "contrib.django": Sees("contrib.django.inbox contrib.django.secret contrib.django.store"),
    "contrib.django.migrations.*": Sees("contrib.django.fields django"),
    "contrib.django.management": Sees(),
    "contrib.django.management.commands": Sees(),
    "contrib.django.management.commands.clerk_hooks": Sees(
        "__main__ contrib.django._connections worker._command django"
    ),
    "contrib.django.admin": Sees(
        "errors messages inboxes._rows inboxes._statements contrib.django.inbox "
        "contrib.django.models django"
    ),
    "contrib.django._connections": Sees("eventloop observe router django asgiref", "", "worker"),
    "contrib.django.inbox": Sees(
        f"{DJANGO} {INBOX} inboxes._inbox inboxes._spelling inboxes._statements django asgiref"
    ),
    "contrib.django.*": Sees(f"{DJANGO} django asgiref"),
    "adapters": Sees(),
    "adapters._length": Sees("clerk_hooks"),
    "adapters.wsgi": Sees("clerk_hooks adapters._length"),
    "adapters.asgi": Sees("clerk_hooks waiting adapters._length"),
    "adapters.flask": Sees("clerk_hooks endpoint adapters._length adapters.wsgi flask"),
    "adapters._openapi": Sees("events pydantic pydantic_core typing_extensions"),
    "adapters._fastapi_replies": Sees(
        "clerk_hooks adapters._length adapters.asgi fastapi starlette"
    ),
    "adapters._fastapi_route": Sees("clerk_hooks fastapi starlette"),
    "adapters.fastapi": Sees(
        "clerk_hooks endpoint adapters._fastapi_replies adapters._fastapi_route adapters.asgi "
        "fastapi starlette",
        "adapters._openapi",
    ),
    "adapters.django": Sees("clerk_hooks adapters._length adapters.wsgi django asgiref"),
    "adapters.aws_lambda": Sees("clerk_hooks"),
    "testing": Sees(TEST_KIT),
    "testing.strategies": Sees(f"hypothesis pydantic {CORE} {TEST_KIT}", "events", "events"),
    "testing._asgi": Sees(f"{CORE} asyncio", "", TEST_KIT),
    "testing.*": Sees(
        f"{CORE} {TEST_KIT}", "pydantic_core svix", "events pydantic typing_extensions"
    ),
    "pytest_plugin": Sees("pytest secret", "testing", "events reply testing testing._sample"),
    "cli": Sees(ANYTHING, ANYTHING, ANYTHING),
    "cli.*": Sees(ANYTHING, ANYTHING, ANYTHING),
    "__main__": Sees("", "cli"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "clerk_hooks"


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


class Import(NamedTuple):
    """One name that a module imports, and when."""

    when: str
    target: str
    name: str


def imports_of(module: str) -> Iterator[Import]:
    tree = ast.parse(FILES[module].read_text("utf-8"))
    yield from walk(tree, module, "at_import")


def walk(node: ast.AST, module: str, when: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(when, *resolve(module, 0, alias.name, ""))
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Import(when, *resolve(module, node.level, node.module or "", alias.name))
    elif isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "not TYPE_CHECKING",
    ):
        types_first = ast.unparse(node.test) == "TYPE_CHECKING"
        for child in node.body:
            yield from walk(child, module, "for_types" if types_first else when)
        for child in node.orelse:
            yield from walk(child, module, when if types_first else "for_types")
    else:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            when = "in_functions"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, module, when)


def resolve(module: str, level: int, source: str, name: str) -> tuple[str, str]:
    """The module of ours that is imported, or the top-level package of others; and the name."""
    package, *parts = source.split(".")
    if level == 0 and package != "clerk_hooks":
        return package, name
    if level > 0:
        is_package = FILES[module].name == "__init__.py"
        here = [] if module == "clerk_hooks" else module.split(".")
        parts = here[: len(here) - level + is_package] + (source.split(".") if source else [])
    below = ".".join([*parts, name])
    return (below, "") if below in FILES else (".".join(parts) or "clerk_hooks", name)


def row_of(module: str) -> Sees:
    rows = (module, f"{module.rpartition('.')[0]}.*", f"{module.partition('.')[0]}.*")
    row = next((ALLOWED[name] for name in rows if name in ALLOWED), None)
    assert row is not None, f"tests/test_imports.py: {module} needs a row in ALLOWED"
    return row


def test_every_module_has_a_row_and_every_row_a_module() -> None:
    for module in FILES:
        row_of(module)
    assert {row for row in ALLOWED if not row.endswith(".*")} <= set(FILES)


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_what_its_row_says(module: str) -> None:
    row = row_of(module)
    for when, target, _ in imports_of(module):
        allowed = f"{row.at_import} {getattr(row, when)}".split()
        free = target in sys.stdlib_module_names and target != "asyncio"
        free = free or (target == "_typeshed" and when == "for_types")
        assert free or target in allowed or ANYTHING in allowed, f"{target}, {when}"


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("adapters.")])
def test_adapters_use_the_public_names_only(module: str) -> None:
    used = {name for _, target, name in imports_of(module) if target == "clerk_hooks"}
    assert used <= set(clerk_hooks.__all__)


def test_no_two_modules_import_each_other() -> None:
    graph = {
        module: {
            target
            for when, target, _ in imports_of(module)
            if when == "at_import" and target in FILES
        }
        for module in FILES
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)


def test_the_table_is_checked_against_imports_of_every_kind() -> None:
    assert Import("at_import", "errors", "PayloadError") in set(imports_of("delivery"))
    assert Import("in_functions", "pydantic_core", "from_json") in set(imports_of("parsing"))
    assert Import("for_types", "events", "AnyEvent") in set(imports_of("delivery"))
    assert Import("in_functions", "svix", "Webhook") in set(imports_of("svix_verifier"))
    assert Import("at_import", "clerk_hooks", "Endpoint") in set(imports_of("adapters.wsgi"))
    assert Import("at_import", "events._base", "Event") in set(imports_of("events.user"))


def loaded_by(code: str) -> set[str]:
    """The modules that `code` loads in an interpreter of its own."""
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(result.stdout.split())


HEAVY = {"pydantic", "pydantic_core", "asyncio", "svix", "standardwebhooks", "httpx"}
HEAVY |= {"flask", "werkzeug", "fastapi", "starlette", "django", "typer", "rich", "click"}
HEAVY |= {"asgiref", "uvicorn", "hypercorn", "redis", "sqlalchemy", "sqlite3"}
HEAVY |= {"clerk_hooks.events", "clerk_hooks.adapters", "clerk_hooks.cli", "clerk_hooks.stores"}
HEAVY |= {"clerk_hooks.testing", "clerk_hooks.worker"}
if sys.version_info >= (3, 11):
    HEAVY.add("typing_extensions")


def test_a_bare_import_is_light() -> None:
    loaded = loaded_by("import clerk_hooks")
    assert "clerk_hooks.signature" in loaded
    assert not loaded & HEAVY


def test_a_program_up_to_its_first_event_stays_light() -> None:
    loaded = loaded_by("""
from clerk_hooks import Delivery, Endpoint, Router, Verifier, sign, verify
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
router = Router()
router.on("user.created")(lambda event: None)
Endpoint(router, secret=secret)
verify(b"{}", sign(b"{}", secret=secret), secret=secret)
""")
    assert not loaded & HEAVY


def test_a_worker_loads_asyncio_only_when_something_is_awaited() -> None:
    loaded = loaded_by("from clerk_hooks import Worker")
    assert "clerk_hooks.worker" in loaded
    assert not loaded & HEAVY - {"clerk_hooks.worker"}


NAMES = {"flask": "Flask", "fastapi": "FastAPI", "django": "Django"}
NAMES |= {"redis": "redis", "sqlalchemy": "SQLAlchemy 2", "celery": "Celery"}
OPTIONAL = {f"adapters.{extra}": extra for extra in ("flask", "fastapi", "django")}
OPTIONAL |= {f"stores.{extra}": extra for extra in ("redis", "sqlalchemy")}
OPTIONAL |= {"inboxes.sqlalchemy": "sqlalchemy", "contrib.django": "django"}
OPTIONAL |= {"notify.celery": "celery"}


@pytest.mark.parametrize(
    "module",
    [
        "adapters.wsgi",
        "adapters.asgi",
        "adapters.aws_lambda",
        "stores.sqlite",
        "inboxes.sqlite",
        *OPTIONAL,
    ],
)
def test_an_optional_module_loads_nothing_but_its_own_extra(module: str) -> None:
    own = {OPTIONAL[module]} if module in OPTIONAL else set[str]()
    for extra in own:
        pytest.importorskip(extra)
    if "celery" in own:
        own.add("django")  # Celery looks for it.
    loaded = loaded_by(f"import clerk_hooks.{module}")
    assert f"clerk_hooks.{module}" in loaded
    assert loaded & {*NAMES} <= own


@pytest.mark.parametrize("module", OPTIONAL)
def test_an_optional_module_without_its_extra_says_how_to_install_it(module: str) -> None:
    extra = OPTIONAL[module]
    without = f"sys.modules[{extra!r}] = None"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; {without}; import clerk_hooks.{module}"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: clerk_hooks.{module} needs {NAMES[extra]}: "
        f"pip install 'clerk-hooks[{extra}]'"
    )


def test_the_type_and_the_json_are_read_without_the_events() -> None:
    loaded = loaded_by("""
from clerk_hooks import Delivery
delivery = Delivery("msg_1", 1, b'{"type": "user.created"}')
assert delivery.type == delivery.json()["type"] == "user.created"
""")
    assert "pydantic_core" in loaded
    assert not loaded & {"pydantic", "clerk_hooks.events"}


def test_the_test_kit_is_light_until_it_is_used() -> None:
    loaded = loaded_by("import clerk_hooks.testing")
    assert "clerk_hooks.testing._sample" in loaded
    assert not loaded & (HEAVY | {"pytest", "hypothesis"}) - {"clerk_hooks.testing"}


def test_an_event_loads_the_models_of_its_own_family() -> None:
    loaded = loaded_by("""
from clerk_hooks import parse_event
parse_event({"type": "email.created", "data": {"id": "ema_1"}})
""")
    ours = {name for name in loaded if name.startswith("clerk_hooks.events.")}
    assert ours == {"clerk_hooks.events._base", "clerk_hooks.events.email"}


def test_the_public_names_are_those_in_all() -> None:
    public = {
        name
        for name, value in vars(clerk_hooks).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"TYPE_CHECKING"}
    lazy = {"Worker"}  # It would add a fifth to the time of an import that few programs need.
    assert lazy | public == set(clerk_hooks.__all__) - {"__version__"}
    assert {*clerk_hooks.__all__} <= {*dir(clerk_hooks)}
    assert clerk_hooks.Worker.__name__ == "Worker"
    with pytest.raises(AttributeError, match="'clerk_hooks' has no attribute 'Wroker'"):
        clerk_hooks.Wroker  # type: ignore[attr-defined]  # noqa: B018
    assert len(set(clerk_hooks.__all__)) == len(clerk_hooks.__all__)

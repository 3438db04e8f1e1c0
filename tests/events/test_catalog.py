"""Each event type has one class, in its family's module and union."""

import ast
import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from typing import Any, get_args

import pytest

from clerk_hooks import events, parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import AnyEvent, Event, KnownEvent, Model, UnknownEvent

from .walk import EVENTS, MODELS

FAMILIES = sorted({module for module, _ in EVENT_TYPES.values()})

each_type = pytest.mark.parametrize("event_type", EVENT_TYPES)


def pascal_case(name: str) -> str:
    """`userCreated`, `user_created` and `user.created` alike become `UserCreated`."""
    return "".join(word[0].upper() + word[1:] for word in re.split(r"[._]", name))


def snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def members(union: Any) -> set[type]:
    """The classes of a union, which may be a single class."""
    return set(get_args(union)) or {union}


def test_there_is_a_class_for_each_event_type() -> None:
    assert EVENTS.keys() == EVENT_TYPES.keys()
    assert len(get_args(KnownEvent)) == len(EVENT_TYPES)


@each_type
def test_module_and_class_are_named_after_the_type(event_type: str) -> None:
    family, _ = event_type.split(".")
    assert EVENT_TYPES[event_type] == (snake_case(family), pascal_case(event_type))


@each_type
def test_the_class_stands_in_its_module_and_is_public(event_type: str) -> None:
    module, name = EVENT_TYPES[event_type]
    event = EVENTS[event_type]
    assert event.__module__ == f"clerk_hooks.events.{module}"
    assert event.__name__ == name
    assert getattr(events, name) is event
    assert issubclass(event, Event)


@each_type
def test_the_class_takes_its_own_type_only(event_type: str) -> None:
    event = EVENTS[event_type]
    assert event.model_validate({"type": event_type, "data": {"id": "x"}}).type == event_type
    with pytest.raises(ValueError, match="literal_error"):
        event.model_validate({"type": event_type + "x", "data": {"id": "x"}})


@each_type
def test_an_event_of_the_type_is_parsed_to_the_class(event_type: str) -> None:
    payload = {"type": event_type, "data": {"id": "x"}}
    assert type(parse_event(payload)) is EVENTS[event_type]
    assert type(parse_event(json.dumps(payload))) is EVENTS[event_type]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_union_of_a_family_has_its_classes_and_no_other(family: str) -> None:
    union = getattr(events, pascal_case(family) + "Event")
    assert members(union) == {
        getattr(events, name) for module, name in EVENT_TYPES.values() if module == family
    }


def test_known_event_has_all_classes_and_any_event_the_unknown_one_too() -> None:
    assert members(KnownEvent) == set(EVENTS.values())
    assert members(AnyEvent) == {*EVENTS.values(), UnknownEvent}


# --- what is public ---


def public_names(module: str) -> set[str]:
    """What a module defines itself: its classes and its documented variables."""
    body = ast.parse(inspect.getsource(import_module(f"clerk_hooks.events.{module}"))).body
    names = {node.name for node in body if isinstance(node, ast.ClassDef)}
    names |= {ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)}
    return {name for name in names if not name.startswith("_")}


def test_all_has_every_name_of_the_modules() -> None:
    modules = ("_base", "_catalog", *FAMILIES)
    names = {name for module in modules for name in public_names(module)} - {"Data_co"}
    assert sorted(events.__all__) == sorted(names)
    assert names >= {model.__name__ for model in MODELS}


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    package = ast.parse(inspect.getsource(events))
    seen = {
        alias.asname: getattr(import_module(f"clerk_hooks.events.{node.module}"), alias.name)
        for node in ast.walk(package)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert seen == {name: getattr(events, name) for name in events.__all__}


def test_dir_lists_what_is_not_imported_yet() -> None:
    assert set(events.__all__) <= set(dir(events))


def test_a_star_import_gives_every_name() -> None:
    namespace: dict[str, object] = {}
    exec("from clerk_hooks.events import *", namespace)
    assert namespace.keys() - {"__builtins__"} == set(events.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match=r"'clerk_hooks\.events' has no attribute 'UserMade'"):
        events.UserMade  # noqa: B018
    with pytest.raises(ImportError, match="UserMade"):
        exec("from clerk_hooks.events import UserMade")


# --- what is imported when ---

USER = {"user", "organization", "organization_membership"}


@pytest.mark.parametrize(
    ("program", "modules"),
    [
        ("import clerk_hooks.events", None),
        ("from clerk_hooks.events import Event, UnknownEvent, DeletedObject", set()),
        ("from clerk_hooks.events import UserCreated", USER),
        ("from clerk_hooks.events import UserEvent", USER),
        ("from clerk_hooks.events import EmailAddress", USER),
        ("from clerk_hooks.events import EmailCreated", {"email"}),
        ("from clerk_hooks.events import SessionEnded", {"session", *USER}),
        ("from clerk_hooks.events import RoleCreated", {"role", "permission"}),
        ("from clerk_hooks.events import Subscription", {"subscription", "subscription_item"}),
        ('import clerk_hooks; clerk_hooks.parse_event(\'{"type": "x"}\')', set()),
        (
            "from clerk_hooks import parse_event as p; p({'type':'sms.created','data':{'id':'x'}})",
            {"sms"},
        ),
        ("from clerk_hooks.events import KnownEvent", {"_catalog", *FAMILIES}),
        ("from clerk_hooks.events import AnyEvent", {"_catalog", *FAMILIES}),
    ],
)
def test_only_the_families_that_are_used_are_imported(
    program: str, modules: set[str] | None
) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    package = "clerk_hooks.events."
    imported = {name.removeprefix(package) for name in printed if name.startswith(package)}
    assert imported == (set() if modules is None else {"_base", *modules})
    assert ("pydantic" in printed) == (modules is not None)


def test_every_field_is_documented() -> None:
    for module in ("_base", *FAMILIES):
        tree = ast.parse(inspect.getsource(import_module(f"clerk_hooks.events.{module}")))
        for model in tree.body:
            if not isinstance(model, ast.ClassDef):
                continue
            assert ast.get_docstring(model), model.name
            for field, after in zip(model.body, [*model.body[1:], ast.Pass()], strict=True):
                if not isinstance(field, ast.AnnAssign) or "Literal" in ast.unparse(field):
                    continue
                text = after.value if isinstance(after, ast.Expr) else None
                place = f"{module}.{model.name}.{ast.unparse(field.target)}"
                assert isinstance(text, ast.Constant), place
                assert str(text.value).endswith("."), place


def test_every_model_says_for_itself_that_it_is_frozen() -> None:
    """Type checkers do not look for it in a base."""
    for model in MODELS:
        assert issubclass(model, Model)
        head = inspect.getsource(model).partition('"""')[0]
        assert "frozen=True" in head, model

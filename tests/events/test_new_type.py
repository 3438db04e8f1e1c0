"""The places that a new event type needs: each forgotten one is named, with what to write there.

The list for contributors is in docs/contributing.md. Other tests fail too while one is missing.
"""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

import clerk_hooks
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import Event
from clerk_hooks.testing import sample_payload

SOURCE = Path(clerk_hooks.__file__).parent
FAMILIES = sorted({module for module, _ in EVENT_TYPES.values()})


def told(missing: list[str]) -> None:
    if missing:
        pytest.fail(
            "\n".join(["a new event type needs, in src/clerk_hooks:", *missing]), pytrace=False
        )


def family(module: str) -> dict[str, Any]:
    """What the module of a family defines or imports; nothing, where there is no such module."""
    if not (SOURCE / "events" / f"{module}.py").exists():
        return {}
    return vars(import_module(f"clerk_hooks.events.{module}"))


def union(module: str) -> str:
    """The name of a family's union: `role_set` has `RoleSetEvent`."""
    return module.title().replace("_", "") + "Event"


def imports_of(module: str) -> set[str]:
    tree = ast.parse((SOURCE / "events" / module).read_text("utf-8"))
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_each_name_has_a_class_in_the_module_of_its_family() -> None:
    told(
        [
            f"events/{module}.py: write `class {name}(Event[...], frozen=True)` with the docstring "
            f'"``{event_type}``: when Clerk sends it." and `type: Literal["{event_type}"]`'
            for event_type, (module, name) in EVENT_TYPES.items()
            if not (event := family(module).get(name))
            or get_args(event.model_fields["type"].annotation) != (event_type,)
            or not (event.__doc__ or "").startswith(f"``{event_type}``: ")
        ]
    )


def test_each_class_has_its_type_in_the_list() -> None:
    told(
        [
            f"event_types.py: add the type of `{name}`, which is in events/{module}.py"
            for module in FAMILIES
            for name, value in family(module).items()
            if isinstance(value, type)
            and issubclass(value, Event)
            and value.__module__ == f"clerk_hooks.events.{module}"
            and value.__name__ == name.partition("[")[0] == name
            and (module, name) not in EVENT_TYPES.values()
        ]
    )


def test_each_class_is_in_the_union_of_its_family() -> None:
    told(
        [
            f"events/{module}.py: add `{name}` to `{union(module)}`, at the end of the module"
            for module, name in EVENT_TYPES.values()
            if (whole := family(module).get(union(module))) is None
            or name not in {event.__name__ for event in get_args(whole) or (whole,)}
        ]
    )


def test_each_family_is_in_the_union_of_all() -> None:
    imported = imports_of("_catalog.py")
    told(
        [
            f"events/_catalog.py: import `{union(module)}` and add it to `KnownEvent`"
            for module in FAMILIES
            if union(module) not in imported
        ]
    )


def test_type_checkers_see_each_class_in_the_package() -> None:
    imported = imports_of("__init__.py")
    told(
        [
            f"events/__init__.py: write `from .{module} import {name} as {name}`"
            for module, event in EVENT_TYPES.values()
            for name in (event, union(module))
            if name not in imported
        ]
    )


def test_a_handler_of_each_type_is_checked() -> None:
    text = (SOURCE / "_on.py").read_text("utf-8")
    told(
        [
            f'_on.py: add "{event_type}" to `EventType`, and an overload with its type variable '
            f"for `{name}`; write them like those of the type above"
            for event_type, (_, name) in EVENT_TYPES.items()
            if text.count(f'"{event_type}"') < 2 or not re.search(rf"\b{name}\b", text)
        ]
    )


def test_each_type_has_a_sample() -> None:
    missing: list[str] = []
    for event_type in EVENT_TYPES:
        try:
            sample_payload(event_type)
        except KeyError:
            missing.append(
                f'testing/_samples/catalog.py: add a builder of the data of "{event_type}"'
            )
    told(missing)

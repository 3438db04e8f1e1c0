"""The sections of the page "Models": made of the models themselves, so that they cannot drift.

As an extension of Sphinx it puts them in the place of ``<!-- models -->``, and makes each model a
target of references to its class. `markdown` needs nothing but clerk_hooks.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from model_sources import BEYOND, DOCUMENT

from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import Event, Model

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

PLACE = "<!-- models -->"
PAGE = "models"
PACKAGE = "clerk_hooks.events"
SHARED = "_base"
"""The module of what all families share."""


class Row(NamedTuple):
    """One field or property of a model, as its source has it."""

    name: str
    type: str
    meaning: str


def markdown() -> str:
    """All sections: what the families share, and then each family with its models."""
    families = [SHARED, *dict.fromkeys(module for module, _ in EVENT_TYPES.values())]
    return "\n".join(_family(module) for module in families)


def models_of(module: str) -> list[type[Model]]:
    """The models that a module of `clerk_hooks.events` defines, data first, then what is in it."""
    defined = [
        value
        for value in vars(import_module(f"{PACKAGE}.{module}")).values()
        if _is_model(value) and value.__module__ == f"{PACKAGE}.{module}"
    ]
    return sorted(defined, key=lambda model: model not in _models_of_data())


def rows(model: type[Model]) -> list[Row]:
    """The fields of a model, inherited ones included, in the order of its source."""
    found: dict[str, Row] = {}
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, Model):
            found |= {row.name: row for row in _own_fields(ancestor)}
    return [found[name] for name in model.model_fields]


def properties(model: type[Model]) -> list[Row]:
    """The properties of a model that compute something from its fields."""
    return [
        Row(name, _returned(member.fget), inspect.getdoc(member) or "")
        for ancestor in reversed(model.__mro__)
        if issubclass(ancestor, Model)
        for name, member in vars(ancestor).items()
        if isinstance(member, property)
    ]


def _family(module: str) -> str:
    models = models_of(module)
    if module == SHARED:
        return "\n".join(["## In every event", "", *map(_section, models)])
    lines = [
        f"- `{event_type}`: `{name}`, whose `data` is {_link(_data_of(module, name).__name__)}"
        for event_type, (owner, name) in EVENT_TYPES.items()
        if owner == module
    ]
    heading = [f"## {_title(module)}", "", f"`{_union(module)}` is any of:", "", *lines, ""]
    return "\n".join([*heading, *map(_section, models)])


def _title(module: str) -> str:
    return module.replace("_", " ").capitalize() + " events"


def _union(module: str) -> str:
    return module.title().replace("_", "") + "Event"


def _section(model: type[Model]) -> str:
    name = model.__name__
    lines = [f"### {name}", "", _prose(inspect.getdoc(model) or ""), ""]
    whole = {cls.__name__ for cls in model.__subclasses__()}.intersection(_names_of_data())
    if name.startswith("Embedded") and whole:
        (heir,) = whole
        return "\n".join([*lines, f"Its fields are those of {_link(heir)}.", ""])
    lines += ["| field | type | meaning | source |", "|---|---|---|---|"]
    for row in rows(model):
        source = BEYOND.get(name, {}).get(row.name, DOCUMENT)
        lines.append(f"| `{row.name}` | {_type(row.type)} | {_prose(row.meaning)} | {source} |")
    computed = properties(model)
    if computed:
        lines += ["", "Computed:", "", "| property | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{row.name}` | {_type(row.type)} | {_prose(row.meaning)} |" for row in computed
        ]
    return "\n".join([*lines, ""])


def _type(annotation: str) -> str:
    """An annotation for the table: linked to the model in it; for instants, with their unit."""
    shown = annotation.replace("Timestamp", "datetime").replace("Metadata", "dict[str, Any]")
    code = f"`{shown}`".replace("|", r"\|")
    unit = ", Unix ms" if "Timestamp" in annotation else ""
    models = set(re.findall(r"\w+", annotation)) & _names()
    return f"[{code}](#{models.pop().lower()})" if models else code + unit


def _prose(docstring: str) -> str:
    """A docstring as Markdown on one line."""
    text = " ".join(docstring.split()).replace("``", "`").replace("|", r"\|")
    return re.sub(r"<(\w)", r"&lt;\1", text)


def _link(name: str) -> str:
    return f"[`{name}`](#{name.lower()})"


@cache
def _own_fields(model: type[Model]) -> list[Row]:
    if "[" in model.__name__:  # What pydantic makes of a generic class has no source.
        return []
    (definition,) = ast.parse(inspect.getsource(model)).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    return [
        Row(statement.target.id, ast.unparse(statement.annotation), text.value.value)
        for statement, text in pairwise(body)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]


def _returned(function: Any) -> str:
    annotation = inspect.get_annotations(function)["return"]
    if isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).replace("clerk_hooks.events.user.", "")


def _is_model(value: object) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, Model)
        and value is not Model
        and (not issubclass(value, Event) or value.__module__.endswith(SHARED))
        and "[" not in value.__name__
    )


def _data_of(module: str, name: str) -> type[Model]:
    event: type[Model] = getattr(import_module(f"{PACKAGE}.{module}"), name)
    (model,) = [
        part
        for part in [event.model_fields["data"].annotation]
        if isinstance(part, type) and issubclass(part, Model)
    ]
    return model


@cache
def _models_of_data() -> frozenset[type[Model]]:
    return frozenset(_data_of(module, name) for module, name in EVENT_TYPES.values())


@cache
def _names_of_data() -> frozenset[str]:
    return frozenset(model.__name__ for model in _models_of_data())


@cache
def _names() -> frozenset[str]:
    modules = {module for module, _ in EVENT_TYPES.values()} | {SHARED}
    return frozenset(model.__name__ for module in modules for model in models_of(module))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _fill_in)
    app.connect("doctree-read", _make_targets)
    return {"parallel_read_safe": True}


def _fill_in(_app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == PAGE:
        source[0] = source[0].replace(PLACE, markdown())


def _make_targets(app: Sphinx, doctree: nodes.document) -> None:
    """Make the section of a model, or of an event's family, what a reference to the class finds."""
    from docutils import nodes

    if app.env.docname != PAGE:
        return
    targets = {name: [name] for name in _names()}
    for module, name in EVENT_TYPES.values():
        targets.setdefault(_title(module), [_union(module)]).append(name)
    python: Any = app.env.get_domain("py")
    for section in doctree.findall(nodes.section):
        for name in targets.get(section[0].astext(), ()):
            python.note_object(f"{PACKAGE}.{name}", "class", section["ids"][0], location=section)

"""The models against Clerk's document, and what real deliveries have beyond it."""

import runpy
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from clerk_hooks.events import Model

from .walk import EVENTS, MODELS, documented_type, is_in_the_document, model_in, parts

Schema = dict[str, Any]

KINDS: dict[str, set[type]] = {
    "string": {str},
    "integer": {int, datetime},
    "number": {float},
    "boolean": {bool},
    "array": {list},
}

SOURCES = Path(__file__).parents[2] / "docs" / "_extensions" / "model_sources.py"
BEYOND: dict[str, dict[str, str]] = runpy.run_path(str(SOURCES))["BEYOND"]
"""Model -> the fields that Clerk's types, deliveries or older documents have beyond today's, which
the page of the models names, too."""


class Property(NamedTuple):
    """One property of one object in the document, and the model that has to have it."""

    model: type[Model]
    name: str
    schema: Schema


class Document:
    """Clerk's document, in which references and `allOf` are looked through."""

    def __init__(self, path: Path) -> None:
        self.content: Schema = yaml.safe_load(path.read_text("utf-8"))

    def payload(self, event_type: str) -> Schema:
        operation = self.content["x-webhooks"][documented_type(event_type)]
        schema: Schema = operation["post"]["requestBody"]["content"]["application/json"]["schema"]
        return schema

    def alternatives(self, schema: Schema) -> Iterator[Schema]:
        """A schema and all that it is made of."""
        yield schema
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            yield from self.alternatives(self.content["components"]["schemas"][name])
        for part in (*schema.get("allOf", ()), *schema.get("oneOf", ())):
            yield from self.alternatives(part)

    def properties(self, schema: Schema, model: type[Model]) -> Iterator[Property]:
        """Every property at every depth, with the model of the object that it belongs to."""
        for part in self.alternatives(schema):
            for name, inner in part.get("properties", {}).items():
                yield Property(model, name, inner)
                field = model.model_fields.get(name)
                nested = model_in(field.annotation) if field else None
                for each in self.alternatives(inner):
                    if nested is not None:
                        yield from self.properties(each.get("items", each), nested)
                    else:
                        assert "properties" not in each, f"{model.__name__}.{name} needs a model"

    def type_of(self, schema: Schema) -> str:
        kinds = {part["type"] for part in self.alternatives(schema) if "type" in part}
        (kind,) = kinds or {"object"}
        return str(kind)

    def is_nullable(self, schema: Schema) -> bool:
        return any(part.get("nullable") for part in self.alternatives(schema))

    def is_open(self, schema: Schema) -> bool:
        """Whether it is a mapping of which the document says nothing more."""
        return not any("properties" in part for part in self.alternatives(schema))


@pytest.fixture(scope="module")
def document(shared: Path) -> Document:
    return Document(shared / "clerk" / "schema.yml")


@pytest.fixture(scope="module")
def properties(document: Document) -> list[Property]:
    found = [
        each
        for event_type, event in EVENTS.items()
        for each in document.properties(document.payload(event_type), event)
    ]
    assert len(found) > 4000
    return found


def test_the_document_has_every_type_whose_docstring_does_not_say_that_it_lacks_it(
    document: Document,
) -> None:
    assert {*document.content["x-webhooks"]} == {*filter(is_in_the_document, EVENTS)}


def test_every_property_is_a_declared_field(properties: list[Property]) -> None:
    missing = {
        f"{each.model.__name__}.{each.name}"
        for each in properties
        if each.name not in each.model.model_fields
    }
    assert missing == set()


def test_every_field_has_the_type_of_its_property(
    document: Document, properties: list[Property]
) -> None:
    for model, name, schema in properties:
        kinds = {*parts(model.model_fields[name].annotation)}
        if (kind := document.type_of(schema)) != "object":
            assert kinds & KINDS[kind], (model, name)
        elif document.is_open(schema):
            assert dict in kinds, (model, name)
        else:
            assert model_in(model.model_fields[name].annotation), (model, name)


def test_what_may_be_null_is_accepted_as_null(
    document: Document, properties: list[Property]
) -> None:
    nullable = {(model, name) for model, name, schema in properties if document.is_nullable(schema)}
    assert len(nullable) > 100
    for model, name in nullable:
        values = {key: "x" for key, field in model.model_fields.items() if field.is_required()}
        assert getattr(model.model_validate({**values, name: None}), name) is None


def test_no_field_is_beyond_the_document_except_those_that_are_known_to_occur(
    properties: list[Property],
) -> None:
    documented = {(each.model.__name__, each.name) for each in properties}
    beyond = {(model, name) for model, names in BEYOND.items() for name in names}
    declared = {
        (model.__name__, name)
        for model in MODELS
        for name in model.model_fields
        if model.__name__ != "UnknownEvent"
    }
    assert declared - documented == beyond

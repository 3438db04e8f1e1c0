"""What the OpenAPI page of a FastAPI app says of the webhook."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, TypeAdapter

from clerk_hooks import ClerkHooksError, Endpoint, Router
from clerk_hooks.adapters.fastapi import clerk_router
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import AnyEvent

from .application import SECRET
from .asgi_client import ask

PATH = "/webhooks/clerk"


class User(BaseModel):
    """A model of the app's own, with the name of one of ours."""

    name: str


def build_page(*routers: APIRouter) -> Any:
    """The OpenAPI page of an app with a route of its own and these routers."""
    app = FastAPI()

    @app.put("/users")
    def update(user: User) -> User:
        return user

    for number, router in enumerate(routers):
        app.include_router(router, prefix=f"/{number}")
    return json.loads(ask(app, "/openapi.json", method="GET").body)


@pytest.fixture(scope="module")
def page() -> Any:
    """The page of an app with two endpoints on it; building it takes most of a second."""
    endpoints = [Endpoint(Router(), secret=SECRET) for _ in range(2)]
    return build_page(*[clerk_router(each, include_in_schema=True) for each in endpoints])


def test_it_is_the_apps_own_page() -> None:
    assert build_page(clerk_router(Endpoint(Router(), secret=SECRET))) == build_page()


def test_the_apps_own_components_keep_their_names(page: Any) -> None:
    own = build_page()["components"]["schemas"]
    others = {k: v for k, v in page["components"]["schemas"].items() if k not in own}
    assert page["components"]["schemas"] == own | others
    assert all(name.startswith("ClerkHooks") for name in others)


def test_the_body_is_any_event_and_every_reference_resolves(page: Any) -> None:
    schemas = page["components"]["schemas"]
    for number in range(2):
        body = page["paths"][f"/{number}{PATH}"]["post"]["requestBody"]
        assert body["required"] is True
        event = {"$ref": "#/components/schemas/ClerkHooksEvent"}
        assert body["content"]["application/json"]["schema"] == event
    choices = [choice["$ref"] for choice in schemas["ClerkHooksEvent"]["anyOf"]]
    names = {choice.removeprefix("#/components/schemas/ClerkHooks") for choice in choices}
    assert names == {name for _, name in EVENT_TYPES.values()} | {"UnknownEvent"}
    references = re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(page))
    assert set(references) <= schemas.keys()


def test_events_are_described_as_their_models_are(page: Any) -> None:
    template = "#/components/schemas/ClerkHooks{model}"
    described = TypeAdapter[Any](AnyEvent).json_schema(ref_template=template)["$defs"]
    for name, schema in described.items():
        found = page["components"]["schemas"][f"ClerkHooks{name}"]
        assert found == without_null_defaults(schema)


def test_every_status_of_an_error_is_among_the_replies(page: Any) -> None:
    replies = set(page["paths"]["/0" + PATH]["post"]["responses"])
    errors = [ClerkHooksError, *ClerkHooksError.__subclasses__()]
    never = {"411"}  # An ASGI server decodes every Transfer-Encoding that it accepts.
    assert replies == {"200", "202"} | {str(error.status) for error in errors} - never


def test_only_post_is_on_it_and_only_one_spelling_of_the_path(page: Any) -> None:
    paths = ["/users", "/0" + PATH, "/1" + PATH]
    assert {path: list(operations) for path, operations in page["paths"].items()} == dict(
        zip(paths, [["put"], ["post"], ["post"]], strict=True)
    )


def without_null_defaults(schema: Any) -> Any:
    """`schema` as FastAPI writes it."""
    if isinstance(schema, list):
        return [without_null_defaults(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: without_null_defaults(v) for k, v in schema.items() if v is not None}

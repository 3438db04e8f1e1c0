"""How the OpenAPI page of an app describes the webhook.

FastAPI names a component after its class. If two classes have the same name, it renames both, so
our `User` would rename the app's. Therefore each of our models is described by a stand-in, whose
name begins with `PREFIX`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core.core_schema import list_schema
from typing_extensions import override

from ..events import AnyEvent

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

PREFIX = "ClerkHooks"


class _StandIn(BaseModel):
    """A model without fields, described by the JSON schema of another model."""

    described: ClassVar[str]
    """That schema as JSON; its references are the names of other models."""
    all_by_name: ClassVar[dict[str, type[BaseModel]]]

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        def with_reference(part: dict[str, Any]) -> dict[str, Any]:
            name = part.get("$ref")
            if not isinstance(name, str):
                return part
            # Pydantic makes a component of an item of a list, and returns a reference to it.
            stand_in = cls.all_by_name[name].__pydantic_core_schema__
            return {**part, **handler(list_schema(stand_in))["items"]}

        schema: dict[str, Any] = json.loads(cls.described, object_hook=with_reference)
        return schema


@lru_cache(maxsize=1)
def event_model() -> type[BaseModel]:
    """Return a model that stands for any event on the OpenAPI page; it validates nothing."""
    union = TypeAdapter[Any](AnyEvent).json_schema(ref_template="{model}")
    schemas: dict[str, Any] = {**union.pop("$defs"), "Event": union}
    all_by_name: dict[str, type[BaseModel]] = {}
    for name, schema in schemas.items():
        members = {"described": json.dumps(schema), "all_by_name": all_by_name}
        all_by_name[name] = type(
            f"{PREFIX}{name}", (_StandIn,), {"__module__": __name__, **members}
        )
    return all_by_name["Event"]


def _reply(description: str, *properties: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in properties}}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


REPLIES: dict[int | str, dict[str, Any]] = {
    200: _reply("Handled, or no handler is registered", "outcome"),
    202: _reply("Queued: a worker handles it", "outcome"),
    400: _reply("Not proven to come from Clerk, or malformed", "error", "message"),
    405: _reply("Not a POST", "error", "message"),
    409: _reply("Another run is handling it at this moment", "error", "message"),
    413: _reply("The body is too large", "error", "message"),
    422: _reply("Not readable as an event, or given up by a handler", "error", "message"),
    500: _reply("A handler raised", "error"),
    503: _reply("The store or the queue does not answer", "error"),
}

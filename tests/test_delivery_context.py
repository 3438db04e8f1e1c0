"""The context of a delivery: what the caller of an endpoint gives to its handlers."""

import asyncio
import pickle

import pytest

from clerk_hooks import ConfigurationError, Delivery, Endpoint, Router, sign
from clerk_hooks.events import Session as ClerkSession
from clerk_hooks.events import UserCreated

SECRET = "whsec_" + "c2VjcmV0" * 4
BODY = b'{"type": "user.created", "data": {"id": "user_1"}}'


class Session:
    """It has the name of one of Clerk's models, as SQLAlchemy's session does."""

    def __repr__(self) -> str:
        return "<what nobody is to see>"


def delivery(context: object = None) -> Delivery:
    return Delivery("msg_1", 1_700_000_000, BODY, context=context)


def test_handlers_get_the_very_object_that_was_passed() -> None:
    router = Router()
    seen: list[object] = []

    @router.on("user.created")
    def sync(event: UserCreated, delivery: Delivery) -> None:
        seen.append(delivery.context)

    endpoint = Endpoint(router, secret=SECRET)
    context = Session()
    endpoint.receive(BODY, sign(BODY, secret=SECRET), context=context)
    asyncio.run(endpoint.areceive(BODY, sign(BODY, secret=SECRET), context=context))
    endpoint.receive(BODY, sign(BODY, secret=SECRET))
    assert seen == [context, context, None]


def test_it_is_returned_as_an_instance_of_its_class_or_of_a_base() -> None:
    context = Session()
    assert delivery(context).context_as(Session) is context
    assert delivery(context).context_as(object) is context


@pytest.mark.parametrize("context", [None, "text", Session()])
def test_any_other_class_is_a_mistake_that_names_both(context: object) -> None:
    with pytest.raises(ConfigurationError) as raised:
        delivery(context).context_as(ClerkSession)
    assert raised.value.reason == "wrong_context"
    assert f"not of {ClerkSession}" in str(raised.value)
    assert ("None" if context is None else str(type(context))) in str(raised.value)
    assert "nobody" not in str(raised.value)


def test_it_is_no_part_of_what_the_delivery_is() -> None:
    with_it, without = delivery(Session()), delivery()
    assert with_it == without
    assert hash(with_it) == hash(without)
    assert repr(with_it) == repr(without)
    assert pickle.loads(pickle.dumps(with_it)).context is None

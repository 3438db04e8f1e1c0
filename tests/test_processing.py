"""The processor: what it runs of a verified delivery, what it returns, and what it raises."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ConfigurationError,
    Delivery,
    HandlerError,
    InProgress,
    InputTypeError,
    MemoryStore,
    PayloadError,
    Processor,
    Router,
    StoreUnavailable,
)

BODY = b'{"type":"user.created","data":{"id":"user_1"}}'
DELIVERY = Delivery("msg_1", 1_700_000_000, BODY)
MINUTE = timedelta(minutes=1)

Process = Callable[..., str]


@pytest.fixture(
    params=[
        lambda processor, *args, **options: processor.process(*args, **options),
        lambda processor, *args, **options: asyncio.run(processor.aprocess(*args, **options)),
    ],
    ids=["process", "aprocess"],
)
def process(request: pytest.FixtureRequest) -> Process:
    """The two ways in, which do the same."""
    function: Process = request.param
    return function


@pytest.fixture
def router() -> Router:
    return Router()


def register(router: Router, *names: str, ran: list[str]) -> list[Callable[[object], None]]:
    """Handlers that write their names into `ran`."""

    def make(name: str) -> Callable[[object], None]:
        def handler(event: object) -> None:
            ran.append(name)

        return router.on("user.created", name=name)(handler)

    return [make(name) for name in names]


def fail(router: Router, name: str, error: Exception) -> None:
    def handler(event: object) -> None:
        raise error

    router.on("user.created", name=name)(handler)


def test_each_outcome(router: Router, process: Process) -> None:
    ran: list[str] = []
    processor = Processor(router, store=MemoryStore())
    assert process(processor, DELIVERY) == "unhandled"
    register(router, "a", ran=ran)
    assert process(processor, DELIVERY) == "handled"
    assert process(processor, DELIVERY) == "duplicate"
    assert ran == ["a"]


def test_a_stale_event_is_not_handled(router: Router, process: Process) -> None:
    ran: list[Any] = []
    router.on("user.updated", name="a", drop_stale=True)(ran.append)
    processor = Processor(router, store=MemoryStore())

    def updated(message_id: str, time: int) -> Delivery:
        data = b'{"id":"user_1","updated_at":%d}' % time
        return Delivery(message_id, 1, b'{"type":"user.updated","data":%s}' % data)

    assert process(processor, updated("msg_2", 2000)) == "handled"
    assert process(processor, updated("msg_1", 1000)) == "stale"
    assert len(ran) == 1


def test_without_a_store_every_delivery_is_handled(router: Router, process: Process) -> None:
    ran: list[str] = []
    register(router, "a", "b", ran=ran)
    processor = Processor(router)
    assert process(processor, DELIVERY) == process(processor, DELIVERY) == "handled"
    assert ran == ["a", "b", "a", "b"]


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["alone", "store"])
def test_a_run_can_be_limited_to_some_functions(
    router: Router, process: Process, store: Callable[[], MemoryStore] | None
) -> None:
    ran: list[str] = []
    _, second, third = register(router, "a", "b", "c", ran=ran)
    processor = Processor(router, store=store and store())
    assert process(processor, DELIVERY, handlers=[third, second]) == "handled"
    assert ran == ["b", "c"]
    assert process(processor, DELIVERY, handlers=[]) == "unhandled"


def test_a_function_that_is_not_registered_is_refused(router: Router, process: Process) -> None:
    register(router, "a", ran=[])
    with pytest.raises(ConfigurationError, match=r"handlers: .*print.* is not registered"):
        process(Processor(router), DELIVERY, handlers=[print])


def test_the_store_knows_the_handlers_of_a_limited_run(router: Router, process: Process) -> None:
    ran: list[str] = []
    first, second = register(router, "a", "b", ran=ran)
    processor = Processor(router, store=MemoryStore())
    process(processor, DELIVERY, handlers=[second])
    assert process(processor, DELIVERY, handlers=[second]) == "duplicate"
    assert process(processor, DELIVERY, handlers=[first, second]) == "handled"
    assert ran == ["b", "a"]


def test_a_bound_method_is_the_function_that_was_registered(
    router: Router, process: Process
) -> None:
    class Mailer:
        ran = 0

        def welcome(self, event: object) -> None:
            self.ran += 1

    mailer, other = Mailer(), Mailer()
    router.on("user.created")(mailer.welcome)
    router.on("user.deleted")(other.welcome)
    assert process(Processor(router), DELIVERY, handlers=[other.welcome]) == "unhandled"
    assert process(Processor(router), DELIVERY, handlers=[mailer.welcome]) == "handled"
    assert (mailer.ran, other.ran) == (1, 0)


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["alone", "store"])
def test_what_is_done_does_not_run(
    router: Router, process: Process, store: Callable[[], MemoryStore] | None
) -> None:
    ran: list[str] = []
    register(router, "a", "b", ran=ran)
    processor = Processor(router, store=store and store())
    assert process(processor, DELIVERY, done=["a", "b", "other"]) == "duplicate"
    assert process(processor, DELIVERY, done=["a"]) == "handled"
    assert ran == ["b"]


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["alone", "store"])
def test_a_failure_names_what_failed_and_what_is_done(
    router: Router, process: Process, store: Callable[[], MemoryStore] | None
) -> None:
    register(router, "a", ran=[])
    fail(router, "b", ValueError("b"))
    register(router, "c", "d", ran=[])
    fail(router, "e", AbortDelivery())
    with pytest.raises(HandlerError) as caught:
        process(Processor(router, store=store and store()), DELIVERY, done=["c"])
    error = caught.value
    assert (error.failed, sorted(error.done)) == (("b", "e"), ["a", "c", "d"])
    assert list(map(type, error.errors)) == [ValueError, AbortDelivery]
    assert not error.is_abort


def test_what_the_store_remembers_is_done_too(router: Router, process: Process) -> None:
    first, *_ = register(router, "a", "b", ran=[])
    fail(router, "c", AbortDelivery())
    processor = Processor(router, store=MemoryStore())
    process(processor, DELIVERY, handlers=[first])
    with pytest.raises(HandlerError) as caught:
        process(processor, DELIVERY)
    assert (caught.value.failed, caught.value.done) == (("c",), ("a", "b"))
    assert caught.value.is_abort


def test_what_is_not_confirmed_is_not_done(router: Router, process: Process) -> None:
    store = MemoryStore()

    @router.on("user.created", name="a")
    def loses_its_claim(event: object) -> None:
        store.forget("msg_1")

    fail(router, "b", ValueError())
    with pytest.raises(HandlerError) as caught:
        process(Processor(router, store=store), DELIVERY)
    assert (caught.value.failed, caught.value.done) == (("b",), ())


def test_a_handler_that_is_run_elsewhere_is_waited_for(router: Router, process: Process) -> None:
    register(router, "a", ran=[])
    store = MemoryStore()
    store.claim("msg_1", ["a"], MINUTE)
    with pytest.raises(InProgress):
        process(Processor(router, store=store), DELIVERY)


def test_a_store_that_fails_is_unavailable(router: Router, process: Process) -> None:
    class Broken(MemoryStore):
        def claim(self, *args: Any, **options: Any) -> Any:
            raise OSError("no route")

    register(router, "a", ran=[])
    with pytest.raises(StoreUnavailable):
        process(Processor(router, store=Broken()), DELIVERY)


@pytest.mark.parametrize("payload", [b"{", b"{}", b'{"type":"user.created","data":1}'])
def test_an_event_that_cannot_be_read_is_refused(
    router: Router, process: Process, payload: bytes
) -> None:
    register(router, "a", ran=[])
    with pytest.raises(PayloadError):
        process(Processor(router), Delivery("msg_1", 1, payload))


@pytest.mark.parametrize("value", [BODY, None, {}, Delivery], ids=["bytes", "none", "dict", "type"])
def test_only_a_delivery_is_processed(router: Router, process: Process, value: Any) -> None:
    with pytest.raises(InputTypeError, match="process takes a Delivery, not "):
        process(Processor(router), value)


def test_process_refuses_async_handlers_inside_a_running_loop(router: Router) -> None:
    @router.on("user.created")
    async def handler(event: object) -> None:
        pytest.fail("was run")

    async def main() -> None:
        Processor(router).process(DELIVERY)

    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(main())
    assert caught.value.reason == "running_loop"


def test_aprocess_runs_sync_handlers_through_run_sync(router: Router) -> None:
    ran: list[str] = []

    async def run_sync(call: Callable[[], object]) -> object:
        ran.append("run_sync")
        return call()

    register(router, "a", ran=ran)
    asyncio.run(Processor(router).aprocess(DELIVERY, run_sync=run_sync))
    assert ran == ["run_sync", "a"]


@pytest.mark.parametrize(
    "payload",
    [
        '{"type":"user.deleted","data":{"id":"u"},"type":"user.created"}',
        '{"data":{"id":"u"},"type":"user.created","x":{"y":'
        + 80 * " "
        + '{"type":"user.deleted"}}}',
        '{"type":"user.deleted","x":{},"data":[],"type":"user.created","data":{"id":"u"}}',
    ],
    ids=["twice", "nested", "of another shape"],
)
def test_the_handlers_are_those_of_the_real_type(
    router: Router, process: Process, payload: str
) -> None:
    ran: list[str] = []
    register(router, "created", ran=ran)
    router.on("user.deleted", name="deleted")(lambda event: ran.append(event.type))
    assert process(Processor(router), Delivery("msg_1", 1, payload)) == "handled"
    assert ran == ["created"]


def test_the_router_is_not_asked_for_a_type_that_the_payload_only_seems_to_have(
    router: Router, process: Process
) -> None:
    ran: list[str] = []
    register(router, "created", ran=ran)
    router.on("user.deleted", name="deleted")(lambda event: ran.append(event.type))
    payload = b'{"data":{"id":"user_1"},"type":"user.deleted","x":{"type":"user.created"}}'
    payload = payload.replace(b'"}}', b'"          }}')
    assert process(Processor(router), Delivery("msg_1", 1, payload)) == "handled"
    assert ran == ["user.deleted"]

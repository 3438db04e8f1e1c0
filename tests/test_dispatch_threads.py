"""Registration and dispatch from several threads at once: nothing is lost, nothing breaks."""

import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from clerk_hooks import Router, parse_event
from clerk_hooks.event_types import EVENT_TYPES

THREADS = 4
ROUNDS = 200


@pytest.fixture(autouse=True)
def _threads_take_turns_all_the_time() -> Generator[None, None, None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_threads(work: Callable[[int], None]) -> None:
    """Run `work` in all threads at the same time, each with its number."""
    start = Barrier(THREADS)

    def run(number: int) -> None:
        start.wait(60)
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


def ignore(event: object, number: int) -> None: ...


@pytest.mark.parametrize("register", [Router.on_unknown, Router.on])
def test_no_registration_is_lost(register: Callable[..., Callable[[object], object]]) -> None:
    router = Router()
    known = register is Router.on
    types = [*EVENT_TYPES] if known else [f"new.type{number}" for number in range(ROUNDS)]

    def work(number: int) -> None:
        for event_type in types:
            register(router, event_type)(partial(ignore, number=number))

    in_threads(work)
    assert {name: len(router.handlers_for(name)) for name in types} == dict.fromkeys(types, THREADS)


def test_handlers_of_all_events_and_of_new_types_find_one_another() -> None:
    router = Router()

    def work(number: int) -> None:
        for round_ in range(ROUNDS):
            if number % 2:
                router.on_unknown(f"new.type{number}.{round_}")(partial(ignore, number=number))
            elif round_ % 10 == 0:
                router.on("*")(partial(ignore, number=number))

    in_threads(work)
    everywhere = THREADS // 2 * ROUNDS // 10
    assert len(router.handlers_for("new.other")) == everywhere
    new = [name for name in router.unknown_event_types if name.startswith("new.")]
    assert len(new) == THREADS // 2 * ROUNDS
    assert {len(router.handlers_for(name)) for name in new} == {everywhere + 1}


def test_dispatch_goes_on_while_handlers_are_registered() -> None:
    router = Router()
    ran: list[object] = []
    router.on("*")(ran.append)
    known = parse_event({"type": "user.created", "data": {"id": "user_1"}})
    unknown = parse_event({"type": "new.type1"})

    def work(number: int) -> None:
        for round_ in range(ROUNDS):
            if number % 2:
                router.on_unknown(f"new.type{round_}")(partial(ignore, number=number))
                router.on("user.*")(partial(ignore, number=number))
            else:
                router.dispatch(known)
                router.dispatch(unknown)
                assert len(router.event_types) >= len(EVENT_TYPES)

    in_threads(work)
    assert len(ran) == THREADS // 2 * ROUNDS * 2

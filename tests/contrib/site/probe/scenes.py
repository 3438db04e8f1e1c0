"""What a handler may do with its transaction; each scene is one handler."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from clerk_hooks import Delivery
from clerk_hooks.contrib.django import DjangoStore

from .models import Effect, Unique

Scene = Callable[[Delivery], object]
LATER = [0.0]
"""Seconds by which the clock of the store is ahead."""
USING = os.environ.get("USING", "default")
STORE = DjangoStore(USING, timeout=timedelta(seconds=60), clock=lambda: time.time() + LATER[0])
SCENES: dict[str, Scene] = {}
ON_COMMIT: list[str] = []


def scene(function: Scene) -> Scene:
    SCENES[function.__name__] = function
    return function


def write(delivery: Delivery) -> None:
    Effect.objects.create(message_id=delivery.message_id, handler="write")


def violate() -> None:
    Unique.objects.get_or_create(id="taken")
    Unique.objects.create(id="taken")


class SceneError(Exception):
    """What the handlers raise."""


@scene
def plain(delivery: Delivery) -> None:
    """Without a transaction of the store."""
    write(delivery)


@scene
def usual(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)


@scene
def raises_inside(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        raise SceneError


@scene
def raises_after(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
    raise SceneError


@scene
def caught_in_savepoint(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        try:
            with transaction.atomic():
                violate()
        except IntegrityError:
            pass


@scene
def caught_without_savepoint(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        try:
            with transaction.atomic(savepoint=False):
                violate()
        except IntegrityError:
            pass


@scene
def marked_for_rollback(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        transaction.set_rollback(True)


@scene
def rolls_back_by_sql(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


@scene
def commits_and_goes_on(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
        write(delivery)


@scene
def commits_by_django(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        transaction.commit()


@scene
def closes_the_connection(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        connection.close()


@scene
def on_commit(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        transaction.on_commit(lambda: ON_COMMIT.append(delivery.message_id))


@scene
def on_commit_after_an_error(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        transaction.on_commit(lambda: ON_COMMIT.append(delivery.message_id))
        raise SceneError


@scene
def on_commit_raises(delivery: Delivery) -> None:
    def fail() -> None:
        raise SceneError

    with STORE.transaction(delivery):
        write(delivery)
        transaction.on_commit(fail)


@scene
def two_blocks(delivery: Delivery) -> None:
    for _ in range(2):
        with STORE.transaction(delivery):
            write(delivery)


@scene
def without_with(delivery: Delivery) -> None:
    STORE.transaction(delivery)
    write(delivery)


@scene
def in_an_outer_block(delivery: Delivery) -> None:
    with transaction.atomic(), STORE.transaction(delivery):
        write(delivery)


@scene
def taken_over(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        in_a_thread(lambda: claim_later(delivery.message_id))


@scene
def forgotten(delivery: Delivery) -> None:
    in_a_thread(lambda: STORE.forget(delivery.message_id))
    with STORE.transaction(delivery):
        write(delivery)


@scene
def turns_autocommit_off(delivery: Delivery) -> None:
    transaction.set_autocommit(False)
    write(delivery)


@scene
def with_a_unique_row(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        Unique.objects.create(id=delivery.message_id)
        write(delivery)


@scene
def freezes(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        Unique.objects.create(id=delivery.message_id)
        write(delivery)
        os.kill(os.getpid(), signal.SIGSTOP)


@scene
def dies(delivery: Delivery) -> None:
    with STORE.transaction(delivery):
        write(delivery)
        os.kill(os.getpid(), signal.SIGKILL)


@scene
def confirm_in(delivery: Delivery) -> None:
    with transaction.atomic():
        write(delivery)
        STORE.confirm_in(delivery)


@scene
def confirm_in_twice(delivery: Delivery) -> None:
    with transaction.atomic():
        STORE.confirm_in(delivery)
        write(delivery)
        STORE.confirm_in(delivery)


@scene
def confirm_in_without_a_transaction(delivery: Delivery) -> None:
    write(delivery)
    STORE.confirm_in(delivery)


@scene
def confirm_in_and_raise_inside(delivery: Delivery) -> None:
    with transaction.atomic():
        write(delivery)
        STORE.confirm_in(delivery)
        raise SceneError


@scene
def confirm_in_and_raise_after(delivery: Delivery) -> None:
    with transaction.atomic():
        write(delivery)
        STORE.confirm_in(delivery)
    raise SceneError


@scene
def confirm_in_rolled_back(delivery: Delivery) -> None:
    with transaction.atomic():
        write(delivery)
        STORE.confirm_in(delivery)
        transaction.set_rollback(True)


@scene
def confirm_in_a_savepoint_rolled_back(delivery: Delivery) -> None:
    with transaction.atomic():
        try:
            with transaction.atomic():
                STORE.confirm_in(delivery)
                raise SceneError
        except SceneError:
            write(delivery)


@scene
def confirm_in_again_after_a_rollback(delivery: Delivery) -> None:
    try:
        with transaction.atomic():
            write(delivery)
            STORE.confirm_in(delivery)
            raise SceneError
    except SceneError:
        with transaction.atomic():
            write(delivery)
            STORE.confirm_in(delivery)


@scene
def confirm_in_manual_transaction(delivery: Delivery) -> None:
    transaction.set_autocommit(False)
    try:
        write(delivery)
        STORE.confirm_in(delivery)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)


@scene
def confirm_in_without_a_commit(delivery: Delivery) -> None:
    transaction.set_autocommit(False)
    write(delivery)
    STORE.confirm_in(delivery)


@scene
def another_store(delivery: Delivery) -> None:
    with DjangoStore().transaction(delivery):
        write(delivery)


def claim_later(message_id: str) -> None:
    later = DjangoStore(clock=lambda: time.time() + 120)
    assert later.claim(message_id, ["write"], timedelta(seconds=60)).run


def in_a_thread(call: Callable[[], Any]) -> Any:
    """The result of `call` in a thread of its own, and so on another connection."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]

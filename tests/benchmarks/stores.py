"""What a claim and its confirm cost, beside what the bare driver needs for as much.

The message ids are new, and ordered by time as Svix's are. A store that remembers 1,000 messages,
one that remembers 1,000,000, and the yardstick take turns, each long enough that the garbage
collection before it, which leaves little of anybody's in the processor's caches, does not count.
"""

import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import redis

from clerk_hooks import IdempotencyStore
from clerk_hooks.stores.redis import RedisStore
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore
from clerk_hooks.stores.sqlite import SQLiteStore

from ..stores.network import RedisServer
from ..stores.schemas import POSTGRESQL, postgresql_schema
from .table import Row
from .timing import seconds_per_call

FEW, MANY = 1_000, 1_000_000
LEASE = timedelta(seconds=60)
HANDLER = "app.webhooks.welcome"

Call = Callable[[], object]


def rows() -> Iterator[Row]:
    """All that is measured."""
    with tempfile.TemporaryDirectory() as folder:
        yield from sqlite_rows(Path(folder))
        yield from redis_rows(Path(folder))
    yield from postgresql_rows()


def message_ids() -> Iterator[str]:
    """Ids as Svix makes them: the time in front, then something random."""
    while True:
        yield f"msg_2{int(time.time()):010}{os.urandom(8).hex()}"


def old_message_ids(number: int) -> Iterator[tuple[str, float]]:
    """Ids of the last three days, and when each is to be forgotten."""
    now, step = time.time(), 3 * 86_400 / number
    for n in range(number):
        at = now - 3 * 86_400 + n * step
        yield f"msg_2{int(at):010}{os.urandom(8).hex()}", at + 3 * 86_400 + 3_600


def handling(store: IdempotencyStore) -> Call:
    """A claim and its confirm, of a new message each time."""
    ids = message_ids()

    def handle() -> None:
        message_id = next(ids)
        claim = store.claim(message_id, (HANDLER,), LEASE, None)
        assert store.confirm(message_id, HANDLER, claim.token, None)

    return handle


def growth(name: str, t: dict[str, float]) -> Row:
    return Row(f"{name}: claim, confirm; {MANY:,} / {FEW:,} remembered", t["many"] / t["few"], 1.5)


def sqlite_rows(folder: Path) -> Iterator[Row]:
    """SQLite: in microseconds; and in pairs of committed writes, with checkpoints in all rounds."""
    stores = {name: SQLiteStore(folder / f"{name}.sqlite3") for name in ("few", "many")}
    for (name, store), number in zip(stores.items(), (FEW, MANY), strict=True):
        store.claim("msg_0", [HANDLER], LEASE)
        with sqlite3.connect(folder / f"{name}.sqlite3") as connection:
            connection.executemany(
                "INSERT INTO clerk_hooks_claims VALUES (?, ?, ?, NULL, ?, NULL)",
                ((id_, HANDLER, "0" * 24, until) for id_, until in old_message_ids(number)),
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    os.sync()  # What is being measured shall not wait for the disk to take what was prepared.
    bare = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = NORMAL")
    bare.execute("CREATE TABLE t (id TEXT PRIMARY KEY, token TEXT, until REAL) WITHOUT ROWID")
    ids = message_ids()

    def two_writes() -> None:
        for _ in range(2):
            bare.execute("INSERT INTO t VALUES (?, ?, ?)", (next(ids), "0" * 24, 1e9))

    calls = {name: handling(store) for name, store in stores.items()} | {"bare": two_writes}
    t = seconds_per_call(calls, slice_seconds=0.02)
    yield Row("SQLite: claim, confirm", 1e6 * t["few"], 150, "us")
    yield growth("SQLite", t)
    t = seconds_per_call(calls, rounds=21, slice_seconds=0.2)
    ratio = t["few"] / t["bare"]
    yield Row("SQLite: claim, confirm / two bare committed writes, with checkpoints", ratio, 3)
    bare.close()
    for store in stores.values():
        store.close()


def redis_rows(folder: Path) -> Iterator[Row]:
    """Redis: in round trips of the bare client, to a server that remembers few messages."""
    servers = {name: RedisServer(folder, persistent=False) for name in ("few", "many")}
    try:
        for server, number in zip(servers.values(), (FEW, MANY), strict=True):
            server.start()
            remember(server, number)
        calls = {name: handling(RedisStore(server.url)) for name, server in servers.items()}
        with redis.Redis.from_url(servers["few"].url) as client:
            t = seconds_per_call(calls | {"bare": lambda: client.get("absent")}, slice_seconds=0.02)
        yield Row("Redis: claim, confirm / bare round trip (GET)", t["few"] / t["bare"], 2.5)
        yield growth("Redis", t)
    finally:
        for server in servers.values():
            server.stop()


def remember(server: RedisServer, number: int) -> None:
    """Fill a server with the records of that many messages."""
    with redis.Redis.from_url(server.url) as client:
        for batch in batches(old_message_ids(number), 10_000):
            with client.pipeline(transaction=False) as pipeline:
                for id_, until in batch:
                    key = f"{{clerk_hooks}}:message:{id_}"
                    pipeline.hset(key, HANDLER, f"done {until!r} {'0' * 24}")
                    pipeline.pexpire(key, 3 * 86_400_000)
                pipeline.execute()


def postgresql_rows() -> Iterator[Row]:
    """PostgreSQL: in pairs of committed one-row writes with the bare driver."""
    with database("few") as few, database("many") as many:
        bare = psycopg.connect(f"postgresql://{POSTGRESQL}", options=f"-csearch_path={few[0]}")
        bare.execute("CREATE TABLE bare (id VARCHAR(255) PRIMARY KEY, until DOUBLE PRECISION)")
        bare.commit()
        ids = message_ids()

        def two_writes() -> None:
            for _ in range(2):
                bare.execute("INSERT INTO bare VALUES (%s, %s)", (next(ids), 1e9))
                bare.commit()

        calls: dict[str, Call] = {"few": handling(few[1]), "many": handling(many[1])}
        t = seconds_per_call(calls | {"bare": two_writes}, slice_seconds=0.05)
        yield Row("PostgreSQL: claim, confirm / two bare committed writes", t["few"] / t["bare"], 2)
        yield growth("PostgreSQL", t)
        bare.close()


@contextmanager
def database(name: str) -> Iterator[tuple[str, Any]]:
    """A schema with a store in it that remembers few messages, or many."""
    with postgresql_schema() as schema:
        options = f"?options=-csearch_path%3D{schema}"
        store = SQLAlchemyStore(f"postgresql+psycopg://{POSTGRESQL}{options}")
        store.claim("msg_0", [HANDLER], LEASE)
        with psycopg.connect(
            f"postgresql://{POSTGRESQL}", options=f"-csearch_path={schema}", autocommit=True
        ) as connection:
            copying = connection.cursor().copy(
                "COPY clerk_hooks_claims (message_id, handler, token, forget_at) FROM STDIN"
            )
            with copying as copy:
                for id_, until in old_message_ids(FEW if name == "few" else MANY):
                    copy.write_row((id_, HANDLER, "0" * 24, until))
            connection.execute("VACUUM ANALYZE clerk_hooks_claims")
        yield schema, store
        store._transactions.engine.dispose()


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch

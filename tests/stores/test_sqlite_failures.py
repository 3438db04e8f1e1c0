"""SQLite files that are locked, full, read-only or no database: 503, in time, and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from clerk_hooks import Endpoint, Router, StoreUnavailable, sign
from clerk_hooks.stores.sqlite import SQLiteStore

from .backends import slowness
from .worker import LEASE, PAYLOAD, SECRET


class Shop:
    """An endpoint with a handler that counts, and can do something while it runs."""

    def __init__(self, store: SQLiteStore) -> None:
        self.runs: list[str] = []
        self.during: list[Callable[[], object]] = []
        router = Router()

        @router.on("user.created", name="h")
        def handler(event: object) -> None:
            self.runs.append("h")
            while self.during:
                self.during.pop()()

        self._endpoint = Endpoint(router, secret=SECRET, store=store)

    def receive(self, message_id: str) -> int:
        headers = sign(PAYLOAD, secret=SECRET, message_id=message_id)
        return self._endpoint.receive(PAYLOAD, headers).status

    async def areceive(self, message_id: str) -> int:
        headers = sign(PAYLOAD, secret=SECRET, message_id=message_id)
        return (await self._endpoint.areceive(PAYLOAD, headers)).status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """The file, while another program writes to it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_a_locked_file_is_not_waited_for_longer_than_the_timeout(path: Path) -> None:
    store = SQLiteStore(path, timeout=timedelta(seconds=0.3))
    shop = Shop(store)
    assert shop.receive("msg_1") == 200
    with locked(path):
        started = time.monotonic()
        assert shop.receive("msg_2") == 503
        assert 0.25 < time.monotonic() - started < 0.3 + 0.3 * slowness()
    assert shop.runs == ["h"]
    assert shop.receive("msg_2") == 200
    assert shop.runs == ["h", "h"]
    store.close()


def test_threads_that_queue_before_a_locked_file_wait_no_longer_either(path: Path) -> None:
    store = SQLiteStore(path, timeout=timedelta(seconds=0.5))
    store.claim("msg_0", ["h"], LEASE)
    waited: list[float] = []

    def claim(number: int) -> None:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.claim(f"msg_{number}", ["h"], LEASE)
        waited.append(time.monotonic() - started)

    with locked(path):
        threads = [threading.Thread(target=claim, args=[number]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert len(waited) == 6
    assert max(waited) < 0.5 + 0.4 * slowness()
    store.close()


def test_requests_of_an_event_loop_wait_no_longer_either_and_do_not_block_it(path: Path) -> None:
    store = SQLiteStore(path, timeout=timedelta(seconds=0.5))
    shop = Shop(store)
    turns: list[float] = []

    async def receive(number: int) -> tuple[int, float]:
        started = time.monotonic()
        return await shop.areceive(f"msg_{number}"), time.monotonic() - started

    async def main() -> None:
        assert await shop.areceive("msg_0") == 200
        with locked(path):
            requests = asyncio.gather(*[receive(number) for number in range(1, 7)])
            while not requests.done():
                turns.append(time.monotonic())
                await asyncio.sleep(0.01)
            for status, seconds in await requests:
                assert status == 503
                assert 0.45 < seconds < 0.5 + 0.4 * slowness()
        assert [await shop.areceive(f"msg_{number}") for number in range(7)] == [200] * 7

    asyncio.run(main())
    assert max(later - turn for turn, later in pairwise(turns)) < 0.3 * slowness()
    assert shop.runs == ["h"] * 7
    store.close()


def test_a_file_that_is_locked_when_a_handler_ends_gets_the_event_retried(path: Path) -> None:
    store = SQLiteStore(path, timeout=timedelta(seconds=0.1))
    shop = Shop(store)
    lock = locked(path)
    shop.during.append(lock.__enter__)
    assert shop.receive("msg_1") == 503
    lock.__exit__(None, None, None)
    assert shop.receive("msg_1") == 409  # Until the lease is over.
    assert shop.runs == ["h"]
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB, which only root can make; for others, a limit that SQLite keeps to."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk; the test of max_page_count is for others")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_gets_events_retried_once_there_is_room(small_disk: Path) -> None:
    store = SQLiteStore(small_disk / "store.sqlite3")
    shop = Shop(store)
    assert shop.receive("msg_1") == 200
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 1024)
    statuses = [shop.receive(f"msg_{number}") for number in range(2, 40)]
    assert statuses[-1] == 503
    assert set(statuses) <= {200, 503}
    ran = len(shop.runs)
    filler.unlink()
    assert shop.receive("msg_39") == 200
    assert shop.receive("msg_1") == 200
    assert len(shop.runs) == ran + 1
    store.close()


def fill(store: SQLiteStore) -> None:
    for number in range(500):
        store.claim(f"msg_{number:03}", ["x" * 200], LEASE)


def test_a_file_that_may_not_grow_is_unavailable(path: Path) -> None:
    store = SQLiteStore(path)
    store.claim("msg_1", ["h"], LEASE)
    connection = store._writer._connection
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 1")  # It takes what there is.
    with pytest.raises(StoreUnavailable, match="full"):
        fill(store)
    assert store.claim("msg_1", ["h"], LEASE).busy == ("h",)
    store.close()


@pytest.mark.parametrize(
    "content", [b"no database " * 500, b"SQLite format 3\x00" + b"\xff" * 8000]
)
def test_a_file_that_is_no_database_is_unavailable_and_left_as_it_is(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    shop = Shop(SQLiteStore(path))
    assert shop.receive("msg_1") == 503
    assert shop.runs == []
    assert path.read_bytes() == content


def test_a_file_whose_pages_are_damaged_is_unavailable(path: Path) -> None:
    store = SQLiteStore(path)
    fill(store)
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(StoreUnavailable):
        fill(store)


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open"):
        SQLiteStore(tmp_path / "absent" / "store.sqlite3").claim("msg_1", ["h"], LEASE)


def test_a_file_that_may_not_be_written_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(path)
    store.claim("msg_1", ["h"], LEASE)
    store.close()
    before = path.read_bytes()
    read_only = SQLiteStore(path)
    read_only._writer._path = f"file:{path}?mode=ro"  # As for a program without the right to write.
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sqlite3, "connect", lambda name, **options: connect(name, uri=True, **options)
        )
        with pytest.raises(StoreUnavailable, match="readonly"):
            read_only.claim("msg_2", ["h"], LEASE)
    assert path.read_bytes() == before


def test_the_file_is_in_wal_mode_and_synchronous_is_normal(path: Path) -> None:
    store = SQLiteStore(path)
    store.claim("msg_1", ["h"], LEASE)
    connection = store._writer._connection
    assert connection is not None
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
    store.close()
    assert store.claim("msg_1", ["h"], LEASE).busy == ("h",)  # A closed file is opened again.
    store.close()

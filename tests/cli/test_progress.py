"""What is noted of a replay, and when: nothing that is noted is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from clerk_hooks.cli._progress import Progress
from clerk_hooks.cli._recording import RecordedDelivery
from clerk_hooks.cli._sending import Job, Outcome, Target, send_all
from clerk_hooks.cli._usage import UsageError

from .conftest import Application

URL = "http://127.0.0.1:8000/webhooks/clerk"


def delivery(number: int) -> RecordedDelivery:
    return RecordedDelivery(number, "abc", b"", [])


def test_the_url_is_in_the_file_before_anything_is_delivered(tmp_path: Path) -> None:
    with Progress(tmp_path / "k.jsonl", URL) as progress:
        assert progress.path.read_text() == URL
        with pytest.raises(UsageError, match=r"belongs to http://127\.0\.0\.1:8000"):
            Progress(tmp_path / "k.jsonl", "http://127.0.0.1:9000/")


def test_an_empty_file_is_about_no_url_and_only_what_ended_as_expected_is_noted(
    tmp_path: Path,
) -> None:
    (tmp_path / "k.jsonl.progress").touch()
    with Progress(tmp_path / "k.jsonl", URL) as progress:
        for number, status in ((1, 200), (3, 500)):
            job = Job("user.created", "replay", b"", [], "2xx", delivery(number).note)
            progress.add(Outcome(job, status, 0.1, ""))
    again = Progress(tmp_path / "k.jsonl", URL)
    assert [again.has(delivery(number)) for number in (1, 2, 3)] == [True, False, False]
    again = Progress(tmp_path / "k.jsonl", URL, restart=True)
    assert not again.has(delivery(1))


def test_a_delivery_is_noted_while_the_next_is_not_yet_due(accepts_all: Application) -> None:
    noted, second_is_due = Event(), Event()

    def jobs() -> Iterator[Job]:
        yield Job("user.created", "replay", b"{}", [], "2xx", "1 abc")
        second_is_due.wait(120)
        yield Job("user.created", "replay", b"{}", [], "2xx", "2 abc")

    def note(outcome: Outcome) -> None:
        noted.set()

    target = Target.parse(accepts_all.url)
    outcomes = send_all(jobs(), target, concurrency=2, rate=None, note=note)
    thread = Thread(target=list, args=(outcomes,))
    thread.start()
    try:
        assert noted.wait(60)
    finally:
        second_is_due.set()
        thread.join()

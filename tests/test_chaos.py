"""The chaos of ``python -m tests.chaos``: a short run, and that its verdict can be a bad one."""

import os
import random
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from .chaos.journal import Entry
from .chaos.places import PLACES, AbsentError
from .chaos.plan import Message, plan
from .chaos.run import Outcome, Run, crowd, run
from .chaos.verdict import Verdict, judge
from .stores.backends import slowness

SHORT = Run(events=60, objects=12, kill_every=12, rate=60)

Settings = TypeVar("Settings")
Result = TypeVar("Result")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the servers are forked")


def failures(kind: str, outcome: Outcome) -> list[str]:
    return outcome.verdict.failures(is_transactional=kind.endswith("transactional"))


def side_by_side(
    play: Callable[[str, Settings], Result], settings: Settings, kinds: Collection[str] = PLACES
) -> dict[str, Callable[[], Result]]:
    """Play it with each kind of place, all at once, as each sleeps most of the time."""
    with ThreadPoolExecutor(len(kinds)) as pool:
        played = {kind: pool.submit(play, kind, settings) for kind in kinds}
    return {kind: partial(result_of, future) for kind, future in played.items()}


def result_of(played: Future[Result]) -> Result:
    try:
        return played.result()
    except AbsentError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_nothing_is_lost_and_nothing_done_twice_while_servers_are_killed(
    subtests: pytest.Subtests,
) -> None:
    settings = SHORT._replace(times=SHORT.times.slower(slowness()))
    for kind, get_outcome in side_by_side(run, settings).items():
        with subtests.test(kind):
            outcome = get_outcome()
            assert failures(kind, outcome) == []
            assert outcome.sent > 60
            # The four that are there at the end are killed, too.
            assert outcome.verdict.killed == outcome.sent // 12 + 4
            assert outcome.verdict.effects >= 60 + 12


def test_the_same_message_to_eight_processes_at_once_is_handled_once(
    subtests: pytest.Subtests,
) -> None:
    # One delivery for each process at a time: PostgreSQL has no more than a hundred connections.
    settings = Run(events=60, processes=8, threads=8)
    for kind, get_outcome in side_by_side(crowd, settings).items():
        with subtests.test(kind):
            outcome = get_outcome()
            assert failures(kind, outcome) == []
            assert outcome.verdict.explained == []
            assert outcome.verdict.effects == 3
            assert set(outcome.replies) <= {"200", "409", "500"}


def test_a_plan_has_all_events_and_objects_in_no_order() -> None:
    messages = plan(2_000, 300, random.Random(1))
    assert len({message.id for message in messages}) == 2_000
    assert len({message.object for message in messages}) == 300
    assert len({(message.object, message.time) for message in messages}) == 2_000
    assert sum(message.type == "user.created" for message in messages) == 300
    assert 0 < sum(message.is_delete for message in messages) <= 100
    assert messages != sorted(messages, key=lambda message: message.time)


CREATED = Message("msg_1", "user.created", "user_1", 10)
UPDATED = Message("msg_2", "user.updated", "user_1", 20)
DELETED = Message("msg_3", "user.deleted", "user_1", 30)


def handled(message: Message, at: int, *, handlers: str = "", worker: int = 1) -> list[Entry]:
    """All handlers of a message, or some, from begin to confirm, one nanosecond each."""
    return [
        Entry(at + place, worker, step, message.id, handler, f"{at}", message.object, message.time)
        for handler in handlers.split() or message.handlers
        for place, step in enumerate(("begin", "effect", "confirmed"))
    ]


def verdict(
    messages: Sequence[Message],
    journal: Sequence[Entry],
    acknowledged: dict[str, int] | None = None,
) -> Verdict:
    journal = sorted(journal)
    effects = [entry for entry in journal if entry.step == "effect"]
    objects = {entry.object: entry.time for entry in effects if entry.handler == "mirror"}
    if acknowledged is None:
        acknowledged = {message.id: 1_000 for message in messages}
    return judge(messages, acknowledged, journal, effects, objects)


def counts(verdict: Verdict) -> dict[str, int]:
    """Whatever is not as it should be."""
    lists = {name: value for name, value in verdict._asdict().items() if isinstance(value, list)}
    return {name: len(value) for name, value in lists.items() if value}


def without(journal: list[Entry], step: str) -> list[Entry]:
    return [entry for entry in journal if entry.step != step]


def test_a_good_run() -> None:
    journal = handled(CREATED, 100) + handled(UPDATED, 200) + handled(DELETED, 300)
    assert counts(verdict([CREATED, UPDATED, DELETED], journal)) == {}


def test_a_stale_event_is_no_loss() -> None:
    journal = handled(UPDATED, 100) + handled(CREATED, 200, handlers="audit welcome")
    assert counts(verdict([CREATED, UPDATED], journal)) == {}


def test_a_message_that_was_never_acknowledged_is_a_loss() -> None:
    assert counts(verdict([CREATED], handled(CREATED, 100), {})) == {"losses": 1}


def test_an_effect_that_is_missing_is_a_loss() -> None:
    journal = handled(UPDATED, 100) + handled(CREATED, 200, handlers="audit")
    assert counts(verdict([CREATED, UPDATED], journal)) == {"losses": 1}


def test_a_mirror_that_is_missing_is_a_loss_unless_a_newer_event_was_mirrored() -> None:
    journal = handled(CREATED, 100) + handled(UPDATED, 200, handlers="audit")
    assert counts(verdict([CREATED, UPDATED], journal)) == {"losses": 1, "outdated": 1}


def test_an_acknowledgement_before_the_effect_is_a_loss() -> None:
    assert counts(verdict([CREATED], handled(CREATED, 100), {"msg_1": 100})) == {"losses": 3}
    assert counts(verdict([CREATED], handled(CREATED, 100), {"msg_1": 101})) == {}


def test_an_effect_twice_is_a_duplicate() -> None:
    journal = handled(CREATED, 100) + handled(CREATED, 200)
    assert counts(verdict([CREATED], journal)) == {"duplicates": 3}
    unconfirmed = without(handled(CREATED, 100), "confirmed") + handled(CREATED, 200)
    assert counts(verdict([CREATED], unconfirmed)) == {"duplicates": 3}


@pytest.mark.parametrize(("killed_at", "explains"), [(100, 0), (150, 1), (250, 0)])
def test_a_kill_explains_a_duplicate_only_between_its_effects(
    killed_at: int, explains: int
) -> None:
    first = without(handled(CREATED, 100, handlers="audit", worker=7), "confirmed")
    journal = [*first, Entry(killed_at, 7, "killed"), *handled(CREATED, 200)]
    assert len(verdict([CREATED], journal).explained) == explains
    assert len(verdict([CREATED], journal).duplicates) == 1 - explains


def test_a_kill_of_another_process_explains_nothing() -> None:
    first = without(handled(CREATED, 100, handlers="audit", worker=7), "confirmed")
    journal = [*first, Entry(150, 8, "killed"), *handled(CREATED, 200)]
    assert counts(verdict([CREATED], journal)) == {"duplicates": 1}


def test_a_kill_after_the_confirm_explains_nothing() -> None:
    first = handled(CREATED, 100, handlers="audit", worker=7)
    journal = [*first, Entry(150, 7, "killed"), *handled(CREATED, 200)]
    assert counts(verdict([CREATED], journal)) == {"duplicates": 1}


def test_a_store_that_does_not_answer_to_a_confirm_explains_a_duplicate() -> None:
    first = without(handled(CREATED, 100, handlers="audit"), "confirmed")
    silence = Entry(102, 1, "unconfirmed", "msg_1", "audit", "100")
    journal = [*first, silence, *handled(CREATED, 200)]
    assert counts(verdict([CREATED], journal)) == {"explained": 1}


def test_what_a_kill_explains_is_a_failure_of_a_transactional_store() -> None:
    first = without(handled(CREATED, 100, handlers="audit", worker=7), "confirmed")
    found = verdict([CREATED], [*first, Entry(150, 7, "killed"), *handled(CREATED, 200)])
    assert found.failures(is_transactional=False) == []
    assert len(found.failures(is_transactional=True)) == 1


def test_an_older_event_after_a_newer_one_is_a_stale_run_and_leaves_the_object_outdated() -> None:
    journal = handled(UPDATED, 100) + handled(CREATED, 200)
    assert counts(verdict([CREATED, UPDATED], journal)) == {"stale": 1, "outdated": 1}

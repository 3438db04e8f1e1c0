"""What becomes of a handler's effect, by what it does with its transaction.

Each scene of site/probe/scenes.py is played once, and then its message is delivered again, to a
handler that does as usual.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from .project import Project, Worker


class Result(NamedTuple):
    first: int
    """The status of the first reply."""
    effects: int
    """Effects that are committed after it."""
    log: str = ""
    """In a record of the log."""
    effects_then: int = 1
    """Effects after the second delivery, which always succeeds."""


FAILED = "a statement in the block failed and its error was caught, or the block was marked"
ENDED = "code inside the block has ended the transaction"
NOT_COMMITTED = "returned before the transaction that confirms it was committed"
RESULTS = {
    "plain": Result(200, 1),
    "usual": Result(200, 1),
    "raises_inside": Result(500, 0, "handler write failed"),
    "raises_after": Result(500, 1, "handler write failed"),
    "caught_in_savepoint": Result(200, 1),
    "caught_without_savepoint": Result(500, 0, FAILED),
    "marked_for_rollback": Result(500, 0, FAILED),
    "rolls_back_by_sql": Result(500, 0, ENDED),
    "commits_by_django": Result(500, 0, "forbidden when an 'atomic' block is active"),
    "closes_the_connection": Result(500, 0, ENDED),
    "on_commit_raises": Result(500, 1, "handler write failed"),
    "two_blocks": Result(500, 1, "is confirmed already"),
    "without_with": Result(500, 1, "did not await its confirmation", 2),
    "in_an_outer_block": Result(500, 0, "outside of transaction.atomic()"),
    "forgotten": Result(409, 0, "claim was lost"),
    "another_store": Result(500, 0, "was claimed in another store"),
    "confirm_in": Result(200, 1),
    "confirm_in_twice": Result(200, 1),
    "confirm_in_without_a_transaction": Result(500, 1, "no transaction on the database", 2),
    "confirm_in_and_raise_inside": Result(500, 0, "handler write failed"),
    "confirm_in_and_raise_after": Result(500, 1, "handler write failed"),
    "confirm_in_rolled_back": Result(500, 0, NOT_COMMITTED),
    "confirm_in_a_savepoint_rolled_back": Result(500, 1, NOT_COMMITTED, 2),
    "confirm_in_again_after_a_rollback": Result(200, 1),
    "confirm_in_manual_transaction": Result(200, 1),
}


@pytest.mark.parametrize("path", ["/sync", "/async"])
@pytest.mark.parametrize("scene", RESULTS)
def test_an_effect_is_there_once_or_an_error_says_why(
    worker: Worker, scene: str, path: str
) -> None:
    expected = RESULTS[scene]
    told = worker.do("play", scene=scene, path=path)
    assert told["first"] == expected.first, told
    assert told["effects"] == expected.effects
    assert expected.log in "\n".join(told["log"])
    assert bool(told["log"]) == bool(expected.log)
    assert (told["second"], told["effects_then"]) == (200, expected.effects_then)
    assert not told["is_open"]


@pytest.mark.parametrize("path", ["/sync", "/async"])
@pytest.mark.parametrize(("scene", "calls"), [("on_commit", 1), ("on_commit_after_an_error", 0)])
def test_a_function_given_to_on_commit_runs_after_the_commit_only(
    worker: Worker, scene: str, calls: int, path: str
) -> None:
    told = worker.do("play", scene=scene, path=path)
    assert (told["on_commit"], told["effects"]) == (calls, calls)


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_a_handler_that_was_taken_over_leaves_no_effect(
    project: Project, worker: Worker, path: str
) -> None:
    if project.vendor == "sqlite3":
        pytest.skip("nobody can write while a handler's block has the lock for it")
    told = worker.do("play", scene="taken_over", path=path)
    assert (told["first"], told["effects"]) == (409, 0)
    assert "claim was lost" in told["log"][0]


def test_autocommit_that_a_handler_turned_off_is_an_error_and_not_a_200(worker: Worker) -> None:
    told = worker.do("play", scene="turns_autocommit_off")
    assert told["first"].startswith("outer_transaction ConfigurationError")
    assert told["effects"] == 0


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_a_confirmation_that_nobody_commits_is_an_error_and_not_a_200(
    worker: Worker, path: str
) -> None:
    told = worker.do("play", scene="confirm_in_without_a_commit", path=path)
    assert (told["first"], told["effects"]) == (500, 0), told
    assert NOT_COMMITTED in told["log"][0]


def test_an_endpoint_in_a_transaction_of_the_app_is_refused(worker: Worker) -> None:
    told = worker.do("play", scene="usual", path="/outer")
    assert told["first"].startswith("outer_transaction ConfigurationError: claim: a transaction on")
    assert told["effects_then"] == 0


def test_on_the_event_loop_the_error_names_sync_to_async(worker: Worker) -> None:
    told = worker.do("play", scene="on_the_loop", path="/async")
    assert told["first"] == 500
    assert "behind sync_to_async" in told["log"][0]

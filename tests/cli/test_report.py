"""What is said of replies; the commands' own tests have most of it."""

from __future__ import annotations

import pytest

from clerk_hooks.cli._report import report
from clerk_hooks.cli._sending import Job, Outcome


def test_a_status_with_few_replies_has_no_percentiles_beside_one_with_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = Outcome(Job("user.created", "delivery", b"", [], "2xx"), 200, 0.01, "")
    assert not report([*20 * [many], many._replace(status=500)], 21, as_json=False)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["200", "20", *4 * ("10.0", "ms")] in table
    assert ["500", "1", "10.0", "ms", "-", "-", "10.0", "ms"] in table


def test_a_message_id_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    job = Job("user.created", "replay", b"", [("svix-id", "\x1b[2J")], "2xx")
    assert report([Outcome(job, 200, 0.01, "")], 1, as_json=False)
    assert "\x1b" not in capsys.readouterr().out

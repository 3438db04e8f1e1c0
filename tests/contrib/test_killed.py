"""Processes that are killed at any point of a delivery: the effect is there exactly once."""

from __future__ import annotations

import os

import pytest

from .project import Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


@pytest.mark.parametrize(("scene", "path"), [("usual", "/sync"), ("confirm_in", "/async")])
def test_after_a_kill_at_any_point_the_effect_is_there_exactly_once(
    worker: Worker, scene: str, path: str
) -> None:
    told = worker.do("kill", scene=scene, path=path)
    for point, (before, within_lease, after_lease, at_last) in enumerate(told):
        assert (after_lease, at_last) == (200, 1), point
        assert within_lease in ((200,) if before else (200, 409)), point
    effects = [before for before, *_ in told]
    assert effects == sorted(effects)  # Absent up to the commit, there from then on.
    assert set(effects) == {0, 1}
    assert 409 in [status for _, status, _, _ in told]

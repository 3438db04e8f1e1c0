"""The targets of ``python -m tests.fuzz``, without atheris: their corpus, changed a little."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from clerk_hooks import Delivery, Verifier

from .fuzz import request, seeds, targets
from .fuzz.mutator import change


@pytest.fixture(autouse=True)
def _loop_ends() -> Iterator[None]:
    yield
    targets.loop().close()
    targets.loop.cache_clear()


@pytest.mark.parametrize("target", targets.TARGETS, ids=lambda target: target.__name__)
def test_the_promise_holds_for_the_corpus_and_for_changed_json(target: Any) -> None:
    chance = random.Random(1)
    for seed in targets.TARGETS[target]():
        target(seed)
        for _ in range(3):
            changed = change(seed, chance)
            if changed is not None:
                target(changed)


def test_the_corpus_has_genuine_requests_and_others() -> None:
    verdicts = [request.read(seed).is_genuine for seed in seeds.requests()]
    assert sum(verdicts) > 50
    assert verdicts.count(False) > 10


class Accepting(Verifier):
    def verify(self, body: Any, headers: Any) -> Delivery:
        return Delivery("msg_1", request.NOW, body)


@pytest.mark.parametrize("verifier", [Accepting(request.SECRET), Verifier("whsec_" + "A" * 32)])
@pytest.mark.parametrize("target", [targets.verify, targets.endpoint])
def test_a_verifier_that_errs_is_found(
    monkeypatch: pytest.MonkeyPatch, target: Any, verifier: Verifier
) -> None:
    monkeypatch.setattr(targets, "VERIFIER", verifier)
    found = 0
    for seed in seeds.requests():
        try:
            target(seed)
        except AssertionError:
            found += 1
    assert found > 10

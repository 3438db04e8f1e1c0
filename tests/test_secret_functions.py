"""A secret that a function returns: called at the first delivery, once, and checked then."""

import threading
import time
from base64 import b64encode
from typing import Any

import pytest

from clerk_hooks import (
    Endpoint,
    NoMatchingSignature,
    Router,
    SecretError,
    SvixVerifier,
    Verifier,
    sign,
    verify,
)

SECRETS = ["whsec_" + b64encode(bytes([n]) * 24).decode() for n in range(3)]
SECRET = SECRETS[0]
BODY = b'{"type": "user.created", "data": {"id": "user_1"}}'
HEADERS = sign(BODY, secret=SECRET)


class Vault:
    """A function that returns a secret, counts its calls, and may fail at first."""

    def __init__(self, secret: Any = SECRET, *, failures: int = 0, seconds: float = 0) -> None:
        self.calls = 0
        self._secret, self._failures, self._seconds = secret, failures, seconds

    def __call__(self) -> Any:
        self.calls += 1
        time.sleep(self._seconds)
        if self.calls <= self._failures:
            raise TimeoutError("the vault does not answer")
        return self._secret


@pytest.mark.parametrize("kind", [Verifier, SvixVerifier])
def test_it_is_called_at_the_first_delivery_and_its_result_is_kept(kind: type[Verifier]) -> None:
    vault = Vault()
    verifier = kind(vault)
    assert vault.calls == 0
    for _ in range(3):
        assert verifier.verify(BODY, HEADERS).payload == BODY
    assert vault.calls == 1


def test_it_is_not_called_for_a_request_without_signature_headers() -> None:
    vault = Vault()
    endpoint = Endpoint(Router(), secret=vault)
    assert endpoint.receive(BODY, {}).status == 400
    assert vault.calls == 0
    assert endpoint.receive(BODY, HEADERS).status == 200
    assert vault.calls == 1


@pytest.mark.parametrize("kind", [Verifier, SvixVerifier])
def test_it_may_be_one_of_several_secrets(kind: type[Verifier]) -> None:
    vaults = [Vault(SECRETS[0]), Vault(SECRETS[1].encode())]
    verifier = kind([vaults[0], SECRETS[2], vaults[1]])
    for secret in SECRETS:
        assert verifier.verify(BODY, sign(BODY, secret=secret)).payload == BODY
    with pytest.raises(NoMatchingSignature):
        verifier.verify(BODY, sign(BODY, secret="whsec_" + "B" * 32))
    assert [vault.calls for vault in vaults] == [1, 1]


def test_texts_beside_it_are_checked_at_once() -> None:
    vault = Vault()
    with pytest.raises(SecretError, match="an API key"):
        Verifier([vault, "sk_test_0123456789abcdef"])
    assert vault.calls == 0


def test_what_fails_is_tried_again_at_the_next_delivery() -> None:
    vault = Vault(failures=2)
    verifier = Verifier(vault)
    for _ in range(2):
        with pytest.raises(SecretError, match="raised TimeoutError") as caught:
            verifier.verify(BODY, HEADERS)
        assert isinstance(caught.value.__cause__, TimeoutError)
    assert verifier.verify(BODY, HEADERS).payload == BODY
    assert vault.calls == 3


def test_an_error_of_this_library_stays_as_it_is() -> None:
    def unset() -> str:
        raise SecretError("settings.CLERK_WEBHOOK_SIGNING_SECRET is not set", reason="missing")

    with pytest.raises(SecretError, match="settings") as caught:
        Verifier(unset).verify(BODY, HEADERS)
    assert caught.value.reason == "missing"


def test_a_wrong_result_is_refused_when_it_is_called() -> None:
    verifier = Verifier(Vault("sk_test_0123456789abcdef"))
    with pytest.raises(SecretError, match="an API key"):
        verifier.verify(BODY, HEADERS)


def test_threads_that_come_at_the_same_time_call_it_once() -> None:
    vault = Vault(seconds=0.05)
    verifier = Verifier(vault)
    verified: list[bytes] = []
    start = threading.Barrier(20)

    def receive() -> None:
        start.wait()
        verified.append(verifier.verify(BODY, HEADERS).payload)

    threads = [threading.Thread(target=receive) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verified == [BODY] * 20
    assert vault.calls == 1


def test_one_that_needs_its_own_verifier_is_an_error_and_not_a_deadlock() -> None:
    verifier = Verifier(lambda: verifier.verify(BODY, HEADERS).type)
    with pytest.raises(SecretError):
        verifier.verify(BODY, HEADERS)


def test_verify_and_sign_call_it_each_time() -> None:
    vault = Vault()
    headers = sign(BODY, secret=vault)
    assert verify(BODY, headers, secret=vault).payload == BODY
    assert vault.calls == 2


def test_the_repr_counts_it_as_one_secret() -> None:
    verifier = Verifier([Vault(f"{SECRETS[0]} {SECRETS[1]}"), SECRETS[2]])
    assert repr(verifier) == "<Verifier secrets=2 tolerance=0:05:00>"
    verifier.verify(BODY, HEADERS)
    assert repr(verifier) == "<Verifier secrets=3 tolerance=0:05:00>"

"""Signing secrets: which texts are one, where they come from, and what the refusals say."""

import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, SecretError, Verifier, sign, verify
from clerk_hooks.secret import read_keys

KEY = bytes(range(200, 224))  # Its base64 holds characters outside the URL-safe alphabet.
SECRET = "whsec_" + b64encode(KEY).decode()
OTHER_KEY = b"sixteen bytes..."
OTHER_SECRET = "whsec_" + b64encode(OTHER_KEY).decode()
VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(SECRET, id="prefix"),
        pytest.param(SECRET.removeprefix("whsec_"), id="no prefix"),
        pytest.param(SECRET.encode(), id="bytes"),
        pytest.param(SECRET.removeprefix("whsec_").encode(), id="bytes without prefix"),
        pytest.param(f"\t {SECRET}\r\n", id="blanks"),
        pytest.param(f'"{SECRET}"', id="double quotes"),
        pytest.param(f"'{SECRET}'\n", id="single quotes"),
        pytest.param(f'" {SECRET} "', id="blanks inside quotes"),
        pytest.param([SECRET], id="list"),
        pytest.param((SECRET.encode(),), id="tuple of bytes"),
        pytest.param(iter([SECRET]), id="iterator"),
        pytest.param({SECRET}, id="set"),
    ],
)
def test_a_secret_is_read_in_any_form(secret: Any) -> None:
    assert read_keys(secret) == (KEY,)


@pytest.mark.parametrize("length", [16, 17, 18, 23, 24, 32, 64])
@pytest.mark.parametrize("padding", ["none", "half", "full", "excess"])
def test_padding_is_optional(length: int, padding: str) -> None:
    key = bytes(range(length))
    text = b64encode(key).decode()
    spelt = {
        "none": text.rstrip("="),
        "half": text.removesuffix("="),
        "full": text,
        "excess": text.rstrip("=") + "==",
    }
    assert read_keys("whsec_" + spelt[padding]) == (key,)


def test_the_unused_bits_at_the_end_are_not_checked() -> None:
    assert read_keys("AAAAAAAAAAAAAAAAAAAAAB==") == read_keys("AAAAAAAAAAAAAAAAAAAAAA==")


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param([SECRET, OTHER_SECRET], id="list"),
        pytest.param((secret for secret in (SECRET, OTHER_SECRET)), id="generator"),
        pytest.param(f"{SECRET} {OTHER_SECRET}", id="text"),
        pytest.param(f"{SECRET}\n{OTHER_SECRET}\n".encode(), id="lines of bytes"),
        pytest.param(f'"{SECRET}" "{OTHER_SECRET}"', id="each quoted"),
        pytest.param(f'"{SECRET} {OTHER_SECRET}"', id="quoted together"),
    ],
)
def test_several_secrets_keep_their_order(secrets: Any) -> None:
    assert read_keys(secrets) == (KEY, OTHER_KEY)


def test_texts_in_a_list_may_hold_several_secrets_too() -> None:
    assert read_keys([SECRET, f"{OTHER_SECRET} {SECRET}"]) == (KEY, OTHER_KEY, KEY)


@pytest.mark.parametrize("secret", ["", " \n", "whsec_", "whsec_==", b"", "''", [""], [], ()])
def test_no_secret_at_all_is_missing(secret: Any) -> None:
    with pytest.raises(SecretError) as caught:
        read_keys(secret)
    assert caught.value.reason == "missing_secret"


NOT_SECRETS = [
    pytest.param("not-a-secret", "expected whsec_ and base64", id="other text"),
    pytest.param("whsec_your_secret_here", "expected whsec_ and base64", id="placeholder"),
    pytest.param("whsec_" + SECRET, "expected whsec_ and base64", id="prefix twice"),
    pytest.param("whsec_=" + SECRET[6:], "expected whsec_ and base64", id="padding first"),
    pytest.param(SECRET + "A", "expected whsec_ and base64", id="no base64 length"),
    pytest.param(SECRET + "===", "expected whsec_ and base64", id="too much padding"),
    pytest.param("whsec_" + urlsafe_b64encode(KEY).decode(), "base64", id="URL-safe alphabet"),
    pytest.param(SECRET + "\u00e9", "expected whsec_ and base64", id="not ASCII"),
    pytest.param(SECRET.encode() + b"\xff", "expected whsec_ and base64", id="bytes not ASCII"),
    pytest.param(f"{SECRET},{OTHER_SECRET}", "expected whsec_ and base64", id="comma"),
    pytest.param(f"{SECRET} nonsense!", "expected whsec_ and base64", id="one of two is none"),
    pytest.param("whsec_" + b64encode(bytes(15)).decode(), "under 16 bytes", id="15 bytes"),
    pytest.param("sk_test_" + SECRET[6:], r"an API key \(sk_", id="API key"),
    pytest.param("pk_live_" + SECRET[6:], r"a publishable key \(pk_", id="publishable key"),
    pytest.param("whpk_" + SECRET[6:], "an asymmetric public key", id="asymmetric public key"),
    pytest.param("whsk_" + SECRET[6:], "an asymmetric private key", id="asymmetric private key"),
    pytest.param(5, "not int", id="int"),
    pytest.param(True, "not bool", id="bool"),
    pytest.param({SECRET: OTHER_SECRET}, "not dict", id="dict"),
    pytest.param(bytearray(SECRET.encode()), "not bytearray", id="bytearray"),
    pytest.param(memoryview(SECRET.encode()), "not memoryview", id="memoryview"),
    pytest.param([SECRET, None], "not NoneType", id="None among them"),
    pytest.param([[SECRET]], "not list", id="nested list"),
    pytest.param((1 // 0 for _ in (SECRET,)), "cannot be read", id="broken iterable"),
]


@pytest.mark.parametrize(("secret", "message"), NOT_SECRETS)
def test_what_is_no_secret_is_refused(secret: Any, message: str) -> None:
    with pytest.raises(SecretError, match=message) as caught:
        read_keys(secret)
    assert isinstance(caught.value, ConfigurationError)
    assert caught.value.reason == "bad_secret"


@pytest.mark.parametrize(
    "use",
    [
        Verifier,
        lambda secret: verify(b"", {}, secret=secret),
        lambda secret: sign(b"", secret=secret),
    ],
    ids=["Verifier", "verify", "sign"],
)
@pytest.mark.parametrize(
    "secret", ["whsec_c3VwZXJzZWNyZXQ", ["sk_c3VwZXJzZWNyZXQ"], b"c3VwZXJzZWNyZXQ!"]
)
def test_a_refused_secret_is_not_repeated(use: Callable[[Any], object], secret: Any) -> None:
    with pytest.raises(SecretError) as caught:
        use(secret)
    error = caught.value
    shown = [str(error), repr(error), *traceback.format_exception_only(type(error), error)]
    assert not any("c3VwZ" in text or "supersecret" in text for text in shown)


def test_the_environment_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f" {SECRET}\n{OTHER_SECRET} ")
    assert read_keys(None) == (KEY, OTHER_KEY)


@pytest.mark.parametrize("value", [None, "", "  "], ids=["unset", "empty", "blank"])
def test_an_unset_variable_is_named(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SecretError, match=f"^{VARIABLE} is not set; copy .* Clerk") as caught:
        read_keys(None)
    assert caught.value.reason == "missing_secret"


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["CLERK_WEBHOOK_SECRET"], "CLERK_WEBHOOK_SECRET"),
        (["SIGNING_SECRET"], "SIGNING_SECRET"),
        (["WEBHOOK_SECRET"], "WEBHOOK_SECRET"),
        (["WEBHOOK_SECRET", "CLERK_WEBHOOK_SECRET"], "CLERK_WEBHOOK_SECRET"),
    ],
)
def test_a_variable_of_another_name_is_pointed_at(
    names: Iterable[str], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(SecretError, match=f"^{VARIABLE} is not set; but {hint} is") as caught:
        read_keys(None)
    assert SECRET not in str(caught.value)


def test_a_variable_that_holds_no_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "sk_test_nonsense")
    with pytest.raises(SecretError, match="an API key"):
        read_keys(None)

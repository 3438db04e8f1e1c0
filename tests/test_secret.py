"""Signing secrets: which texts are one, where they come from, and what the refusals say."""

import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import Secret, SecretBytes, SecretStr

from clerk_hooks import ConfigurationError, SecretError, Verifier, sign, verify
from clerk_hooks.secret import read_keys as keys_or_problem

KEY = bytes(range(200, 224))  # Its base64 holds characters outside the URL-safe alphabet.
SECRET = "whsec_" + b64encode(KEY).decode()
OTHER_KEY = b"sixteen bytes..."
OTHER_SECRET = "whsec_" + b64encode(OTHER_KEY).decode()
VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


def read_keys(secret: Any) -> tuple[bytes, ...]:
    """The keys in a secret; the problem is raised, as by a public function."""
    keys = keys_or_problem(secret)
    if isinstance(keys, SecretError):
        raise keys
    return keys


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


@pytest.mark.parametrize("length", [*range(16, 33), 64])
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


SLIPS = {
    "v1, in front": (f"v1,{SECRET}", "begins with `v1,`"),
    "a name in front": (f"{VARIABLE}={SECRET}", "preceded by a name"),
    "a name in front, without the prefix": (f"{VARIABLE}={SECRET[6:]}", "preceded by a name"),
    "a shell's line": (f'export X="{SECRET}"', "preceded by a name"),
    "a line of YAML": (f"secret: {SECRET}", "preceded by a name"),
    "the prefix twice": (f"whsec_{SECRET}", "the prefix whsec_ twice"),
    "typographic quotes": (f"\u201c{SECRET}\u201d", "typographic quotes"),
    "a literal newline": (f"{SECRET}\\n", "a literal \\\\n"),
    "a comment": (f"{SECRET}  # from the dashboard", "it is followed by a comment"),
    "a comma": (f"{SECRET},", "it is followed by a comma or semicolon"),
    "a semicolon": (f"{SECRET} ;", "it is followed by a comma or semicolon"),
    "two with a comma": (f"{SECRET},{OTHER_SECRET}", "where a space belongs"),
    "a byte order mark": (f"\ufeff{SECRET}", "a byte order mark"),
    "a byte order mark in bytes": (b"\xef\xbb\xbf" + SECRET.encode(), "a byte order mark"),
    "brackets": (f"<{SECRET}>", "brackets"),
    "a list of JSON": (f'["{SECRET}"]', "brackets"),
    "an invisible space": (f"{SECRET}\u200b", "an invisible character"),
    "encoded for a URL": (SECRET + "%3D", "encoded for a URL"),
    "URL-safe base64": ("whsec_" + urlsafe_b64encode(KEY).decode(), "URL-safe alphabet"),
    "a shell's line of Windows": (f"set X={SECRET}", "preceded by a name"),
    "a line of PowerShell": (f"$env:X={SECRET}", "preceded by a name"),
    "a comment without a space": (f"{SECRET}#prod", "it is followed by a comment"),
    "a comment of C": (f"{SECRET} // prod", "it is followed by a comment"),
    "two with a semicolon": (f"{SECRET};{OTHER_SECRET}", "where a space belongs"),
    "bytes as Python writes them": (repr(SECRET.encode()), "as Python writes bytes"),
    "shortened": (f"{SECRET[:9]}...", "shortened or masked"),
    "masked": ("whsec_" + "\u2022" * 12, "shortened or masked"),
    "the prefix in capitals": (f"WHSEC_{SECRET[6:]}", "prefix is not spelt whsec_"),
    "the prefix with a hyphen": (f"whsec-{SECRET[6:]}", "prefix is not spelt whsec_"),
    "a letter that looks like another": (f"whse\u0441_{SECRET[6:]}", "not ASCII"),
    "a scheme of HTTP": (f"Bearer {SECRET}", "other words before or after it"),
    "broken in two": (f"{SECRET[:9]} {SECRET[9:]}", "other words before or after it"),
    "the id of an endpoint": ("ep_2abcdefghijklmnopqrstuvwxyz", "the id of an endpoint"),
    "base64 of it": (b64encode(SECRET.encode()).decode(), "base64-encoded a second time"),
    "base64 of it in quotes": (b64encode(f'"{SECRET}"'.encode()).decode(), "a second time"),
    "base64 of its assignment": (b64encode(f"X={SECRET}".encode()).decode(), "a second time"),
    "base64 of its base64": (b64encode(b64encode(SECRET.encode())).decode(), "a second time"),
    "base64 of its line": (b64encode(f"{SECRET}\n".encode()).decode(), "a second time"),
    "base64 of it, with the prefix": (
        "whsec_" + b64encode(SECRET.encode()).decode(),
        "a second time",
    ),
}


@pytest.mark.parametrize(("secret", "message"), SLIPS.values(), ids=SLIPS)
def test_the_refusal_says_what_is_wrong_with_a_secret_and_repeats_no_part_of_it(
    secret: Any, message: str
) -> None:
    with pytest.raises(SecretError, match=message) as caught:
        Verifier(secret)
    assert caught.value.reason == "bad_secret"
    assert not any(SECRET[at : at + 6] in str(caught.value) for at in range(6, len(SECRET) - 6))


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(SecretStr(SECRET), id="SecretStr"),
        pytest.param(SecretBytes(SECRET.encode()), id="SecretBytes"),
        pytest.param(SecretStr(f'"{SECRET}"\n'), id="quoted"),
        pytest.param([SecretStr(SECRET)], id="in a list"),
        pytest.param(lambda: SECRET, id="function"),
        pytest.param(lambda: SecretStr(SECRET), id="function that returns a SecretStr"),
        pytest.param([SECRET.encode], id="function in a list"),
    ],
)
def test_a_secret_may_be_held_by_an_object_or_returned_by_a_function(secret: Any) -> None:
    assert read_keys(secret) == (KEY,)


def test_all_forms_may_stand_beside_each_other() -> None:
    secrets = [lambda: f"{SECRET} {OTHER_SECRET}", SecretStr(OTHER_SECRET), SECRET.encode()]
    assert read_keys(secrets) == (KEY, OTHER_KEY, OTHER_KEY, KEY)


async def fetch() -> str:
    return SECRET


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (SecretStr("sk_test_" + SECRET[6:]), "an API key"),
        (SecretStr(""), "empty"),
        (SecretStr, "cannot be read"),
        (Secret(5), "not int"),
        (lambda: Secret(5), "not int"),
        (lambda: None, "not NoneType"),
        (lambda: [SECRET], "not list"),
        (lambda: lambda: SECRET, "not function"),
        (fetch, "the function passed as secret is async"),
        (lambda: 1 // 0, "the function passed as secret raised ZeroDivisionError"),
        (lambda text: text, "the function passed as secret raised TypeError"),
    ],
)
def test_what_an_object_or_a_function_gives_is_checked(secret: Any, message: str) -> None:
    with pytest.raises(SecretError, match=message):
        read_keys(secret)


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
    "names",
    [
        ["CLERK_WEBHOOK_SECRET"],
        ["A_NAME_OF_YOUR_OWN"],
        ["CLERK_BILLING_WEBHOOK_SECRET", "SVIX_KEY", "WEBHOOK_SECRET"],
    ],
)
@pytest.mark.parametrize("value", [SECRET, f' "{SECRET}"\n'], ids=["bare", "quoted"])
def test_variables_of_other_names_are_pointed_at(
    names: list[str], value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setenv(name, value)
    verb = "is: rename it" if len(names) == 1 else "are: rename one"
    with pytest.raises(SecretError) as caught:
        read_keys(None)
    assert f"{VARIABLE} is not set; but {' and '.join(names)} {verb}" in str(caught.value)
    assert SECRET[6:] not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (f"{VARIABLE}={SECRET}\n", VARIABLE),
        (f"export {VARIABLE}='{SECRET}'\nDEBUG=1\n", VARIABLE),
        (f'WEBHOOK_SECRET="{SECRET}"\n', "WEBHOOK_SECRET"),
        (f"A={SECRET}\n{VARIABLE} = {SECRET}\n", VARIABLE),
        (f"# {VARIABLE}={SECRET}\n", None),
        ("DEBUG=1\n", None),
        ("x\n" * 10**6 + f"{VARIABLE}={SECRET}", None),
        (None, None),
    ],
    ids=["it", "it and more", "another", "both", "a comment", "other settings", "huge", "a folder"],
)
def test_a_dotenv_that_nothing_loaded_is_named(
    content: str | None, named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is None:
        Path(".env").mkdir()
    else:
        Path(".env").write_text(content)
    with pytest.raises(SecretError) as caught:
        read_keys(None)
    hint = f"the file .env in this folder sets {named}: nothing has loaded that file"
    assert (hint in str(caught.value)) == (named is not None)
    assert (".env" in str(caught.value)) == (named is not None)
    assert SECRET[6:] not in str(caught.value)


def test_a_variable_that_holds_no_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "sk_test_nonsense")
    with pytest.raises(SecretError, match="an API key"):
        read_keys(None)

"""Headers: every container that frameworks hand over, the two families, and the refusals."""

import re
from collections.abc import Iterator, Mapping
from email.message import Message
from http.client import parse_headers
from io import BytesIO
from types import MappingProxyType
from typing import Any

import pytest
from starlette.datastructures import Headers as StarletteHeaders
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from werkzeug.datastructures import EnvironHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.test import EnvironBuilder

from clerk_hooks import ClerkHooksError, InputTypeError, MalformedHeader, MissingHeader
from clerk_hooks import headers as module
from clerk_hooks.headers import SignatureHeaders, read_headers

SVIX = {"svix-id": "msg_1", "svix-timestamp": "1700000000", "svix-signature": "v1,abc="}
WEBHOOK = {name.replace("svix", "webhook"): value for name, value in SVIX.items()}
VALUES = (b"msg_1", b"1700000000", b"v1,abc=")
OTHERS = {"Host": "example.com", "User-Agent": "Svix-Webhooks/1.24", "Content-Type": "text/plain"}
PAIRS = [*OTHERS.items(), *SVIX.items()]


def read(headers: Any) -> SignatureHeaders:
    """What `read_headers` returns; the problem is raised, as by a public function."""
    found = read_headers(headers)
    if isinstance(found, ClerkHooksError):
        raise found
    return found


class DjangoLikeHeaders(Mapping[str, str]):
    """Like `django.http.request.HttpHeaders`: a mapping that is no dict, in Title-Case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.title(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.title()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def bytes_pairs() -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in PAIRS]


def message() -> Message:
    headers = Message()
    for name, value in PAIRS:
        headers[name] = value
    return headers


def wire() -> BytesIO:
    return BytesIO("".join(f"{name}: {value}\r\n" for name, value in PAIRS).encode() + b"\r\n")


def environ() -> dict[str, Any]:
    return EnvironBuilder(method="POST", headers=PAIRS).get_environ()


def asgi_scope() -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/", "headers": bytes_pairs()}


CONTAINERS: dict[str, Any] = {
    "dict": dict(PAIRS),
    "dict in Title-Case": {name.title(): value for name, value in PAIRS},
    "dict in upper case": {name.upper(): value for name, value in PAIRS},
    "dict of bytes": dict(bytes_pairs()),
    "dict of upper-case bytes": {name.upper(): value for name, value in bytes_pairs()},
    "text to bytes": {name: value.encode() for name, value in PAIRS},
    "text to bytearray": {name: bytearray(value.encode()) for name, value in PAIRS},
    "bytes to text": {name.encode(): value for name, value in PAIRS},
    "dict of lists": {name: [value] for name, value in PAIRS},
    "dict of lists with copies": {name: [value, f" {value}"] for name, value in PAIRS},
    "dict of lists of bytes": {name: [value.encode()] for name, value in PAIRS},
    "dict of tuples": {name: (value,) for name, value in PAIRS},
    "read-only mapping": MappingProxyType(dict(PAIRS)),
    "list of pairs": PAIRS,
    "list of lists": [list(pair) for pair in PAIRS],
    "tuple of pairs": tuple(PAIRS),
    "set of pairs": set(PAIRS),
    "items of a dict": dict(PAIRS).items(),
    "generator of pairs": (pair for pair in PAIRS),
    "Starlette headers": StarletteHeaders(dict(PAIRS)),
    "Starlette mutable headers": MutableHeaders(raw=bytes_pairs()),
    "Starlette request.headers": Request(asgi_scope()).headers,
    "Werkzeug headers": WerkzeugHeaders(PAIRS),
    "Werkzeug request.headers": EnvironHeaders(environ()),
    "WSGI environ": environ(),
    "ASGI scope's list": asgi_scope()["headers"],
    "email.message": message(),
    "http.client and http.server": parse_headers(wire()),
    "Django's request.headers": DjangoLikeHeaders(dict(PAIRS)),
    "with other keys": {**dict(PAIRS), 5: "five", None: None, ("svix", "id"): object()},
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_is_read(container: str) -> None:
    assert read(CONTAINERS[container]) == VALUES


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(WEBHOOK, id="webhook"),
        pytest.param({**dict.fromkeys(WEBHOOK, "other"), **SVIX}, id="svix first"),
        pytest.param({**WEBHOOK, "svix-id": "other"}, id="svix not whole"),
        pytest.param({**WEBHOOK, **SVIX, "svix-id": " "}, id="svix with a blank"),
        pytest.param({**SVIX, "webhook-id": "other"}, id="webhook not whole"),
    ],
)
def test_the_family_that_is_whole_is_read(headers: dict[str, str]) -> None:
    assert read(headers) == VALUES


def test_spaces_and_tabs_around_values_are_stripped_and_nothing_else() -> None:
    headers = {
        "svix-id": "\t msg_1\x0b\r\n",
        "svix-timestamp": b" 1700000000\t",
        "svix-signature": "\u00a0v1,abc=\u2003",
    }
    values = (b"msg_1\x0b\r\n", b"1700000000", "\u00a0v1,abc=\u2003".encode())
    assert read(headers) == values


@pytest.mark.parametrize("blank", ["", " ", "\t \t", b"", b" ", None, [], [""], (None, " ")])
@pytest.mark.parametrize("name", SVIX)
def test_a_blank_value_is_a_missing_one(name: str, blank: object) -> None:
    with pytest.raises(MissingHeader, match=f"^{name} missing or blank"):
        read({**SVIX, name: blank})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([*PAIRS, *PAIRS], id="pairs"),
        pytest.param({**SVIX, "Svix-Id": " msg_1"}, id="other case and blanks"),
        pytest.param({**SVIX, b"svix-id": b"msg_1"}, id="text and bytes"),
        pytest.param({**SVIX, "HTTP_SVIX_ID": "msg_1"}, id="environ's spelling"),
        pytest.param([*PAIRS, ("svix-id", "")], id="a blank one after"),
        pytest.param([("svix-id", ""), *PAIRS], id="a blank one before"),
        pytest.param({**SVIX, "svix-id": ["", "msg_1"]}, id="a blank one in a list"),
    ],
)
def test_copies_that_agree_are_fine(headers: Any) -> None:
    assert read(headers) == VALUES


@pytest.mark.parametrize("name", [*SVIX, *WEBHOOK])
@pytest.mark.parametrize("first", [True, False], ids=["other first", "other last"])
def test_copies_that_differ_are_refused(name: str, first: bool) -> None:
    other = [(name.upper(), "other")]
    pairs = [*SVIX.items(), *WEBHOOK.items()]
    with pytest.raises(MalformedHeader, match="more than once") as caught:
        read([*other, *pairs] if first else [*pairs, *other])
    assert caught.value.reason == "duplicate_header"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({**SVIX, "svix-id": ["msg_1", "msg_2"]}, id="list"),
        pytest.param({**SVIX, "svix-id": ("msg_1", b"msg_2")}, id="tuple"),
        pytest.param({**SVIX, b"svix-id": b"msg_2"}, id="text and bytes"),
        pytest.param({**SVIX, "HTTP_SVIX_ID": "msg_2"}, id="environ's spelling"),
        pytest.param(WerkzeugHeaders([*PAIRS, ("Svix-Id", "msg_2")]), id="Werkzeug"),
        pytest.param(MutableHeaders(raw=[*bytes_pairs(), (b"svix-id", b"x")]), id="Starlette"),
    ],
)
def test_copies_that_differ_are_refused_in_any_container(headers: Any) -> None:
    with pytest.raises(MalformedHeader) as caught:
        read(headers)
    assert caught.value.reason == "duplicate_header"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        pytest.param({}, "svix-id, svix-timestamp and svix-signature are missing", id="none"),
        pytest.param(dict(OTHERS), "this is not a delivery from Clerk", id="others only"),
        pytest.param({"xsvix-id": "x", "svix_id": "x"}, "are missing", id="similar names"),
        pytest.param(
            {"svix-id": "msg_1"}, "^svix-timestamp and svix-signature missing or blank", id="one"
        ),
        pytest.param(
            {name: WEBHOOK[name] for name in list(WEBHOOK)[:2]},
            "^webhook-signature missing or blank; a proxy",
            id="two",
        ),
        pytest.param(
            {"svix-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"},
            "one family must be complete",
            id="mixed",
        ),
    ],
)
def test_the_message_says_what_is_missing(headers: dict[str, str], message: str) -> None:
    with pytest.raises(MissingHeader, match=message) as caught:
        read(headers)
    assert caught.value.reason == "missing_header"


class Broken:
    """A container that fails when it is read."""

    def items(self) -> object:
        raise KeyError("svix-id")


def failing_pairs() -> Iterator[tuple[str, str]]:
    yield "svix-id", "msg_1"
    raise RuntimeError("the connection is gone")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(None, id="None"),
        pytest.param(5, id="int"),
        pytest.param("svix-id: msg_1", id="text"),
        pytest.param(b"svix-id: msg_1", id="bytes"),
        pytest.param("", id="empty text"),
        pytest.param(b"", id="empty bytes"),
        pytest.param(bytearray(b"svix-id"), id="bytearray"),
        pytest.param(memoryview(b"svix-id"), id="memoryview"),
        pytest.param(["svix-id", "svix-timestamp"], id="names only"),
        pytest.param([("svix-id", "msg_1", "more")], id="triples"),
        pytest.param([([], "unhashable")], id="unhashable name"),
        pytest.param(dict, id="a class"),
        pytest.param(object(), id="object"),
        pytest.param(Broken(), id="broken items"),
        pytest.param(failing_pairs(), id="broken iterator"),
    ],
)
def test_what_is_no_container_of_headers_is_a_type_error(headers: Any) -> None:
    with pytest.raises(InputTypeError, match="pass the request's headers") as caught:
        read(headers)
    assert caught.value.reason == "bad_headers"
    assert type(headers).__name__ in str(caught.value)


@pytest.mark.parametrize("value", [5, 1.5, True, {"a": 1}, object(), [["msg_1"], 5], {"msg_1"}])
@pytest.mark.parametrize("name", SVIX)
def test_a_value_that_is_no_text_is_a_type_error(name: str, value: object) -> None:
    with pytest.raises(InputTypeError, match="the value of a signature header is of type"):
        read({**SVIX, name: value})


@pytest.mark.parametrize(
    "rename",
    [
        pytest.param(lambda name: name.replace("-", "_"), id="a Python parameter"),
        pytest.param(lambda name: "http_" + name.replace("-", "_"), id="CGI in lower case"),
        pytest.param(lambda name: f"X-{name}", id="a prefix"),
        pytest.param(lambda name: name.replace("-", "").encode(), id="no hyphen, in bytes"),
    ],
)
@pytest.mark.parametrize("family", [SVIX, WEBHOOK], ids=["svix", "webhook"])
def test_headers_under_other_names_are_named(rename: Any, family: dict[str, str]) -> None:
    headers = {**OTHERS, **{rename(name): value for name, value in family.items()}}
    with pytest.raises(MissingHeader, match="pass the headers under their own names") as caught:
        read(headers)
    for name in map(rename, family):
        assert (name if isinstance(name, str) else name.decode()) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "svix_id\n",
        "evil\r\nsvix_id",
        "svix_id" * 20,
        "svi\u0445-id",
        "webhoo\u212a_id",
        "\x1bsvix-id",
    ],
)
def test_a_strange_name_is_not_repeated(name: str) -> None:
    with pytest.raises(MissingHeader, match="this is not a delivery from Clerk") as caught:
        read({name: "x"})
    assert name not in str(caught.value)


def test_at_most_six_other_names_are_repeated() -> None:
    with pytest.raises(MissingHeader) as caught:
        read({f"x{number}-svix-id": "x" for number in range(1000)})
    assert len(re.findall(r"x\d+-svix-id", str(caught.value))) == 6


@pytest.mark.parametrize(("length", "is_repeated"), [(64, True), (65, False)])
def test_another_name_is_repeated_up_to_64_characters(length: int, is_repeated: bool) -> None:
    name = "-svix-id".rjust(length, "x")
    with pytest.raises(MissingHeader) as caught:
        read({name: "x"})
    assert (name in str(caught.value)) is is_repeated


def test_headers_that_cannot_be_read_twice_are_missing_without_a_crash() -> None:
    class Once:
        is_read = False

        def items(self) -> list[tuple[str, str]]:
            if self.is_read:
                raise RuntimeError("read twice")
            self.is_read = True
            return [("svix_id", "x")]

    with pytest.raises(MissingHeader):
        read(Once())


def test_headers_that_can_be_read_once_are_missing_without_a_crash() -> None:
    with pytest.raises(MissingHeader):
        read(iter({"svix_id": "x"}.items()))


@pytest.mark.parametrize("name", [None, 5, (), "x" * 100, b"x-never-seen-before"], ids=repr)
def test_a_name_that_is_not_ours_hides_no_header_behind_it(name: Any) -> None:
    assert read([(name, "1"), *SVIX.items()]) == VALUES


@pytest.mark.parametrize("name", ["webhoo\u212a-id", "\u017fvix-id", b"webhoo\xe2\x84\xaa-id"])
def test_names_are_ascii(name: str | bytes) -> None:
    with pytest.raises(MissingHeader):
        read({**WEBHOOK, **SVIX, name: "x"} | dict.fromkeys(("svix-id", "webhook-id"), ""))


@pytest.mark.parametrize("kind", [str, bytes], ids=["text", "bytes"])
def test_no_name_that_a_stranger_chose_is_kept_unless_it_is_short(kind: type) -> None:
    pairs = [(f"n{number}".ljust(length, "x"), "v") for number in range(99) for length in (22, 23)]
    pairs += [(f"m{number}", "v") for number in range(3000)]
    pairs += [("\U0001f600" * 20, "v"), *PAIRS]
    headers = [(name.encode() if kind is bytes else name, value) for name, value in pairs]
    assert read(headers) == VALUES
    names = list(module._known)
    assert len(names) <= 512
    assert all(isinstance(name, (str, bytes)) and len(name) <= 22 for name in names)
    assert all(name.isascii() for name in names if isinstance(name, (str, bytes)))


def test_a_long_name_is_not_even_looked_up() -> None:
    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            raise AssertionError("was looked up")

    assert read([(Name("x" * 23), "v"), *PAIRS]) == VALUES


def test_512_names_are_kept_so_that_they_need_not_be_read_again() -> None:
    module._known.clear()
    for number in range(512):
        read_headers([(f"name-{number}", "x")])
        assert len(module._known) == number + 1
    read_headers([("one more", "x")])
    assert [*module._known] == ["one more"]


def test_the_longest_name_is_read_in_a_wsgi_environ() -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in WEBHOOK.items()}
    assert max(map(len, environ)) == 22
    assert read(environ) == VALUES


def test_a_name_of_a_type_of_the_callers_own_is_not_kept() -> None:
    class Name(str):
        __slots__ = ()

    names = {Name(name): value for name, value in SVIX.items()}
    module._known.clear()
    assert read(names) == VALUES
    assert not [name for name in module._known if type(name) is Name]


def test_messages_repeat_no_value() -> None:
    for headers in ({**SVIX, "Svix-Signature": "other"}, {"svix-signature": "v1,abc="}):
        with pytest.raises((MalformedHeader, MissingHeader)) as caught:
            read(headers)
        assert not any(value in str(caught.value) for value in (*SVIX.values(), "other"))

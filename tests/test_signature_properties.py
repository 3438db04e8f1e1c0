"""Whatever comes in: a delivery or an error of the tree, and nothing that gives a secret away."""

import copy
import json
import pickle
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import (
    ClerkHooksError,
    Delivery,
    SvixVerifier,
    VerificationError,
    Verifier,
    parse_event,
    sign,
    verify,
)

from .properties import examples

SECRET = "whsec_Q2FuYXJ5S2V5Q2FuYXJ5S2V5"
KEY = b64decode(SECRET.removeprefix("whsec_"))
MARK = "c4nary"  # Stands in every payload, and may stand in no message.
BODY = json.dumps({"type": MARK, "data": {MARK: MARK}}).encode()

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


class Raising:
    """Raises whenever it is touched."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def _fail(self, *given: object) -> Any:
        raise RuntimeError(given)

    __iter__ = __len__ = __bool__ = __getitem__ = __contains__ = __str__ = __bytes__ = _fail
    __eq__ = __hash__ = __int__ = __float__ = __index__ = __floordiv__ = __lt__ = _fail
    __buffer__ = __fspath__ = keys = items = get = encode = _fail


class Proxy:
    """As a `LocalProxy` outside its context: raises even when asked for its class."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("working outside of request context")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


class AttributeDict(dict[str, object]):
    """The popular dict whose missing attributes are `KeyError`s."""

    __getattr__ = dict.__getitem__


class RaisingMapping(Mapping[str, object]):
    """A mapping whose values cannot be read."""

    def __getitem__(self, name: str) -> object:
        raise ValueError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(["svix-id", "type"])

    def __len__(self) -> int:
        return 2


class Text(str):
    """A subclass, as markupsafe and Django have one."""

    __slots__ = ()


class Bytes(bytes):
    """A subclass."""


class OddText(str):
    """A subclass whose methods are not those of text."""

    __slots__ = ()

    def encode(self, *args: object) -> Any:
        return "text"

    def strip(self, *args: object) -> Any:
        raise RuntimeError("strip")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")


class OddBytes(bytes):
    """A subclass whose methods are not those of bytes."""

    def decode(self, *args: object) -> Any:
        raise RuntimeError("decode")

    def __len__(self) -> int:
        raise RuntimeError("len")


def released_memoryview() -> memoryview:
    with memoryview(b"{}") as view:
        return view


def raising_iterator() -> Iterator[tuple[str, str]]:
    yield "svix-id", "msg_1"
    raise OSError("gone")


NAMES = ["svix-id", "Svix-Timestamp", b"svix-signature", "webhook-id", "HTTP_SVIX_ID", "type"]

# Lone surrogates are seldom drawn unless they are asked for.
any_text = st.text(max_size=20) | st.text(st.sampled_from("\ud800\udc80\0\xe9 a."), max_size=20)
hashable = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.fractions(),
    any_text,
    any_text.map(Text),
    st.sampled_from(NAMES),
    st.binary(max_size=20),
    st.binary(max_size=20).map(Bytes),
    st.datetimes(),
    st.datetimes(timezones=st.just(timezone.utc)),
    st.timedeltas(),
    st.uuids(),
)
odd_objects: dict[str, Callable[[], Any]] = {
    "touchy": Raising,
    "proxy": Proxy,
    "odd text": lambda: OddText(SECRET),
    "odd bytes": lambda: OddBytes(BODY),
    "touchy mapping": RaisingMapping,
    "touchy iterator": raising_iterator,
    "attribute dict": lambda: AttributeDict(data={}),
    "object": object,
    "class": lambda: dict,
    "function": lambda: len,
    "ellipsis": lambda: ...,
    "range": lambda: range(3),
    "huge int": lambda: 10**5001,
    "huge negative int": lambda: -(10**5001),
    "huge Decimal": lambda: Decimal("1e400"),
    "signaling NaN": lambda: Decimal("sNaN"),
    "longest timedelta": lambda: timedelta.max,
    "first datetime": lambda: datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    "unfinished time zone": lambda: datetime(2026, 1, 1, tzinfo=tzinfo()),
    "bytearray": lambda: bytearray(b"{}"),
    "memoryview": lambda: memoryview(b"{}"),
    "strided memoryview": lambda: memoryview(b"{ } ")[::2],
    "released memoryview": released_memoryview,
    "lone surrogate": lambda: "\ud800",
}
# Hypothesis itself looks at the class and the hash of what it generates.
too_odd = {"proxy", "odd text"}
unhashable = st.sampled_from(sorted(odd_objects.keys() - too_odd)).map(
    lambda name: odd_objects[name]()
)
anything: st.SearchStrategy[Any] = st.recursive(
    hashable | unhashable,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(iter),
        st.frozensets(hashable, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        st.lists(st.tuples(st.sampled_from(NAMES), inner), max_size=4),
    ),
    max_leaves=8,
)


def outcome(call: Callable[..., object], *given: Any, **named: Any) -> object:
    """What `call` returns, or the error of our tree that it raises; any other is a failure."""
    try:
        return call(*given, **named)
    except ClerkHooksError as error:
        return error


def check(call: Callable[..., object], *given: Any, **named: Any) -> None:
    result = outcome(call, *given, **named)
    assert shows_nothing(str(result), repr(result))
    if isinstance(result, ClerkHooksError):
        for twin in (pickle.loads(pickle.dumps(result)), copy.copy(result)):
            assert type(twin) is type(result)
            assert (str(twin), twin.reason) == (str(result), result.reason)


def shows_nothing(*texts: str) -> bool:
    hidden = [SECRET[6:], KEY.decode(), MARK]
    return not any(part in text for part in hidden for text in texts)


@pytest.mark.parametrize("name", odd_objects)
def test_odd_objects_are_judged_wherever_they_are_passed(name: str) -> None:
    make = odd_objects[name]
    good = sign(BODY, secret=SECRET)
    for verifier in (Verifier(SECRET), SvixVerifier(SECRET)):
        check(verifier.verify, make(), good)
        check(verifier.verify, BODY, make())
        check(verifier.verify, BODY, {**good, "svix-id": make()})
        check(verifier.verify, BODY, [*good.items(), make(), (make(), make())])
    check(Verifier, make())
    check(Verifier, [SECRET, make()])
    check(SvixVerifier, make())
    check(verify, BODY, good, secret=SECRET, now=make())
    check(verify, BODY, good, secret=SECRET, tolerance=make())
    check(verify, BODY, good, secret=make())
    check(sign, make(), secret=SECRET)
    check(sign, BODY, secret=SECRET, message_id=make())
    check(sign, BODY, secret=SECRET, timestamp=make())
    check_with_causes(parse_event, make())
    check_with_causes(parse_event, {"type": MARK, "data": make()})
    check_with_causes(parse_event, {"type": make(), "data": MARK})


@examples(100)
@given(any_text | st.binary(max_size=20), st.lists(any_text, min_size=3, max_size=3), st.booleans())
def test_text_and_bytes_are_never_a_mistake_of_the_caller(
    body: str | bytes, appended: list[str], as_bytes: bool
) -> None:
    """Else a stranger could turn a 400 into a crash."""
    headers: dict[str, Any] = sign(body, secret=SECRET)
    for (name, value), more in zip(headers.items(), appended, strict=True):
        text = f"{value}{more}"
        headers[name] = text.encode("utf-8", "surrogatepass") if as_bytes else text
        for verifier in (Verifier(SECRET), SvixVerifier(SECRET)):
            result = outcome(verifier.verify, body, headers)
            assert isinstance(result, (Delivery, VerificationError))


@pytest.mark.parametrize("verifier", [Verifier(SECRET), SvixVerifier(SECRET)])
def test_any_body_and_any_headers_are_judged(verifier: Verifier) -> None:
    @examples(100)
    @given(anything | st.builds(Proxy), anything | st.builds(Proxy))
    def judge(body: Any, headers: Any) -> None:
        check(verifier.verify, body, headers)

    judge()


@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp", "svix-signature"])
@pytest.mark.parametrize("verifier", [Verifier(SECRET), SvixVerifier(SECRET)])
def test_any_value_of_a_header_is_judged(verifier: Verifier, name: str) -> None:
    good = sign(BODY, secret=SECRET)

    @examples(100)
    @given(anything)
    def judge(value: Any) -> None:
        check(verifier.verify, BODY, {**good, name: value})
        check(verifier.verify, BODY, [*good.items(), (name.title(), value)])
        check(verifier.verify, BODY, [*good.items(), (value, good[name])])

    judge()


@examples(100)
@given(st.lists(st.lists(anything, max_size=4) | anything, max_size=4))
def test_pairs_of_any_length_and_kind_are_judged(pairs: Any) -> None:
    good = list(sign(BODY, secret=SECRET).items())
    check(Verifier(SECRET).verify, BODY, [*good, *pairs])


@pytest.mark.parametrize("use", [Verifier, SvixVerifier, lambda value: sign(b"", secret=value)])
def test_any_secret_is_judged(use: Callable[[Any], object]) -> None:
    parts = st.sampled_from([SECRET, SECRET[6:], SECRET.encode(), "sk_" + SECRET, SECRET + "!"])

    @examples(100)
    @given(anything | parts | st.lists(parts | anything, max_size=3))
    def judge(secret: Any) -> None:
        error = outcome(use, secret)
        assert shows_nothing(str(error), repr(error))

    judge()


@examples(100)
@given(anything, anything, anything, st.sampled_from([b"", BODY]) | anything)
def test_any_setting_of_the_one_liner_is_judged(
    secret: Any, tolerance: Any, now: Any, body: Any
) -> None:
    good = sign(BODY, secret=SECRET)
    check(verify, body, good, secret=SECRET, now=now)
    check(verify, body, good, secret=SECRET, tolerance=tolerance)
    check(verify, body, good, secret=secret, tolerance=tolerance, now=now)


@examples(100)
@given(anything, anything, anything)
def test_anything_is_signed_or_refused(payload: Any, message_id: Any, timestamp: Any) -> None:
    check(sign, payload, secret=SECRET)
    check(sign, b"", secret=SECRET, message_id=message_id)
    check(sign, b"", secret=SECRET, timestamp=timestamp)


json_texts: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(MARK) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([MARK, "id", "email_addresses", "type"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
types = st.sampled_from(["user.created", "organizationMembership.created", MARK, None, 5, [MARK]])


@examples(100)
@given(types, json_texts, st.integers(0, 40), anything)
def test_no_payload_shows_in_what_is_raised_when_it_is_read(
    event_type: Any, data: Any, cut: int, more: Any
) -> None:
    payload = {"type": event_type, "data": data, MARK: MARK}
    text = json.dumps(payload).encode()
    for body in (text, text[:-cut], text.replace(b'"', b"'"), MARK.encode() + text):
        delivery = Delivery("msg_1", 1_700_000_000, body)
        assert shows_nothing(repr(delivery), str(delivery))
        check_with_causes(getattr, delivery, "type")
        check_with_causes(getattr, delivery, "event")
        check_with_causes(delivery.json)
    for mapping in (payload, {**payload, "data": more}, {**payload, type(more): more}, more):
        check_with_causes(parse_event, mapping)


def check_with_causes(read: Callable[..., object], *given: Any) -> None:
    """The causes too, as loggers print them."""
    error = outcome(read, *given)
    if isinstance(error, ClerkHooksError):
        chain = [error, error.__cause__, error.__context__]
        assert shows_nothing(repr(error), *map(str, chain))


def test_a_verifier_shows_no_secret() -> None:
    verifiers = (Verifier([SECRET, SECRET]), SvixVerifier(SECRET))
    assert shows_nothing(*map(repr, verifiers), *map(str, verifiers))
    assert shows_nothing(*(repr(vars(verifier)) for verifier in verifiers))

"""Whatever arrives, the endpoint answers it: properties over generated requests."""

import json
import logging
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Self

from clerk_hooks import Endpoint, InputTypeError, Reply, Router, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NAMES = ["svix-id", "svix-timestamp", "svix-signature"]
NAMES += [name.replace("svix", "webhook") for name in NAMES]
LINE = re.compile(r"refused after \d+\.\d{3} s, (?P<reason>[a-z_]+): [ -~]+")

router = Router()
router.on("*")(lambda event, delivery: None)
endpoint = Endpoint(router, secret=SECRET, max_body=200)

raw = st.binary(max_size=300) | st.text(max_size=300)
bodies = raw | raw.map(lambda body: bytearray(body.encode("utf-8", "replace"))
                       if isinstance(body, str) else memoryview(body))  # fmt: skip
likely = st.sampled_from(
    ["msg_1", "1700000000", "99999999999", "v1,", "v1,AAAA v1a,AAAA", "v1,A, v1,B", " ", "\x00"]
)
texts = likely | st.text(max_size=50)
values = texts | texts.map(lambda text: text.encode("utf-8", "replace"))
names = st.sampled_from(NAMES).flatmap(
    lambda name: st.sampled_from(
        [name, name.upper(), name.encode(), "HTTP_" + name.upper().replace("-", "_")]
    )
) | st.text(max_size=20)
whole = st.fixed_dictionaries(dict.fromkeys(NAMES[:3], texts))
containers = (
    whole
    | st.dictionaries(names, values | st.lists(values, max_size=3) | st.none())
    | st.lists(st.tuples(names, values))
    | whole.map(lambda headers: [(name.encode(), headers[name].encode("utf-8", "replace"))
                                 for name in headers])
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "data", "id"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["user.created", "session.ended", "user.promoted"]), "data": jsons}
)


class Log(logging.Handler):
    """Keeps the lines of one request, as a log file would have them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __enter__(self) -> Self:
        logging.getLogger("clerk_hooks").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("clerk_hooks").removeHandler(self)


def content(reply: Reply) -> Any:
    assert set(reply.headers) == {"content-type"}
    return json.loads(reply.body.decode("ascii"))


@given(bodies, containers)
def test_a_stranger_is_refused_and_told_why(body: Any, headers: Any) -> None:
    with Log() as log:
        reply = endpoint.receive(body, headers)
    assert reply.status in (400, 413)
    told = content(reply)
    assert told.keys() == {"error", "message"}
    (line,) = log.lines
    matched = LINE.fullmatch(line)
    assert matched
    assert matched["reason"] == told["error"]


@given(anything | bodies, anything | containers)
def test_only_what_is_no_request_is_a_mistake_of_the_caller(body: Any, headers: Any) -> None:
    is_body = isinstance(body, (str, bytes, bytearray, memoryview))
    try:
        reply = endpoint.receive(body, headers)
    except InputTypeError as error:
        reason = error.reason
    else:
        assert is_body
        assert reply.status in (400, 413)
        return
    assert reason == ("bad_headers" if is_body else "bad_body")


@given((events | jsons).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300))
def test_what_is_signed_is_read_or_found_unreadable(body: bytes) -> None:
    reply = endpoint.receive(body, sign(body, secret=SECRET))
    if len(body) > endpoint.max_body:
        assert reply.status == 413
    elif reply.status == 200:
        assert content(reply) == {"outcome": "handled"}
    else:
        assert reply.status == 422
        assert content(reply)["error"] in ("not_json", "no_type", "bad_shape")

"""The error tree: who stands under whom, with which status and which word."""

import copy
import pickle
import re
from collections.abc import Callable

import pytest

import clerk_hooks
from clerk_hooks import errors
from clerk_hooks.errors import ClerkHooksError, HandlerError

# Name: (bases, status, the reason of an instance that is given none).
TREE: dict[str, tuple[tuple[str, ...], int, str]] = {
    "ClerkHooksError": (("Exception",), 500, "error"),
    "ConfigurationError": (("ClerkHooksError", "ValueError"), 500, "bad_configuration"),
    "SecretError": (("ConfigurationError",), 500, "bad_secret"),
    "InputTypeError": (("ClerkHooksError", "TypeError"), 500, "bad_input"),
    "VerificationError": (("ClerkHooksError",), 400, "not_verified"),
    "MissingHeader": (("VerificationError",), 400, "missing_header"),
    "MalformedHeader": (("VerificationError",), 400, "malformed_header"),
    "TimestampOutsideTolerance": (("VerificationError",), 400, "too_old"),
    "NoMatchingSignature": (("VerificationError",), 400, "no_match"),
    "PayloadError": (("ClerkHooksError",), 422, "bad_shape"),
    "UnreadableValue": (("ClerkHooksError",), 500, "unreadable_value"),
    "HandlerError": (("ClerkHooksError",), 500, "handler_failed"),
    "AbortDelivery": (("ClerkHooksError",), 422, "aborted"),
    "MalformedRequest": (("ClerkHooksError",), 400, "malformed_request"),
    "MethodNotAllowed": (("ClerkHooksError",), 405, "method_not_allowed"),
    "InProgress": (("ClerkHooksError",), 409, "in_progress"),
    "ClaimLost": (("InProgress",), 409, "claim_lost"),
    "LengthRequired": (("ClerkHooksError",), 411, "length_required"),
    "RequestTooLarge": (("ClerkHooksError",), 413, "too_large"),
    "StoreUnavailable": (("ClerkHooksError",), 503, "store_unavailable"),
    "QueueUnavailable": (("StoreUnavailable",), 503, "queue_unavailable"),
}

each_class = pytest.mark.parametrize("name", TREE)
each_copy = pytest.mark.parametrize(
    "duplicate",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)


def test_there_are_no_other_errors() -> None:
    assert {name for name, value in vars(errors).items() if is_error(value)} == set(TREE)


@each_class
def test_an_error_stands_at_its_place_in_the_tree(name: str) -> None:
    bases, status, reason = TREE[name]
    error_class = getattr(errors, name)
    assert tuple(base.__name__ for base in error_class.__bases__) == bases
    assert error_class.status == status
    assert error_class().reason == reason


@each_class
def test_every_error_can_be_imported_from_the_package(name: str) -> None:
    assert getattr(clerk_hooks, name) is getattr(errors, name)
    assert name in clerk_hooks.__all__


@each_class
def test_an_error_explains_itself_without_being_told(name: str) -> None:
    error = getattr(errors, name)()
    assert str(error) == error.default_message
    others = {getattr(errors, other).default_message for other in TREE if other != name}
    assert str(error) not in others


@each_class
def test_message_and_reason_are_of_the_instance(name: str) -> None:
    error_class = getattr(errors, name)
    if error_class is HandlerError:
        error = error_class("what happened")
    else:
        error = error_class("what happened", reason="another_word")
        assert error.reason == "another_word"
    assert str(error) == "what happened"
    assert error_class().reason == TREE[name][2]


@each_class
@each_copy
def test_an_error_survives_copying(
    name: str, duplicate: Callable[[ClerkHooksError], ClerkHooksError]
) -> None:
    error = getattr(errors, name)("what happened")
    error.reason = "a_word"
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.reason, twin.status) == ("what happened", "a_word", error.status)


@each_copy
def test_a_handler_error_is_copied_with_what_the_handlers_raised(
    duplicate: Callable[[HandlerError], HandlerError],
) -> None:
    error = HandlerError("two of three failed", [ValueError("one"), errors.AbortDelivery("two")])
    twin = duplicate(error)
    assert isinstance(twin.errors, tuple)
    assert [(type(failure), str(failure)) for failure in twin.errors] == [
        (ValueError, "one"),
        (errors.AbortDelivery, "two"),
    ]


def test_the_drawing_shows_the_tree() -> None:
    drawn = re.findall(
        r"^    ( *)([A-Z]\w+)(?: \((\w+)\))?(?: +(\d{3})\b)?", errors.__doc__ or "", re.MULTILINE
    )
    assert [name for _, name, _, _ in drawn] == list(TREE)
    ancestors: list[str] = []
    for indent, name, second_base, status in drawn:
        ancestors[len(indent) // 2 :] = [name]
        parent = ancestors[-2] if len(ancestors) > 1 else "Exception"
        assert TREE[name][0] == (parent, second_base)[: 2 if second_base else 1]
        if status:
            assert TREE[name][1] == int(status)
        else:
            assert TREE[name][1] == getattr(errors, parent, ClerkHooksError).status


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)

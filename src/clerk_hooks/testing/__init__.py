"""The test kit: sample events, signed requests, one call that delivers them, and explanations.

    from clerk_hooks.events import UserCreated
    from clerk_hooks.testing import deliver, sample

    reply = deliver(app, sample(UserCreated, {"first_name": None}))

In an async test, write ``await adeliver(...)``. The kit works with any test runner.
`clerk_hooks.pytest_plugin` has fixtures for pytest, and `clerk_hooks.testing.strategies` has random
events for hypothesis. Importing this module loads neither pydantic nor svix.
"""

from ._deliver import DEFAULT_PATH, adeliver, deliver
from ._explain import explain
from ._explanation.result import Cause, Explanation
from ._sample import Variant, sample, sample_payload
from ._samples.catalog import variants_of
from ._signing import SECRET, Sendable, SignedRequest, delivery, signed_request

__all__ = [
    "DEFAULT_PATH",
    "SECRET",
    "Cause",
    "Explanation",
    "Sendable",
    "SignedRequest",
    "Variant",
    "adeliver",
    "deliver",
    "delivery",
    "explain",
    "sample",
    "sample_payload",
    "signed_request",
    "variants_of",
]

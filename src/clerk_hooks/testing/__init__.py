"""Everything to test with: sample events, signed requests, one call to deliver them, and reasons.

    from clerk_hooks.events import UserCreated
    from clerk_hooks.testing import deliver, sample

    reply = deliver(app, sample(UserCreated, {"first_name": None}))

Usable with any test runner. With pytest there are fixtures too (`clerk_hooks.pytest_plugin`), and
with hypothesis random events (`clerk_hooks.testing.strategies`). Importing this loads neither
pydantic nor svix.
"""

from ._deliver import DEFAULT_PATH, deliver
from ._explain import explain
from ._explanation.result import Cause, Explanation
from ._sample import Variant, sample, sample_payload
from ._samples.catalog import variants_of
from ._signing import SECRET, Sendable, SignedRequest, signed_request

__all__ = [
    "DEFAULT_PATH",
    "SECRET",
    "Cause",
    "Explanation",
    "Sendable",
    "SignedRequest",
    "Variant",
    "deliver",
    "explain",
    "sample",
    "sample_payload",
    "signed_request",
    "variants_of",
]

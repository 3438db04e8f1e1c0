"""System checks: what ``manage.py check`` says of the settings."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

from ...errors import SecretError
from ...secret import read_keys
from .secret import signing_secret


@register(Tags.security)
def check_secret(
    app_configs: Sequence[AppConfig] | None = None,  # noqa: ARG001 - what Django passes
    **_: object,
) -> list[CheckMessage]:
    """Warn if `signing_secret` has no signing secret; deliveries are refused then."""
    problem = read_keys(signing_secret)
    if not isinstance(problem, SecretError):
        return []
    hint = "Silence this check if your Endpoint gets its secret elsewhere than from signing_secret."
    return [
        checks.Warning(f"no delivery can be verified: {problem}", hint=hint, id="clerk_hooks.W001")
    ]

"""Where a Django project has its signing secret."""

from typing import cast

from django.conf import settings

from ...secret import SECRET_VARIABLE, HoldsSecret, secret_from_environment


def signing_secret() -> str | bytes | HoldsSecret:
    """Return `settings.CLERK_WEBHOOK_SIGNING_SECRET`, else the environment variable of that name.

    For ``Endpoint(router, secret=signing_secret)``, which calls it at the first delivery. So the
    commands of ``manage.py`` that serve nothing run without a secret. Raises `SecretError` if
    neither is set.
    """
    if getattr(settings, SECRET_VARIABLE, None):
        return cast("str | bytes | HoldsSecret", getattr(settings, SECRET_VARIABLE))
    return secret_from_environment()

"""A Django app: `DjangoStore`, `DjangoInbox`, their tables, an admin, and `signing_secret`.

    INSTALLED_APPS = [..., "clerk_hooks.contrib.django"]

``manage.py migrate`` creates the tables. Needs the extra ``django``.
"""

try:
    from .inbox import DjangoInbox
    from .secret import signing_secret
    from .store import DjangoStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("django", "asgiref"):
        raise
    raise ImportError(
        "clerk_hooks.contrib.django needs Django: pip install 'clerk-hooks[django]'"
    ) from error

__all__ = ["DjangoInbox", "DjangoStore", "signing_secret"]

"""The app's configuration, which Django finds by itself."""

from importlib import import_module

from django.apps import AppConfig


class ClerkHooksConfig(AppConfig):
    """The tables of `DjangoStore`, their admin, and checks of the settings."""

    name = "clerk_hooks.contrib.django"
    label = "clerk_hooks"
    verbose_name = "Clerk webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        import_module(".checks", __package__)

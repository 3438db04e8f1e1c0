"""Pages of the admin that show what the store remembers. They change nothing."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from .models import Claim, Mark

if TYPE_CHECKING:
    _ClaimAdmin = admin.ModelAdmin[Claim]
    _MarkAdmin = admin.ModelAdmin[Mark]
else:  # Django's classes have no type parameters.
    _ClaimAdmin = _MarkAdmin = admin.ModelAdmin


class ReadOnly:
    """Nobody may add, change or delete rows. Who may view them, Django's permissions say."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Return False."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: object = None,  # noqa: ARG002
    ) -> bool:
        """Return False."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: object = None,  # noqa: ARG002
    ) -> bool:
        """Return False: `DjangoStore.forget` forgets a message."""
        return False


@admin.register(Claim)
class ClaimAdmin(ReadOnly, _ClaimAdmin):
    """The handlers that are running or done."""

    list_display = ("message_id", "handler", "state", "until")
    search_fields = ("message_id__startswith", "handler__startswith")
    readonly_fields = ("state", "until")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="state")
    def state(self, claim: Claim) -> str:
        """``running``, even after its process died, or ``done``."""
        return "done" if claim.leased_until is None else "running"

    @admin.display(description="until", ordering="forget_at")
    def until(self, claim: Claim) -> datetime:
        """When a running handler may be taken over, and a done one is forgotten."""
        seconds = claim.forget_at if claim.leased_until is None else claim.leased_until
        return datetime.fromtimestamp(seconds, timezone.utc)


@admin.register(Mark)
class MarkAdmin(ReadOnly, _MarkAdmin):
    """The newest event handled of each object."""

    list_display = ("object_key", "newest", "is_deleted", "until")
    search_fields = ("object_key",)
    readonly_fields = ("newest", "until")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="newest event", ordering="newest_at")
    def newest(self, mark: Mark) -> datetime | None:
        """The time of the newest event handled."""
        if mark.newest_at is None:
            return None
        return datetime.fromtimestamp(mark.newest_at / 1000, timezone.utc)

    @admin.display(description="until", ordering="forget_at")
    def until(self, mark: Mark) -> datetime:
        """When the mark is forgotten."""
        return datetime.fromtimestamp(mark.forget_at, timezone.utc)

"""Pages of the admin: what the store remembers, and what the inbox keeps.

Nothing is changed there, but messages can be retried and deleted. Their payloads are not shown:
those who may look after messages need not see people's data.
"""

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast, get_args

from django.contrib import admin, messages
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from ...errors import QueueUnavailable
from ...inboxes._rows import Stored, shown
from ...inboxes._statements import stored
from ...messages import Selection, State
from .inbox import DjangoInbox
from .models import Claim, Mark, Message, Worker

if TYPE_CHECKING:
    _ClaimAdmin = admin.ModelAdmin[Claim]
    _MarkAdmin = admin.ModelAdmin[Mark]
    _MessageAdmin = admin.ModelAdmin[Message]
    _WorkerAdmin = admin.ModelAdmin[Worker]
else:  # Django's classes have no type parameters.
    _ClaimAdmin = _MarkAdmin = _MessageAdmin = _WorkerAdmin = admin.ModelAdmin


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
        return _time(seconds)


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
        return _time(mark.newest_at / 1000)

    @admin.display(description="until", ordering="forget_at")
    def until(self, mark: Mark) -> datetime:
        """When the mark is forgotten."""
        return _time(mark.forget_at)


class StateFilter(admin.SimpleListFilter):
    """The states of messages that people see."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002
        model_admin: object,  # noqa: ARG002
    ) -> list[tuple[str, str]]:
        """The states."""
        return [(state, state) for state in get_args(State)]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Message],
    ) -> QuerySet[Message]:
        """The messages in the state that was chosen."""
        if (chosen := self.value()) is None:
            return queryset
        rows: Any = queryset  # The stubs know the methods of rows in part.
        chosen_rows: QuerySet[Message] = rows.filter(state__in=stored(cast("State", chosen)))
        return chosen_rows


class _EveryDatabase(set[str]):
    """The names of all databases, whichever the settings have."""

    def __contains__(self, alias: object) -> bool:
        return True


@admin.register(Message)
class MessageAdmin(ReadOnly, _MessageAdmin):
    """The messages of the inbox. Those who have the permission may retry or delete them."""

    list_display = ("message_id", "shown_state", "event_type", "due", "failures", "reason")
    list_filter = (StateFilter, "event_type")
    search_fields = ("message_id__startswith",)
    fields = (
        *("message_id", "shown_state", "event_type", "attempted", "accepted", "due", "takes"),
        *("failures", "done_handlers", "reason"),
    )
    readonly_fields = fields
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("retry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """The messages without their payloads, which may be large."""
        rows: Any = super().get_queryset(request)
        without_payload: QuerySet[Message] = rows.defer("payload")
        return without_payload

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether the user may retry messages."""
        return _may(request, "clerk_hooks.retry_message")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        """Whether the user may delete messages; unless done, their handlers never run then."""
        return _may(request, "clerk_hooks.delete_message")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, outside of `ATOMIC_REQUESTS`: an inbox commits by itself."""
        return super().changelist_view(request, extra_context)

    changelist_view._non_atomic_requests = _EveryDatabase()  # type: ignore[attr-defined]  # noqa: SLF001

    @admin.action(description="Retry selected messages", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Make dead and waiting messages due now."""
        inbox = DjangoInbox(router.db_for_write(Message))
        count = 0
        try:
            for message in queryset:
                if inbox.retry(Selection(), message.message_id):
                    count += 1
                    self.log_change(request, message, "Retried.")
        except QueueUnavailable as error:
            self.message_user(request, str(error), messages.ERROR)
        text = f"Due now: {count}. Messages that run or are done stay as they are."
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)

    @admin.display(description="state", ordering="state")
    def shown_state(self, message: Message) -> str:
        """The state, as `Record` has it."""
        return shown(cast("Stored", message.state))

    @admin.display(description="attempted")
    def attempted(self, message: Message) -> datetime:
        """When the attempt was signed."""
        return _time(message.attempted_at)

    @admin.display(description="accepted")
    def accepted(self, message: Message) -> datetime:
        """When the inbox accepted it."""
        return _time(message.accepted_at)

    @admin.display(description="due", ordering="due_at")
    def due(self, message: Message) -> datetime:
        """When a worker may take it; of a done or dead one, when it ended."""
        return _time(message.due_at)

    @admin.display(description="handlers that are done")
    def done_handlers(self, message: Message) -> str:
        """The names of the handlers that a retry skips."""
        return ", ".join(json.loads(message.done))


@admin.register(Worker)
class WorkerAdmin(ReadOnly, _WorkerAdmin):
    """The workers; those that live have written their rows within the last 30 s."""

    list_display = ("name", "slots", "running", "seen")
    readonly_fields = ("seen",)
    ordering = ("name",)

    @admin.display(description="seen", ordering="seen_at")
    def seen(self, worker: Worker) -> datetime:
        """When it wrote its row."""
        return _time(worker.seen_at)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _may(request: HttpRequest, permission: str) -> bool:
    user: Any = request.user
    may: bool = user.has_perm(permission)
    return may

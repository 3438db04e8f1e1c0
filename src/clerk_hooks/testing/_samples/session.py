"""Sessions, each with its user."""

from .source import DAY, MINUTE, SECOND, Payload, Source
from .user import older_user


def session(source: Source, status: str) -> Payload:
    """A session that begins now, or, where `status` says that it is over, began an hour ago."""
    user = older_user(source)
    is_new = status in ("active", "pending")
    created = source.ago(SECOND if is_new else 60 * MINUTE)
    return {
        "abandon_at": created + 30 * DAY,
        "actor": None,
        "client_id": source.id("client", ago=DAY),
        "created_at": created,
        "expire_at": created + 7 * DAY,
        "id": source.id("sess"),
        "last_active_at": created if is_new else source.ago(MINUTE),
        "last_active_organization_id": None,
        "latest_activity": {
            "browser_name": "Chrome",
            "browser_version": "147.0.0.0",
            "city": "London",
            "country": "GB",
            "device_type": "Macintosh",
            "id": source.id("sess_activity"),
            "ip_address": "203.0.113.7",
            "is_mobile": False,
            "object": "session_activity",
        },
        "object": "session",
        "status": status,
        "updated_at": created if is_new else source.ago(20),
        "user": user | {"last_sign_in_at": created, "updated_at": created},
        "user_id": user["id"],
    }

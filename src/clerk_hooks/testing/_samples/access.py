"""Roles and permissions."""

from .source import DAY, SECOND, Payload, Source


def permission(source: Source, *, age: int = 0) -> Payload:
    """A permission that was created `age` milliseconds ago, and is changed now if that is long."""
    created = source.ago(age + SECOND)
    return {
        "created_at": created,
        "description": "Read and pay the invoices",
        "id": source.id("perm", ago=age + SECOND),
        "key": "org:invoices:manage",
        "name": "Manage invoices",
        "object": "permission",
        "type": "custom",
        "updated_at": source.ago(20) if age else created,
    }


def role(source: Source, *, age: int = 0) -> Payload:
    """A role that was created `age` milliseconds ago, and is changed now if that is long."""
    created = source.ago(age + SECOND)
    granted = permission(source, age=age + DAY)
    return {
        "created_at": created,
        "description": "Looks after the money",
        "id": source.id("role", ago=age + SECOND),
        "is_creator_eligible": False,
        "key": "org:treasurer",
        "name": "Treasurer",
        "object": "role",
        "permissions": [granted | {"updated_at": granted["created_at"]}],
        "updated_at": source.ago(20) if age else created,
    }

"""Organizations, and who is, and who may become, a member of them."""

from .source import DAY, MINUTE, SECOND, Payload, Source
from .verification import affiliation, ownership

_AGE = 60 * DAY
"""How long before the event the organization was created, in milliseconds."""

_NAME = "Analytical Engines"
_MEMBER_PERMISSIONS = ["org:sys_memberships:read"]
_ADMIN_PERMISSIONS = [
    "org:sys_domains:manage",
    "org:sys_domains:read",
    "org:sys_memberships:manage",
    "org:sys_memberships:read",
    "org:sys_profile:delete",
    "org:sys_profile:manage",
]


def organization(source: Source, *, age: int = 0) -> Payload:
    """An organization that was created `age` milliseconds ago, and changed now if that is long."""
    created = source.ago(age + SECOND)
    return {
        "admin_delete_enabled": True,
        "created_at": created,
        "created_by": source.id("user", ago=age + DAY),
        "has_image": False,
        "id": source.id("org", ago=age + SECOND),
        "image_url": source.image_url(),
        "last_active_at": source.ago(20) if age else created,
        "max_allowed_memberships": 5,
        "members_count": 3 if age else 1,
        "missing_member_with_elevated_permissions": False,
        "name": _NAME,
        "object": "organization",
        "pending_invitations_count": 0,
        "private_metadata": {},
        "public_metadata": {"plan": "team"} if age else {},
        "role_set_key": "role_set:default",
        "slug": f"analytical-engines-{source.hex(6)}",
        "updated_at": source.ago(20) if age else created,
    }


def older_organization(source: Source) -> Payload:
    """An organization that is changed now."""
    return organization(source, age=_AGE)


def deleted(source: Source, prefix: str, kind: str) -> Payload:
    """What is left of an organization, a domain, a role or a permission."""
    return {"deleted": True, "id": source.id(prefix, ago=_AGE), "object": kind}


def membership(source: Source, *, age: int, role: str) -> Payload:
    """A membership that began `age` milliseconds ago, and changes now if that is long."""
    created = source.ago(age + SECOND)
    is_admin = role == "org:admin"
    return {
        "created_at": created,
        "id": source.id("orgmem", ago=age + SECOND),
        "object": "organization_membership",
        "organization": older_organization(source),
        "permissions": list(_ADMIN_PERMISSIONS if is_admin else _MEMBER_PERMISSIONS),
        "private_metadata": {},
        "public_metadata": {"department": "mills"} if age else {},
        "public_user_data": _public_user(source)
        | {
            "banned": False,
            "deprovisioned": False,
            "profile_image_url": "https://www.gravatar.com/avatar?d=mp",
            "username": None,
        },
        "role": role,
        "role_name": "Admin" if is_admin else "Member",
        "updated_at": source.ago(20) if age else created,
    }


def _public_user(source: Source) -> Payload:
    return {
        "first_name": "Ada",
        "has_image": False,
        "identifier": source.email("ada"),
        "image_url": source.image_url(),
        "last_name": "Lovelace",
        "user_id": source.id("user", ago=_AGE),
    }


def _public_organization(source: Source) -> Payload:
    whole = older_organization(source)
    return {name: whole[name] for name in ("has_image", "id", "image_url", "name", "slug")}


def invitation(source: Source, status: str) -> Payload:
    """An invitation that is sent now, or was sent a day ago and is answered or withdrawn now."""
    is_new = status == "pending"
    created = source.ago(SECOND if is_new else DAY)
    organization_data = _public_organization(source)
    inviter = _public_user(source)
    payload = {
        "created_at": created,
        "data": {"public_organization_data": organization_data},
        "email_address": source.email("charles"),
        "expires_at": created + 30 * DAY,
        "id": source.id("orginv", ago=source.now - created),
        "inviter_id": inviter["user_id"],
        "object": "organization_invitation",
        "organization_id": organization_data["id"],
        "private_metadata": {},
        "public_inviter_data": inviter,
        "public_metadata": {},
        "role": "org:member",
        "role_name": "Member",
        "status": status,
        "updated_at": created if is_new else source.ago(20),
        "url": f"https://accounts.example.com/tickets/accept?ticket={source.hex(32)}"
        if is_new
        else None,
    }
    if status == "accepted":
        payload["user_id"] = source.id("user")
    return payload


def domain(source: Source, *, verified: bool) -> Payload:
    """A domain that is added now, or was added an hour ago and is verified now."""
    created = source.ago(60 * MINUTE if verified else SECOND)
    updated = source.ago(20) if verified else created
    address = source.email("post", "engines.example") if verified else None
    proof = affiliation(updated) if verified else None
    organization_data = _public_organization(source)
    return {
        "affiliation_email_address": address,
        "affiliation_verification": proof,
        "created_at": created,
        "enrollment_mode": "automatic_invitation" if verified else "manual_invitation",
        "id": source.id("orgdmn", ago=source.now - created),
        "name": "engines.example",
        "object": "organization_domain",
        "organization_id": organization_data["id"],
        "ownership_verification": ownership(updated) if verified else None,
        "public_organization_data": organization_data,
        "total_pending_invitations": 2 if verified else 0,
        "total_pending_suggestions": 0,
        "updated_at": updated,
        "verification": proof,
    }

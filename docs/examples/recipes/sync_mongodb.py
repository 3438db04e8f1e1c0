"""Users, organizations and memberships in MongoDB, by PyMongo.

Serve it with ``gunicorn sync_mongodb:app``.
"""

import os
from typing import Any

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.events import (
    DeletedObject,
    Event,
    OrganizationCreated,
    OrganizationMembership,
    OrganizationMembershipCreated,
    OrganizationMembershipUpdated,
    OrganizationUpdated,
    UserCreated,
    UserUpdated,
)

client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGODB_URL"], tz_aware=True)
database = client.get_default_database("clerk")
router = Router()

COLLECTIONS = {
    "user.deleted": "users",
    "organization.deleted": "organizations",
    "organizationMembership.deleted": "memberships",
}


def save(collection: str, id: str, fields: dict[str, Any]) -> None:
    """Insert or update; what is older than the document, or deleted, changes nothing.

    Where the filter does not fit a document that is there, the upsert inserts a second one with its
    id, which MongoDB refuses: then the event was stale. (Two that insert at once fail alike, but
    then the newer one must not be lost: so it is tried once more.)
    """
    is_newer = {
        "_id": id,
        "is_deleted": {"$ne": True},
        "$or": [{"updated_at": None}, {"updated_at": {"$lte": fields["updated_at"]}}],
    }
    for _ in range(2):
        try:
            database[collection].update_one(is_newer, {"$set": fields}, upsert=True)
        except DuplicateKeyError:
            continue
        return


@router.on("user.created", "user.updated")
def save_user(event: UserCreated | UserUpdated) -> None:
    """Insert or update a user."""
    user = event.data
    fields = {"email": user.primary_email, "name": user.full_name, "updated_at": user.updated_at}
    save("users", user.id, fields)


@router.on("organization.created", "organization.updated")
def save_organization(event: OrganizationCreated | OrganizationUpdated) -> None:
    """Insert or update an organization."""
    organization = event.data
    fields = organization.model_dump(include={"name", "slug", "updated_at"})
    save("organizations", organization.id, fields)


@router.on("organizationMembership.created", "organizationMembership.updated")
def save_membership(event: OrganizationMembershipCreated | OrganizationMembershipUpdated) -> None:
    """Insert or update a membership."""
    membership = event.data
    user, organization = membership.public_user_data, membership.organization
    fields = {
        "user_id": user and user.user_id,
        "organization_id": organization and organization.id,
        "role": membership.role,
        "updated_at": membership.updated_at,
    }
    save("memberships", membership.id, fields)


@router.on("user.deleted", "organization.deleted", "organizationMembership.deleted")
def delete(event: Event[DeletedObject] | Event[OrganizationMembership]) -> None:
    """Forget everything but the id, which stays so that a late event cannot revive it."""
    gone = {"is_deleted": True}
    database[COLLECTIONS[event.type]].replace_one({"_id": event.data.id}, gone, upsert=True)


app = wsgi_app(Endpoint(router))

"""Users, organizations and memberships in SQLite, with nothing but the standard library.

Serve it with ``gunicorn sync_sqlite:app``.
"""

import os
import sqlite3
from contextlib import closing
from datetime import datetime

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

DATABASE = os.environ.get("DATABASE", "clerk.sqlite3")

# A deleted object leaves a row, so that no late event revives it. No foreign keys: a membership may
# come before its user or its organization.
SCHEMA = """
CREATE TABLE IF NOT EXISTS users
    (id TEXT PRIMARY KEY, updated_at REAL, is_deleted INTEGER DEFAULT 0, email TEXT, name TEXT);
CREATE TABLE IF NOT EXISTS organizations
    (id TEXT PRIMARY KEY, updated_at REAL, is_deleted INTEGER DEFAULT 0, name TEXT, slug TEXT);
CREATE TABLE IF NOT EXISTS memberships
    (id TEXT PRIMARY KEY, updated_at REAL, is_deleted INTEGER DEFAULT 0,
     user_id TEXT, organization_id TEXT, role TEXT);
"""
SAVE_USER = """
INSERT INTO users (id, updated_at, email, name) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    updated_at = excluded.updated_at, email = excluded.email, name = excluded.name
WHERE NOT is_deleted AND updated_at <= excluded.updated_at
"""
SAVE_ORGANIZATION = """
INSERT INTO organizations (id, updated_at, name, slug) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    updated_at = excluded.updated_at, name = excluded.name, slug = excluded.slug
WHERE NOT is_deleted AND updated_at <= excluded.updated_at
"""
SAVE_MEMBERSHIP = """
INSERT INTO memberships (id, updated_at, user_id, organization_id, role) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, user_id = excluded.user_id,
    organization_id = excluded.organization_id, role = excluded.role
WHERE NOT is_deleted AND updated_at <= excluded.updated_at
"""
DELETE = {
    "user.deleted": "INSERT OR REPLACE INTO users (id, is_deleted) VALUES (?, 1)",
    "organization.deleted": "INSERT OR REPLACE INTO organizations (id, is_deleted) VALUES (?, 1)",
    "organizationMembership.deleted": (
        "INSERT OR REPLACE INTO memberships (id, is_deleted) VALUES (?, 1)"
    ),
}

router = Router()


def execute(statement: str, *values: object) -> None:
    """Run one statement in a transaction of its own."""
    with closing(sqlite3.connect(DATABASE, timeout=10)) as connection, connection:
        connection.execute(statement, values)


def seconds(instant: datetime | None) -> float:
    """SQLite has no type for instants; numbers compare well. No instant counts as the oldest."""
    return instant.timestamp() if instant else 0.0


@router.on("user.created", "user.updated")
def save_user(event: UserCreated | UserUpdated) -> None:
    """Insert or update a user."""
    user = event.data
    execute(SAVE_USER, user.id, seconds(user.updated_at), user.primary_email, user.full_name)


@router.on("organization.created", "organization.updated")
def save_organization(event: OrganizationCreated | OrganizationUpdated) -> None:
    """Insert or update an organization."""
    organization = event.data
    updated_at = seconds(organization.updated_at)
    execute(SAVE_ORGANIZATION, organization.id, updated_at, organization.name, organization.slug)


@router.on("organizationMembership.created", "organizationMembership.updated")
def save_membership(event: OrganizationMembershipCreated | OrganizationMembershipUpdated) -> None:
    """Insert or update a membership."""
    membership = event.data
    user, organization = membership.public_user_data, membership.organization
    execute(
        SAVE_MEMBERSHIP,
        membership.id,
        seconds(membership.updated_at),
        user and user.user_id,
        organization and organization.id,
        membership.role,
    )


@router.on("user.deleted", "organization.deleted", "organizationMembership.deleted")
def delete(event: Event[DeletedObject] | Event[OrganizationMembership]) -> None:
    """Forget everything but the id."""
    execute(DELETE[event.type], event.data.id)


with closing(sqlite3.connect(DATABASE)) as connection:
    connection.executescript(SCHEMA)

app = wsgi_app(Endpoint(router))

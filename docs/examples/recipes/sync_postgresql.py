"""Users, organizations and memberships in PostgreSQL, by SQLAlchemy.

``python sync_postgresql.py`` creates the tables; serve it with ``gunicorn sync_postgresql:app``.
"""

import os
from datetime import datetime
from typing import ClassVar

from flask import Flask
from sqlalchemy import DateTime, and_, create_engine, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.flask import clerk_blueprint
from clerk_hooks.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMembershipCreated,
    OrganizationMembershipDeleted,
    OrganizationMembershipUpdated,
    OrganizationUpdated,
    UserCreated,
    UserDeleted,
    UserUpdated,
)

engine = create_engine(os.environ["DATABASE_URL"])  # postgresql+psycopg://...
router = Router()


class Row(DeclarativeBase):
    """What all tables have. A deleted object leaves a row, so that no late event revives it."""

    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True)}

    id: Mapped[str] = mapped_column(primary_key=True)
    updated_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class User(Row):
    """A user of the application."""

    __tablename__ = "users"
    email: Mapped[str | None]
    name: Mapped[str | None]


class Organization(Row):
    """An organization of users."""

    __tablename__ = "organizations"
    name: Mapped[str | None]
    slug: Mapped[str | None]


class Membership(Row):
    """No foreign keys: a membership may come before its user or its organization."""

    __tablename__ = "memberships"
    user_id: Mapped[str | None] = mapped_column(index=True)
    organization_id: Mapped[str | None] = mapped_column(index=True)
    role: Mapped[str | None]


def save(model: type[Row], **values: object) -> None:
    """Insert or update, in one statement; what is older than the row changes nothing."""
    new = insert(model).values(values)
    is_newer = or_(model.updated_at.is_(None), model.updated_at <= new.excluded.updated_at)
    is_newer = and_(model.deleted_at.is_(None), is_newer)
    statement = new.on_conflict_do_update(index_elements=["id"], set_=values, where=is_newer)
    with engine.begin() as connection:
        connection.execute(statement)


def delete(model: type[Row], id: str) -> None:
    """Forget everything but the id."""
    nothing = {column.name: None for column in model.__table__.columns if column.name != "id"}
    values = {**nothing, "deleted_at": func.now()}
    new = insert(model).values(id=id, **values)
    with engine.begin() as connection:
        connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=values))


@router.on("user.created", "user.updated")
def save_user(event: UserCreated | UserUpdated) -> None:
    """Insert or update a user."""
    user = event.data
    save(
        User,
        id=user.id,
        email=user.primary_email,
        name=user.full_name,
        updated_at=user.updated_at,
    )


@router.on("user.deleted")
def delete_user(event: UserDeleted) -> None:
    """Forget a user."""
    delete(User, event.data.id)


@router.on("organization.created", "organization.updated")
def save_organization(event: OrganizationCreated | OrganizationUpdated) -> None:
    """Insert or update an organization."""
    organization = event.data
    save(
        Organization,
        id=organization.id,
        name=organization.name,
        slug=organization.slug,
        updated_at=organization.updated_at,
    )


@router.on("organization.deleted")
def delete_organization(event: OrganizationDeleted) -> None:
    """Forget an organization."""
    delete(Organization, event.data.id)


@router.on("organizationMembership.created", "organizationMembership.updated")
def save_membership(event: OrganizationMembershipCreated | OrganizationMembershipUpdated) -> None:
    """Insert or update a membership."""
    membership = event.data
    save(
        Membership,
        id=membership.id,
        user_id=membership.public_user_data and membership.public_user_data.user_id,
        organization_id=membership.organization and membership.organization.id,
        role=membership.role,
        updated_at=membership.updated_at,
    )


@router.on("organizationMembership.deleted")
def delete_membership(event: OrganizationMembershipDeleted) -> None:
    """Forget a membership."""
    delete(Membership, event.data.id)


app = Flask(__name__)
app.register_blueprint(clerk_blueprint(Endpoint(router), "/webhooks/clerk"))

if __name__ == "__main__":
    Row.metadata.create_all(engine)

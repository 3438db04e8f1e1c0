"""State for handlers in Django: its settings and its ORM are there without more ado.

Serve it with ``gunicorn state_django:app``. The table ``users`` is there already: a project has
migrations for that.
"""

import os

import django
import httpx
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.urls import path

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.django import clerk_view
from clerk_hooks.events import UserCreated

settings.configure(
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(","),
    CHAT_URL=os.environ["CHAT_URL"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only for trying it out"),
)
django.setup()


class User(models.Model):
    """In a project of several files this stands in ``models.py`` of an app."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=255)

    class Meta:
        """Which app and table the model belongs to."""

        app_label = "users"
        db_table = "users"


router = Router()
client = httpx.Client(timeout=10)


@router.on("user.created")
def save(event: UserCreated) -> None:
    """Insert a user; Django has opened the connection, and closes it."""
    User.objects.get_or_create(id=event.data.id)


@router.on("user.created")
def tell(event: UserCreated) -> None:
    """Say in a chat who has signed up."""
    said = client.post(settings.CHAT_URL, json={"text": f"{event.data.full_name} signed up"})
    said.raise_for_status()  # So that Svix tries again.


urlpatterns = [path("webhooks/clerk", clerk_view(Endpoint(router)))]
app = get_wsgi_application()

"""Django, a whole project in one file. Serve it with ``gunicorn django_app:app``.

In a project of several files the view belongs in ``urls.py``: three lines, marked below.
"""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.django import clerk_view
from clerk_hooks.events import UserCreated

settings.configure(
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(","),
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only for trying it out"),
)
django.setup()

router = Router()


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

# Without a slash at the end, like the URL in Clerk's dashboard.
urlpatterns = [path("webhooks/clerk", clerk_view(endpoint))]

app = get_wsgi_application()

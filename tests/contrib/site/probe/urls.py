from django.db import transaction
from django.urls import include, path

from clerk_hooks.adapters.django import async_clerk_view, clerk_view

from .webhooks import async_endpoint, endpoint


def outer(request):
    """A view of the app's own that has a transaction around the endpoint."""
    with transaction.atomic():
        return clerk_view(endpoint)(request)


def inner(request):
    """A view that calls the exempt one, and so is not exempt itself."""
    return clerk_view(endpoint)(request)


inner.csrf_exempt = outer.csrf_exempt = True
urlpatterns = [
    path("sync", clerk_view(endpoint)),
    path("async", async_clerk_view(async_endpoint)),
    path("async-over-sync", clerk_view(async_endpoint)),
    path("outer", outer),
    path("inner", inner),
    path("", include("urls")),
]

"""The URLs of the project."""

from accounts.webhooks import endpoint
from django.contrib import admin
from django.urls import path

from clerk_hooks.adapters.django import clerk_view

urlpatterns = [
    path("webhooks/clerk", clerk_view(endpoint)),  # without a slash, like the URL at Clerk
    path("admin/", admin.site.urls),
]

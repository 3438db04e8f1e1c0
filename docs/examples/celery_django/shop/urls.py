"""The URLs of the project."""

from customers.tasks import endpoint
from django.urls import path

from clerk_hooks.adapters.django import clerk_view

urlpatterns = [path("webhooks/clerk", clerk_view(endpoint))]

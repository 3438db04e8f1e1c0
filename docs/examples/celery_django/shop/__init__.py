"""The project. Django loads the Celery app with it."""

from .celery import app as celery_app

__all__ = ["celery_app"]

"""Settings of the project."""

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1]

INSTALLED_APPS = ["clerk_hooks.contrib.django", "customers"]
CLERK_WEBHOOK_SIGNING_SECRET = os.environ.get("CLERK_WEBHOOK_SIGNING_SECRET")

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
CELERY_BEAT_SCHEDULE = {"clerk": {"task": "clerk_hooks.sweep", "schedule": 30.0}}

DATABASES: dict[str, dict[str, object]] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
ROOT_URLCONF = "shop.urls"
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only for trying it out")
USE_TZ = True

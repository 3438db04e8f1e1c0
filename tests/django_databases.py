"""Django in a process of the tests: set up once, with databases that are known by their URL."""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import connections

APP = "clerk_hooks.contrib.django"


_SETTING_UP = threading.Lock()


def set_up(**values: Any) -> None:
    """Django as a process has it: once; what other tests have set up before is set anew."""
    with _SETTING_UP:
        if settings.configured:
            for name, value in values.items():
                setattr(settings, name, value)
            if not apps.is_installed(APP):
                apps.set_installed_apps([*settings.INSTALLED_APPS, APP])
        else:
            settings.configure(
                INSTALLED_APPS=[APP], LOGGING_CONFIG=None, SECRET_KEY="not used", **values
            )
            django.setup()


def alias_of(url: str) -> str:
    """The name of a database, which is known by its URL of SQLAlchemy's."""
    from sqlalchemy import make_url

    set_up()
    parsed = make_url(url)
    if parsed.get_backend_name() == "mysql":
        _use_pymysql()
    alias = sha256(url.encode()).hexdigest()[:16]
    options: dict[str, Any] = {
        name: value == "true" if name == "ssl_disabled" else value
        for name, value in parsed.query.items()
        if name in ("options", "ssl_disabled")
    }
    if parsed.get_backend_name() == "mysql":
        options["charset"] = "utf8mb4"  # Django's own is another before 5.2.
    database = {
        "ENGINE": f"django.db.backends.{_ENGINES[parsed.get_backend_name()]}",
        "NAME": parsed.database,
        "USER": parsed.username or "",
        "PASSWORD": parsed.password or "",
        "HOST": parsed.host or "",
        "PORT": str(parsed.port or ""),
        "OPTIONS": options,
    }
    if alias not in connections.settings:
        known = connections.configure_settings({"default": {}, alias: database})
        connections.settings[alias] = known[alias]
    return alias


_ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}


def _use_pymysql() -> None:
    """Let Django's backend for MySQL find PyMySQL in the place of mysqlclient."""
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)  # What Django asks of mysqlclient.
    pymysql.install_as_MySQLdb()


def create_tables(url: str) -> None:
    """Create the tables of the app, as its migrations do."""
    alias = alias_of(url)
    from clerk_hooks.contrib.django.models import Claim, Mark, Message, Worker

    with connections[alias].schema_editor() as editor:
        for model in (Claim, Mark, Message, Worker):
            editor.create_model(model)
    connections[alias].close()


class Closing:
    """A `DjangoStore` for threads that come and go: a call there closes the thread's connection."""

    def __init__(self, url: str, **options: Any) -> None:
        from clerk_hooks.contrib.django import DjangoStore

        self._alias = alias_of(url)
        self._store = DjangoStore(self._alias, **options)

    def claim(self, *arguments: Any) -> Any:
        return self._call("claim", arguments)

    def confirm(self, *arguments: Any) -> Any:
        return self._call("confirm", arguments)

    def release(self, *arguments: Any) -> Any:
        return self._call("release", arguments)

    def show(self, *arguments: Any) -> Any:
        return self._call("show", arguments)

    def forget(self, *arguments: Any) -> Any:
        return self._call("forget", arguments)

    def purge(self) -> Any:
        return self._call("purge", ())

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return getattr(self._store, name)(*arguments)
        finally:
            if threading.current_thread() is not threading.main_thread():
                self.close()

    def close(self) -> None:
        connections[self._alias].close()

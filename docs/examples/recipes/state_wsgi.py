"""State for handlers without a framework. Serve it with ``gunicorn state_wsgi:app``."""

from functools import partial

import httpx
from state import Settings, make_router, transaction

from clerk_hooks import Endpoint
from clerk_hooks.adapters.wsgi import wsgi_app

settings = Settings.from_environment()
begin = partial(transaction, settings.database)

app = wsgi_app(Endpoint(make_router(settings, begin, httpx.Client(timeout=10))))

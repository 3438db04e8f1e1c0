"""The Celery app of the tests with real workers; its settings come from the environment."""

from __future__ import annotations

import json
import os
import time

from celery import Celery

app = Celery("program", include=os.environ["INCLUDE"].split())
app.conf.update(json.loads(os.environ["SETTINGS"]))


@app.task(name="program.slow")
def slow() -> None:
    """A task of the app's own, for which its own limits hold."""
    time.sleep(60)

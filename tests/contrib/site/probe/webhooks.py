"""An endpoint whose handler plays the scene that `PLAYING` names; sync, and async."""

from __future__ import annotations

import os
from datetime import timedelta

from asgiref.sync import sync_to_async

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.contrib.django import signing_secret
from clerk_hooks.events import UserCreated

from .scenes import SCENES, STORE

PLAYING = {"scene": os.environ.get("SCENE", "usual")}

router, async_router = Router(), Router()


@router.on("user.created", name="write", drop_stale=True)
def write(event: UserCreated, delivery: Delivery) -> None:
    SCENES[PLAYING["scene"]](delivery)


@async_router.on("user.created", name="write", drop_stale=True)
async def awrite(event: UserCreated, delivery: Delivery) -> None:
    if PLAYING["scene"] == "on_the_loop":
        with STORE.transaction(delivery):
            return
    await sync_to_async(SCENES[PLAYING["scene"]])(delivery)


LEASE = timedelta(seconds=float(os.environ.get("LEASE", "60")))
endpoint = Endpoint(router, secret=signing_secret, store=STORE, lease=LEASE)
async_endpoint = Endpoint(async_router, secret=signing_secret, store=STORE, lease=LEASE)

"""The web process. Serve it with ``uvicorn main:app``."""

from fastapi import FastAPI
from webhooks import endpoint

from clerk_hooks.adapters.fastapi import clerk_router

app = FastAPI()
app.include_router(clerk_router(endpoint, "/webhooks/clerk"))

"""The applications of `http --store` that write to a database: ours, and what people write by hand.

By hand, exactly-once is a row of one's own for each message, whose id is unique, in the transaction
that has the effect. It knows no retries while a handler runs, and no order of events.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.events import UserCreated

from .http_apps import BY_HAND, CPU, OURS, SECRET, tell_cpu
from .sampling import sample

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

POSTGRESQL = "BENCHMARK_POSTGRESQL"
"""The environment variable with the URL of PostgreSQL."""

_tables = MetaData()
_number = BigInteger().with_variant(Integer, "sqlite")
_effects = Table(
    "effects",
    _tables,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("user_id", String(255), nullable=False),
)
_messages = Table("messages", _tables, Column("id", String(255), primary_key=True))


def _application(engine: sqlalchemy.Engine, folder: str) -> WSGIApplication:
    from flask import Flask, request

    from clerk_hooks.adapters.flask import clerk_blueprint
    from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

    if Path(folder).name == "sampled":
        sample(Path(folder))
    _tables.create_all(engine)
    store, router = SQLAlchemyStore(engine), Router()

    @router.on("user.created")
    def handle(event: UserCreated, delivery: Delivery) -> None:
        with Session(engine) as session, store.transaction(delivery, session):
            session.execute(insert(_effects).values(user_id=event.data.id))

    app = Flask(__name__)
    app.register_blueprint(clerk_blueprint(Endpoint(router, secret=SECRET, store=store), OURS))

    @app.post(BY_HAND)
    def receive() -> Any:
        body = request.get_data()
        try:
            Webhook(SECRET).verify(body, request.headers)  # type: ignore[arg-type]
        except WebhookVerificationError:
            return {"error": "no_match"}, 400
        event = json.loads(body)
        try:
            with Session(engine) as session, session.begin():
                session.execute(insert(_messages).values(id=request.headers["svix-id"]))
                if event["type"] == "user.created":
                    session.execute(insert(_effects).values(user_id=event["data"]["id"]))
        except IntegrityError:
            return {"outcome": "duplicate"}, 200
        return {"outcome": "handled"}, 200

    @app.get(CPU)
    def cpu() -> str:
        return tell_cpu()

    return app


def transaction_sqlite(folder: str) -> WSGIApplication:
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/app.sqlite3")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    return _application(engine, folder)


def transaction_postgresql(folder: str) -> WSGIApplication:
    return _application(sqlalchemy.create_engine(os.environ[POSTGRESQL]), folder)

"""Sessions that a store cannot confirm a handler in are refused; unusual ones that it can, work."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session
from sqlalchemy.orm import sessionmaker as make_sessions

from clerk_hooks import ConfigurationError, Delivery, Endpoint, Router, sign
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore
from clerk_hooks.stores.sqlite import SQLiteStore

from .apps import DATABASES, SERVERS, App, app
from .backends import Backend, backend
from .schemas import EFFECTS
from .sessions import Work, handler
from .worker import PAYLOAD, SECRET, Receiver, build, engine_of, openers

HANDLED, DUPLICATE = (200, "handled"), (200, "duplicate")
FAILED = (500, "handler_failed")
SYNC_SERVERS = [name for name in SERVERS if "async" not in name]


@pytest.fixture(params=DATABASES)
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[App]:
    with app(request.param, tmp_path, caplog) as shop:
        yield shop


def on(*names: str) -> Any:
    return pytest.mark.parametrize("shop", names, indirect=True)


@pytest.fixture(params=["transaction", "confirm_in"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def take(work: Work) -> None:
    """A step for either way."""
    work.confirm()
    work.write()
    if work.is_low_level:
        work.commit()


def refused(shop: App, *words: str) -> None:
    """Two attempts fail with these words in the log, and leave nothing."""
    for _ in range(2):
        seen = shop.receive()
        assert seen[:2] == FAILED
        for word in words:
            assert word in seen.log
        assert (shop.effects(), shop.states()) == ([], {})


@contextmanager
def other_place(shop: App, tmp_path: Path, has_tables: bool) -> Iterator[Backend]:
    folder = tmp_path / "other"
    folder.mkdir()
    with backend(shop.place.name, folder, has_tables=has_tables) as place:
        place.create_effects()
        yield place


@pytest.mark.parametrize("is_twin", [False, True])
def test_another_database_is_refused_also_if_it_has_the_tables(
    shop: App, way: str, is_twin: bool, tmp_path: Path
) -> None:
    with other_place(shop, tmp_path, is_twin) as place:
        if is_twin:
            place.open().purge()
        elsewhere = build(place.kind, place.url)
        shop.on(take, way, open_=next(iter(openers(elsewhere).values())))
        refused(shop, "another" if shop.place.name == "sqlite" else "its database is not")
        if shop.place.kind == "async":
            shop.receiver.run(engine_of(elsewhere).dispose())
        else:
            Receiver(elsewhere, Router()).close()
        assert place.sql("SELECT * FROM effects") == []


AUTOCOMMIT: dict[str, Callable[[Any, Any], Any]] = {
    "engine": lambda url, _: Session(
        sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    ),
    "engine's option": lambda _, engine: Session(
        engine.execution_options(isolation_level="AUTOCOMMIT")
    ),
    "connection's option": lambda _, engine: engine.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ),
    "session's option": lambda _, engine: session_with_option(engine),
}


def session_with_option(engine: Any) -> Session:
    session = Session(engine)
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    return session


@on("sqlalchemy-sqlite", *SYNC_SERVERS)
@pytest.mark.parametrize("spelling", AUTOCOMMIT)
def test_autocommit_of_sqlalchemy_is_refused(shop: App, way: str, spelling: str) -> None:
    shop.on(take, way, open_=lambda: AUTOCOMMIT[spelling](shop.place.url, engine_of(shop.store)))
    refused(shop, "AUTOCOMMIT")


@on(*SYNC_SERVERS)
@pytest.mark.parametrize("spelling", ["connect_args", "listener"])
def test_autocommit_of_the_driver_is_refused(shop: App, way: str, spelling: str) -> None:
    arguments = {"autocommit": True} if spelling == "connect_args" else {}
    engine = sqlalchemy.create_engine(
        shop.place.url, connect_args=arguments, poolclass=sqlalchemy.NullPool
    )

    if spelling == "listener":

        @event.listens_for(engine, "connect")
        def switch(driver: Any, _: object) -> None:
            if hasattr(driver, "get_autocommit"):
                driver.autocommit(True)
            else:
                driver.autocommit = True

    shop.on(take, way, open_=lambda: Session(engine))
    refused(shop, "AUTOCOMMIT")


@on("sqlalchemy-asyncpg")
def test_autocommit_of_an_async_engine_is_refused(shop: App, way: str) -> None:
    from sqlalchemy.ext.asyncio import AsyncSession

    engine = engine_of(shop.store).execution_options(isolation_level="AUTOCOMMIT")
    shop.on(take, way, open_=lambda: AsyncSession(engine))
    refused(shop, "AUTOCOMMIT")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the attribute is new in Python 3.12")
@on("sqlite")
def test_autocommit_of_the_module_sqlite3(shop: App, way: str) -> None:
    path = shop.place.url
    shop.on(
        take,
        way,
        name="true",
        open_=lambda: closing(sqlite3.connect(path, autocommit=True)),  # type: ignore[call-overload]
    )
    refused(shop, "autocommit")
    shop.on(
        take,
        way,
        name="false",
        open_=lambda: closing(sqlite3.connect(path, autocommit=False)),  # type: ignore[call-overload]
    )
    assert shop.receive()[:2] == FAILED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"false": "done"})


@on("sqlite")
def test_confirm_in_without_a_transaction_on_a_connection_that_begins_none_is_refused(
    shop: App,
) -> None:
    def step(work: Work) -> None:
        work.confirm()

    shop.on(step, "confirm_in", open_=shop.openers["sqlite3, isolation_level=None"])
    refused(shop, "begin one before confirm_in")


@on(*SERVERS)
@pytest.mark.parametrize("drop_stale", [False, True])
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_stricter_isolation_works(shop: App, way: str, isolation: str, drop_stale: bool) -> None:
    from sqlalchemy.ext.asyncio import AsyncSession

    strict = engine_of(shop.store).execution_options(isolation_level=isolation)
    kind: Any = Session if hasattr(shop.store, "claim") else AsyncSession
    shop.on(take, way, open_=lambda: kind(strict), drop_stale=drop_stale)
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive("msg_2")[:2] == HANDLED
    assert shop.receive()[:2] == DUPLICATE


@on(*SYNC_SERVERS)
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_that_is_older_than_the_claim_is_refused_where_it_cannot_see_it(
    shop: App, way: str, isolation: str
) -> None:
    engine = engine_of(shop.store).execution_options(isolation_level=isolation)
    with Session(engine) as session:
        session.execute(text("SELECT COUNT(*) FROM effects"))
        shop.store.purge()
        session.rollback()
        session.execute(text("SELECT COUNT(*) FROM effects"))

        @contextmanager
        def given() -> Iterator[Session]:
            """What a dependency of the framework gives, which has read something."""
            yield session

        shop.on(take, way, open_=given)
        seen = shop.receive()
        if "psycopg" in shop.place.name:
            assert seen[:2] == FAILED
            assert "snapshot is older than the claim" in seen.log
            session.rollback()
            assert shop.receive()[:2] == HANDLED
        else:  # MySQL's locking statements see what is newer.
            assert seen[:2] == HANDLED
        session.rollback()
    assert shop.effects() == ["msg_1"]
    assert shop.receive()[:2] == DUPLICATE


@on("sqlite", "sqlalchemy-sqlite", *SYNC_SERVERS)
def test_a_thread_without_the_handlers_context_can_confirm(shop: App, way: str) -> None:
    inner = handler(shop.store, next(iter(shop.openers.values())), take, way)

    @shop.router.on("user.*", name="h")
    def h(event: object, delivery: Delivery) -> None:
        thread = threading.Thread(target=inner, args=(event, delivery))
        thread.start()
        thread.join()

    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE


def test_a_handler_of_a_nested_dispatch_has_no_claim(shop: App, way: str) -> None:
    inner = Router()
    open_ = next(iter(shop.openers.values()))
    inner.on("user.*", name="inner")(handler(shop.store, open_, take, way))

    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Delivery) -> None:
            inner.dispatch(delivery)
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Delivery) -> None:
            await inner.adispatch(delivery)

    refused(shop, "it needs the delivery that a handler is given")


@on("sqlite", "sqlalchemy-sqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql")
def test_two_handlers_of_a_message_on_one_session_are_confirmed_each_with_its_own_effect(
    shop: App, way: str
) -> None:
    with next(iter(shop.openers.values()))() as shared:
        failing = [True]

        @contextmanager
        def given() -> Iterator[Any]:
            yield shared

        def second(work: Work) -> None:
            work.write("of the second")
            if failing:
                work.rollback() if work.is_low_level else None
                raise LookupError
            work.confirm()
            if work.is_low_level:
                work.commit()

        shop.on(take, way, name="first", open_=given)
        shop.on(second, way, name="second", open_=given)
        assert shop.receive()[:2] == FAILED
        assert (shop.effects(), shop.states()) == (["msg_1"], {"first": "done"})
        failing.clear()
        assert shop.receive()[:2] == HANDLED
    assert shop.effects() == ["msg_1", "of the second"]
    assert shop.receive()[:2] == DUPLICATE


@on("sqlalchemy-psycopg", "sqlalchemy-pymysql")
@pytest.mark.parametrize("mode", ["conditional_savepoint", "rollback_only", "create_savepoint"])
def test_a_session_whose_commit_is_not_durable_is_refused_before_it_commits(
    shop: App, way: str, mode: Any
) -> None:
    committed: list[object] = []

    @contextmanager
    def bound() -> Iterator[Session]:
        with (
            engine_of(shop.store).connect() as connection,
            connection.begin(),
            Session(connection, join_transaction_mode=mode) as session,
        ):
            event.listen(session, "after_commit", committed.append)
            yield session

    shop.on(take, way, open_=bound)
    refused(shop, "has a transaction around it")
    assert committed == []


@on("sqlalchemy-psycopg", "sqlalchemy-pymysql")
def test_a_session_that_ends_the_transaction_around_it_is_not_refused(shop: App, way: str) -> None:
    @contextmanager
    def bound() -> Iterator[Session]:
        with engine_of(shop.store).connect() as connection:
            connection.begin()
            with Session(connection, join_transaction_mode="control_fully") as session:
                yield session

    shop.on(take, way, open_=bound)
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})


@on("sqlalchemy-sqlite", "sqlalchemy-psycopg")
@pytest.mark.parametrize("kind", ["Session", "Connection"])
def test_a_test_that_rolls_back_takes_claims_and_effects_with_it(
    shop: App, way: str, kind: str
) -> None:
    """The fixture of SQLAlchemy's documentation."""
    engine = engine_of(shop.store)
    shop.store.purge()  # The tables are made.
    with engine.connect() as connection, connection.begin() as outer:
        store = SQLAlchemyStore(connection)
        router = Router()

        @contextmanager
        def opened() -> Iterator[Any]:
            if kind == "Connection":
                yield connection
            else:
                mode: Any = "create_savepoint"
                with Session(connection, join_transaction_mode=mode) as session:
                    yield session

        def step(work: Work) -> None:
            work.write()
            work.confirm()
            if work.is_low_level and kind == "Session":
                work.commit()

        failing = [True]

        def fails(work: Work) -> None:
            work.write("of the second")
            if failing:
                raise LookupError

        router.on("user.*", name="h")(handler(store, opened, step, way))
        router.on("user.*", name="fails")(handler(store, opened, fails, "transaction"))
        receiver = Receiver(store, router)
        assert receiver.receive("msg_1") == 500
        assert [record.handler for record in store.show("msg_1")] == ["h"]
        failing.clear()
        assert receiver.receive("msg_1") == 200
        found = connection.execute(text("SELECT message_id FROM effects ORDER BY message_id"))
        assert found.scalars().all() == ["msg_1", "of the second"]
        outer.rollback()
    assert (shop.effects(), shop.states()) == ([], {})


@on("sqlalchemy-psycopg")
def test_a_store_on_a_connection_refuses_a_session_that_is_not_on_it(shop: App, way: str) -> None:
    engine = engine_of(shop.store)
    shop.store.purge()
    with engine.connect() as connection, connection.begin():
        store, router = SQLAlchemyStore(connection), Router()
        router.on("user.*", name="h")(handler(store, lambda: Session(engine), take, way))
        assert Receiver(store, router).receive("msg_1") == 500
    assert shop.effects() == []


@on("sqlalchemy-psycopg", "sqlalchemy-sqlite")
def test_a_session_of_sqlmodel(shop: App, way: str) -> None:
    sqlmodel = pytest.importorskip("sqlmodel")
    engine = engine_of(shop.store)
    shop.on(take, way, open_=lambda: sqlmodel.Session(engine))
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE


@on("sqlalchemy-psycopg", "sqlalchemy-sqlite")
def test_the_session_of_flask_sqlalchemy(shop: App, way: str) -> None:
    flask = pytest.importorskip("flask")
    flask_sqlalchemy = pytest.importorskip("flask_sqlalchemy")
    application = flask.Flask(__name__)
    application.config["SQLALCHEMY_DATABASE_URI"] = shop.place.url
    db = flask_sqlalchemy.SQLAlchemy(application)

    @contextmanager
    def requested() -> Iterator[Any]:
        with application.app_context():
            yield db.session

    shop.on(take, way, open_=requested)
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE
    with application.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("session", [None, 5, "session", object()])
def test_what_is_no_session_is_refused(shop: App, way: str, session: Any) -> None:
    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Delivery) -> None:
            with getattr(shop.store, way)(delivery, session):
                pass
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Delivery) -> None:
            async with getattr(shop.store, way)(delivery, session):
                pass

    refused(shop, "must be a", type(session).__name__)


@on("sqlalchemy-psycopg", "sqlalchemy-asyncpg")
def test_a_session_of_the_other_kind_is_refused_with_what_to_use(shop: App) -> None:
    from sqlalchemy.ext.asyncio import AsyncSession

    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Delivery) -> None:
            shop.store.confirm_in(delivery, AsyncSession())
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Delivery) -> None:
            await shop.store.confirm_in(delivery, Session())

    refused(shop, "must be a", "AsyncS")


def test_a_statement_before_the_transaction_is_refused_on_sqlite_and_covered_elsewhere(
    shop: App,
) -> None:
    first = next(iter(shop.openers.values()))
    insert = text("INSERT INTO effects VALUES ('before')")

    if shop.place.name == "sqlite":

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Delivery) -> None:
            with first() as connection:
                connection.execute("INSERT INTO effects VALUES ('before')")
                with shop.store.transaction(delivery, connection):
                    pass
    elif hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def sh(event: object, delivery: Delivery) -> None:
            with first() as session:
                session.execute(insert)
                with shop.store.transaction(delivery, session):
                    pass
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Delivery) -> None:
            async with first() as session:
                await session.execute(insert)
                async with shop.store.transaction(delivery, session):
                    pass

    if shop.is_sqlite:
        refused(shop, "a statement was sent before")
    else:
        assert shop.receive()[:2] == HANDLED
        assert (shop.effects(), shop.states()) == (["before"], {"h": "done"})


@on("sqlalchemy-sqlite")
def test_an_engine_that_begins_transactions_by_listeners_as_sqlalchemy_advises(
    shop: App, way: str
) -> None:
    engine = sqlalchemy.create_engine(shop.place.url)

    @event.listens_for(engine, "connect")
    def connect(driver: Any, _: object) -> None:
        driver.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    shop.on(take, way, open_=lambda: Session(engine))
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE
    engine.dispose()


@on("sqlite")
def test_a_connection_of_sqlite3_may_return_rows_and_text_in_any_form(shop: App, way: str) -> None:
    def rows(cursor: Any, row: Any) -> dict[str, Any]:
        return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}

    @contextmanager
    def opened() -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(shop.place.url)) as connection:
            connection.row_factory = rows
            connection.text_factory = bytes
            yield connection

    shop.on(take, way, open_=opened, drop_stale=True)
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_of_the_app_keeps_its_journal_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute(EFFECTS)
    store, router = SQLiteStore(path), Router()
    router.on("user.*", name="h")(
        handler(store, lambda: closing(sqlite3.connect(path)), take, "transaction")
    )
    endpoint = Endpoint(router, store=store, secret=SECRET)
    assert endpoint.receive(PAYLOAD, sign(PAYLOAD, secret=SECRET)).status == 200
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)


def test_outside_a_handler_there_is_nothing_to_confirm(shop: App, way: str) -> None:
    delivery = Delivery("msg_1", 1_700_000_000, PAYLOAD)
    with pytest.raises(ConfigurationError, match=r"testing\.delivery") as caught:
        getattr(shop.store, way)(delivery, None)
    assert caught.value.reason == "not_claimed"


def test_a_claim_of_another_store_is_refused(shop: App, way: str) -> None:
    other = build(shop.place.kind, shop.place.url)
    open_ = next(iter(shop.openers.values()))
    shop.router.on("user.*", name="h")(handler(other, open_, take, way))
    refused(shop, "was claimed in another store")
    if hasattr(other, "close"):
        other.close()


class Base(DeclarativeBase): ...


class Effect(Base):
    __tablename__ = "effects"
    message_id: Mapped[str] = mapped_column(primary_key=True)


@on("sqlalchemy-sqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql")
def test_objects_of_the_orm_are_flushed_at_the_end_of_the_block(shop: App) -> None:
    sessions = scoped_session(make_sessions(engine_of(shop.store)))

    @shop.router.on("user.*", name="h")
    def h(event: object, delivery: Delivery) -> None:
        with shop.store.transaction(delivery, sessions):
            sessions.add(Effect(message_id=delivery.message_id))
        sessions.remove()

    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    shop.store.forget("msg_1")
    seen = shop.receive()
    assert seen[:2] == FAILED
    assert "IntegrityError" in seen.log
    assert shop.states() == {}

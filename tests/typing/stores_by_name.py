"""What type checkers know of the stores that are imported from the package: checked, never run."""

from sqlalchemy import Engine
from typing_extensions import assert_type

from clerk_hooks import stores
from clerk_hooks.stores import AsyncRedisStore, RedisStore, SQLAlchemyStore, SQLiteStore
from clerk_hooks.stores.redis import RedisStore as Same


def they_are_the_classes_of_the_modules(engine: Engine) -> None:
    assert_type(RedisStore("redis://localhost"), Same)
    assert_type(AsyncRedisStore("redis://localhost"), stores.AsyncRedisStore)
    assert_type(SQLAlchemyStore(engine), stores.SQLAlchemyStore)
    assert_type(SQLiteStore("store.sqlite3"), stores.SQLiteStore)


def another_name_is_not_there() -> None:
    stores.MongoStore  # type: ignore[attr-defined]  # noqa: B018

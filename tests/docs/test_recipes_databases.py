"""The recipes that write to a database: in whatever order and however often, the rows are right."""

import itertools
import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from .pages import BLOCK, ROOT
from .recipe import Recipe, database, run, serving, user

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")

HOUR = 3_600_000
START = 1_760_601_600_000
Rows = dict[str, set[tuple[Any, ...]]]


class Sync(NamedTuple):
    """A recipe that is being served, and a look into its tables at what is not deleted."""

    recipe: Recipe
    rows: Callable[[], Rows]
    empty: Callable[[], object]
    """Deletes all rows, those of the store too."""
    query: Callable[[str], set[tuple[Any, ...]]] = lambda statement: set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@pytest.fixture(scope="module")
def sqlite(folder: Path) -> Iterator[Sync]:
    database = folder / "clerk.sqlite3"

    def rows() -> Rows:
        with closing(sqlite3.connect(database)) as connection:
            return {
                table: {*connection.execute(f"SELECT {columns} FROM {table} WHERE NOT is_deleted")}
                for table, columns in COLUMNS.items()
            }

    def empty() -> None:
        with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
            tables = [*connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for (table,) in tables:
                connection.execute(f"DELETE FROM {table}")

    with serving("sync_sqlite", folder, {"DATABASE": str(database)}) as recipe:
        yield Sync(recipe, rows, empty)


@pytest.fixture(scope="module")
def postgresql(folder: Path) -> Iterator[Sync]:
    """A database of its own on the server that is there."""
    if any(find_spec(module) is None for module in ("psycopg", "sqlalchemy", "flask")):
        pytest.skip("needs psycopg, SQLAlchemy and Flask")
    import psycopg

    def query(statement: str) -> set[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return {*connection.execute(statement)}  # type: ignore[call-overload]

    def rows() -> Rows:
        return {
            table: query(f"SELECT {columns} FROM {table} WHERE deleted_at IS NULL")
            for table, columns in COLUMNS.items()
        }

    def empty() -> None:
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
                "WHERE schemaname = 'public'"
            ).fetchone()
            assert tables is not None
            connection.execute(f"TRUNCATE {tables[0]}")

    with database() as url:
        settings = {"DATABASE_URL": url.replace("postgresql://", "postgresql+psycopg://")}
        run("sync_postgresql", folder, settings)
        with serving("sync_postgresql", folder, settings) as recipe:
            yield Sync(recipe, rows, empty, query)


@pytest.fixture(scope="module")
def mongodb(folder: Path) -> Iterator[Sync]:
    url = os.environ.get("MONGODB_URL")
    if not url or find_spec("pymongo") is None:
        pytest.skip("needs PyMongo and a MongoDB: set MONGODB_URL, without a database in it")
    import pymongo

    name = f"clerk_hooks_{uuid4().hex}"
    with pymongo.MongoClient[dict[str, Any]](url) as client:

        def rows() -> Rows:
            live = {"is_deleted": {"$ne": True}}
            return {
                table: {
                    tuple(row.get(column if column != "id" else "_id") for column in names)
                    for row in client[name][table].find(live)
                }
                for table, names in ((t, c.split(", ")) for t, c in COLUMNS.items())
            }

        def empty() -> None:
            for table in client[name].list_collection_names():
                client[name][table].delete_many({})

        try:
            settings = {"MONGODB_URL": f"{url.rstrip('/')}/{name}"}
            with serving("sync_mongodb", folder, settings) as recipe:
                yield Sync(recipe, rows, empty)
        finally:
            client.drop_database(name)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mongodb"])
def served(request: pytest.FixtureRequest) -> Sync:
    found: Sync = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def sync(served: Sync) -> Sync:
    """One recipe for all tests; each begins with empty tables."""
    served.empty()
    return served


COLUMNS = {
    "users": "id, email, name",
    "organizations": "id, name, slug",
    "memberships": "id, user_id, organization_id, role",
}
Message = tuple[str, Mapping[str, object]]


def organization(name: str, **fields: object) -> dict[str, object]:
    return {"id": "org_1", "name": name, "slug": name.lower(), **fields}


def membership(role: str, **fields: object) -> dict[str, object]:
    return {
        "id": "orgmem_1",
        "role": role,
        "organization": organization("Analytical"),
        "public_user_data": {"user_id": "user_1"},
        **fields,
    }


LIVES: list[Message] = [
    ("user.created", user(first_name="A.", updated_at=START)),
    ("user.updated", user(updated_at=START + HOUR)),
    ("organization.created", organization("Engine", updated_at=START)),
    ("organization.updated", organization("Analytical", updated_at=START + HOUR)),
    ("organizationMembership.created", membership("org:member", updated_at=START)),
    ("organizationMembership.updated", membership("org:admin", updated_at=START + HOUR)),
]
DEATHS: list[Message] = [
    ("user.deleted", {"id": "user_1", "deleted": True}),
    ("organization.deleted", {"id": "org_1", "deleted": True}),
    ("organizationMembership.deleted", membership("org:admin", updated_at=START + HOUR)),
]


def deliver(sync: Sync, messages: list[Message]) -> None:
    for event_type, data in messages:
        assert sync.recipe.deliver(event_type, data).status == 200


def test_rows_hold_the_newest_state_whatever_the_order_and_however_often(sync: Sync) -> None:
    newest = {
        "users": {("user_1", "ada@example.com", "Ada Lovelace")},
        "organizations": {("org_1", "Analytical", "analytical")},
        "memberships": {("orgmem_1", "user_1", "org_1", "org:admin")},
    }
    deliver(sync, [*LIVES, *reversed(LIVES)])
    assert sync.rows() == newest


def test_nothing_revives_what_was_deleted(sync: Sync) -> None:
    orders = random.Random(1).sample([*itertools.permutations([*LIVES[:2], DEATHS[0]])], 3)
    for messages in orders:
        deliver(sync, list(messages))
        assert sync.rows()["users"] == set()
    deliver(sync, [*DEATHS, *LIVES, *DEATHS])
    assert sync.rows() == {"users": set(), "organizations": set(), "memberships": set()}


def test_deliveries_at_the_same_time_lose_nothing(sync: Sync) -> None:
    updates: list[Message] = [
        ("user.updated", user(f"user_{number % 3}", last_name=str(step), updated_at=START + step))
        for number in range(3)
        for step in range(8)
    ]
    random.Random(1).shuffle(updates)
    with ThreadPoolExecutor(8) as pool:
        statuses = [*pool.map(lambda message: sync.recipe.deliver(*message).status, updates)]
    assert statuses == [200] * len(updates)
    assert {name for _, _, name in sync.rows()["users"]} == {"Ada 7"}
    assert len(sync.rows()["users"]) == 3


def test_the_query_of_the_page_gives_members_of_organizations(postgresql: Sync) -> None:
    page = (ROOT / "docs" / "recipes" / "databases.md").read_text("utf-8")
    (query,) = [match["text"] for match in BLOCK.finditer(page) if match["kind"] == "sql"]
    member = {("Ada Lovelace", "Analytical", "org:admin")}
    deliver(postgresql, [LIVES[5], LIVES[3]])
    assert postgresql.query(query) == set()
    deliver(postgresql, [LIVES[1]])
    assert postgresql.query(query) == member
    deliver(postgresql, [DEATHS[1]])
    assert postgresql.query(query) == set()


def test_a_row_without_a_time_gives_way_to_one_that_has_it_and_not_the_reverse(sync: Sync) -> None:
    timeless = ("user.created", {"id": "user_1", "first_name": "Ada"})
    deliver(sync, [timeless, LIVES[1], timeless])
    assert sync.rows()["users"] == {("user_1", "ada@example.com", "Ada Lovelace")}


def test_a_user_without_an_address_or_a_name_is_a_row_too(sync: Sync) -> None:
    deliver(sync, [("user.created", {"id": "user_2", "updated_at": START})])
    assert sync.rows()["users"] == {("user_2", None, None)}

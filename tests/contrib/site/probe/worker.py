"""``python -m probe.worker``: does tasks, one for each line of its standard input.

A line is ``[task, arguments]`` in JSON. Each line that it prints is what came of one.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
import uuid
from typing import Any

import django

django.setup()

from django.db import connection, connections  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.test import Client  # noqa: E402

from clerk_hooks import Delivery, sign  # noqa: E402

from . import background  # noqa: E402
from .models import Effect  # noqa: E402
from .scenes import LATER, ON_COMMIT, in_a_thread  # noqa: E402
from .webhooks import PLAYING  # noqa: E402

LOG: list[str] = []


class Keeping(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info and record.exc_info[1]
        LOG.append(f"{record.levelname} {record.getMessage()}" + (f": {error}" if error else ""))


def deliver(message_id: str, path: str) -> int | str:
    """The status of the reply, or the error that the view raised."""
    data = {"id": f"user_{message_id}", "updated_at": 1700000000000}
    body = json.dumps({"type": "user.created", "data": data}).encode()
    headers = sign(body, message_id=message_id)
    try:
        reply = Client().post(path, body, content_type="application/json", headers=headers)
    except Exception as error:
        return f"{getattr(error, 'reason', '')} {type(error).__name__}: {error}"
    status: int = reply.status_code
    return status


def effects(message_id: str) -> int:
    """How many effects are committed."""
    return in_a_thread(Effect.objects.filter(message_id=message_id).count)  # type: ignore[no-any-return]


def play(scene: str, path: str = "/sync") -> dict[str, Any]:
    """Deliver a message to a scene; then once more, to the usual handler."""
    connections.close_all()
    LOG.clear()
    ON_COMMIT.clear()
    message_id = f"msg_{uuid.uuid4().hex}"
    PLAYING["scene"] = scene
    told = {"first": deliver(message_id, path), "effects": effects(message_id), "log": [*LOG]}
    PLAYING["scene"] = "usual"
    told |= {"second": deliver(message_id, path), "effects_then": effects(message_id)}
    return told | {"on_commit": len(ON_COMMIT), "is_open": connection.in_atomic_block}


def kill(scene: str, path: str = "/sync") -> list[tuple[int, int | str, int | str, int]]:
    """Deliver messages in processes that die: the n-th one at the n-th point, until none is left.

    For each: the effects then; the status of a retry within the lease, and of one after it; and
    the effects at last.
    """
    told = []
    for point in range(1, 1_000):
        message_id = f"msg_{uuid.uuid4().hex}"
        connections.close_all()
        LATER[0] = 0
        child = os.fork()
        if child == 0:
            PLAYING["scene"] = scene
            REACHED[0], KILL_AT[0] = 0, point
            deliver(message_id, path)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break
        after = effects(message_id)
        at_once = deliver(message_id, "/sync")
        LATER[0] = 61
        told.append((after, at_once, deliver(message_id, "/sync"), effects(message_id)))
    return told


def freeze() -> dict[str, Any]:
    """Let a process stand still in its handler, until another one has taken over.

    Returns the status for the successor, that for the frozen one, and the effects at last.
    """
    message_id = f"msg_{uuid.uuid4().hex}"
    connections.close_all()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        PLAYING["scene"] = "freezes"
        os.write(writer, str(deliver(message_id, "/sync")).encode())
        os._exit(0)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    LATER[0] = 10
    PLAYING["scene"] = "with_a_unique_row"
    status = deliver(message_id, "/sync")
    LATER[0] = 0
    os.kill(child, signal.SIGCONT)
    os.waitpid(child, 0)
    frozen = os.read(reader, 1000).decode()
    os.close(reader)
    os.close(writer)
    return {"status": status, "frozen": frozen, "effects": effects(message_id)}


def retry(message_id: str, later: float = 0, path: str = "/sync") -> tuple[int | str, int]:
    """Deliver a message at a later time; the status, and the effects after that."""
    LATER[0] = later
    PLAYING["scene"] = "usual"
    status = deliver(message_id, path)
    LATER[0] = 0
    return status, effects(message_id)


def terminate() -> list[tuple[int | str, int]]:
    """Deliver a message twice after the server has ended the connection."""
    ((process,),) = query("SELECT pg_backend_pid()")
    in_a_thread(lambda: query(f"SELECT pg_terminate_backend({process}, 10000)"))
    message_id = f"msg_{uuid.uuid4().hex}"
    return [retry(message_id) for _ in range(2)]


def query(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [*cursor.fetchall()]


def put(event_type: str) -> str:
    """Keep a message in the inbox; its id."""
    message_id = f"msg_{uuid.uuid4().hex}"
    payload = json.dumps({"type": event_type, "data": {"id": "user_1"}}).encode()
    assert background.inbox.put(Delivery(message_id, 1700000000, payload))
    return message_id


def states(message_ids: list[str]) -> list[tuple[str | None, int]]:
    """The state of each message, and its effects."""
    records = [background.inbox.show(message_id) for message_id in message_ids]
    return [(record and record.state, effects(record.message_id)) for record in records]


def end_connections(name: str) -> int:
    """Let PostgreSQL end all other connections of applications with this name; their number."""
    return len(
        query(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE application_name = '{name}' AND pid <> pg_backend_pid()"
        )
    )


REACHED = [0]
KILL_AT = [0]
"""The point at which to die: before or after a statement or a commit; 0 is never."""


def reach() -> None:
    REACHED[0] += 1
    if REACHED[0] == KILL_AT[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def at_statements(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
    reach()
    result = execute(sql, params, many, context)
    reach()
    return result


def watch() -> None:
    """Let `reach` be called at all points of this thread's connection."""
    commit = BaseDatabaseWrapper._commit

    def reaching(self: BaseDatabaseWrapper) -> Any:
        reach()
        result = commit(self)
        reach()
        return result

    BaseDatabaseWrapper._commit = reaching  # type: ignore[method-assign]
    connection.execute_wrappers.append(at_statements)


TASKS = {"play": play, "kill": kill, "freeze": freeze, "retry": retry, "terminate": terminate}
TASKS |= {"put": put, "states": states, "end_connections": end_connections}


def main() -> None:
    logging.getLogger().addHandler(Keeping())
    watch()
    for line in sys.stdin:
        task, arguments = json.loads(line)
        try:
            told = {"told": TASKS[task](**arguments)}
        except Exception:
            told = {"error": traceback.format_exc()}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

"""`Received` behind real servers: many deliveries at a time, each with its own reply."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")

from .application import Request, payload, signed
from .conftest import require
from .servers import APPS, TIMEOUT, Command, running


async def post(client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await client.post("/own", content=body, headers=headers)


async def deliver_all(port: int, requests: list[Request]) -> list[list[httpx.Response]]:
    """The answers to each request twice at a time, beside a forged one and one whose handler fails;
    the last answer is that to the request once more."""
    limits = httpx.Limits(max_connections=16)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=TIMEOUT) as client:

        async def deliver(body: bytes, headers: dict[str, str]) -> list[httpx.Response]:
            failing = signed(payload("user.updated"))
            together = [(body, headers), (body, headers), (body + b" ", headers), failing]
            answers = await asyncio.gather(*[post(client, *each) for each in together])
            return [*answers, await post(client, body, headers)]

        return await asyncio.gather(*[deliver(*request) for request in requests])


@pytest.mark.parametrize("server", ["uvicorn", "uvicorn-standard", "hypercorn"])
def test_every_delivery_is_handled_once_and_every_failure_is_told(
    server: str, tmp_path: Path
) -> None:
    command = Command([server], f"{APPS}.fastapi_app:build_received")
    for package in command.packages:
        require(package)
    with running(command, tmp_path) as served:
        requests = [signed(payload("user.created")) for _ in range(40)]
        answers = asyncio.run(deliver_all(served.port, requests))
    for (body, headers), (one, two, forged, failed, last) in zip(requests, answers, strict=True):
        assert {one.status_code, two.status_code} <= {200, 409}  # One may have to wait.
        assert last.json() == [headers["svix-id"], "user.created"]
        assert (forged.status_code, forged.json()["error"]) == (400, "no_match")
        assert (failed.status_code, failed.json()) == (500, {"error": "handler_failed"})
        assert (tmp_path / headers["svix-id"]).read_bytes() == body

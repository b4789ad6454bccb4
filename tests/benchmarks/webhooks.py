"""Webhooks accepted durably: per second and p99, against a bare FastAPI handler that publishes to JetStream.

Both are one process on loopback, asked by the same client with the same signed bodies. Ours verifies
and recognises repetitions; both await the stream's confirmation.
"""

import asyncio
import hashlib
import hmac
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request

from contracts.ids import new_id
from libs.testing.running import free_port, running_adjutant
from tests.benchmarks.platform import platform
from tests.benchmarks.report import Measurement, percentile

SECRET = "bench-secret"
REQUESTS, CLIENTS = 3_000, 32
BODY = json.dumps({"repository": {"full_name": "ada/engine", "owner": {"id": 7}}, "sender": {"id": 7}}).encode()


async def run() -> None:
    """Print both figures."""
    bare = await _bare()
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # noqa: S103 - PostgreSQL runs as a user of its own and has to enter
        settings = {"ADJUTANT_GATEWAY_GITHUB_WEBHOOK_SECRET": SECRET, "ADJUTANT_LOG_LEVEL": "WARNING"}
        async with running_adjutant(Path(directory) / "data", settings) as adjutant:
            ours = await _load(f"{adjutant.url}/webhooks/github")
    rate, bare_rate = REQUESTS / ours[0], REQUESTS / bare[0]
    Measurement("webhooks", "accepted_per_second", rate, "1/s", bare_rate, 0.6 * bare_rate, "higher").print()
    Measurement("webhooks", "p99", ours[1] * 1000, "ms", bare[1] * 1000, 1000).print()


async def _bare() -> tuple[float, float]:
    """Seconds for all, and the p99 of one, of the handler that only publishes."""
    async with platform("sync") as servers:
        admin = await servers.nats.admin()
        stream, app = admin.jetstream, FastAPI()

        @app.post("/webhooks/github")
        async def receive(request: Request) -> None:
            await stream.publish("cmd.sync.take_notification.v1", await request.body(), stream="CMD_SYNC")

        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        measured = await _load(f"http://127.0.0.1:{port}/webhooks/github")
        server.should_exit = True
        await serving
        await admin.close()
    return measured


async def _load(url: str) -> tuple[float, float]:
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    signature = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    left, taken = iter(range(REQUESTS)), list[float]()

    async def client(send: Callable[[], Awaitable[None]]) -> None:
        for _ in left:
            started = time.perf_counter()
            await send()
            taken.append(time.perf_counter() - started)

    async def connected() -> Callable[[], Awaitable[None]]:
        reader, writer = await asyncio.open_connection(host, int(port))

        async def send() -> None:
            head = (
                f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"X-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Event: push\r\n"
                f"X-GitHub-Delivery: {new_id('evt')}\r\nContent-Length: {len(BODY)}\r\n\r\n"
            )
            writer.write(head.encode() + BODY)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer[:200])
            lines = answer.decode().lower().split("\r\n")
            length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length")), 0)
            await reader.readexactly(length)

        return send

    clients = [await connected() for _ in range(CLIENTS)]
    for send in clients:
        await send()
    started = time.perf_counter()
    await asyncio.gather(*(client(send) for send in clients))
    return time.perf_counter() - started, percentile(taken, 0.99)

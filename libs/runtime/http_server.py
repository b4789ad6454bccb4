"""uvicorn inside our own event loop: our sockets, our signals, our end."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from libs.runtime.errors import PortTaken

BACKLOG = 2048
MAX_SOCKET_MESSAGE = 1_048_576


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"Port {port} of {host} is in use.") from error
        raise
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def bind_next(host: str, port: int) -> socket.socket:
    """A listening socket on the first free port from `port` on."""
    for candidate in range(port, min(port + 200, 65_536)):
        with contextlib.suppress(PortTaken):
            return bind(host, candidate)
    return bind(host, 0)


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8080`."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, grace_s: float, lifespan: Literal["auto", "off"] = "off"
) -> AsyncIterator[None]:
    """Serve until the block ends; then requests that run get `grace_s` to finish."""
    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(grace_s)),
        ws_max_size=MAX_SOCKET_MESSAGE,
        backlog=BACKLOG,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers no event; it takes a few ms
            await asyncio.sleep(0.002)
        if task.done():
            await task
            raise RuntimeError("the web application did not start")
        yield
    finally:
        server.should_exit = True
        await task

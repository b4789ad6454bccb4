"""A token endpoint that counts and can refuse: the emulated Google accepts every refresh token and revokes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs


class TokenEndpoint:
    """Hands out `access-1`, `access-2`, … and rotates the refresh token; `refusing` answers invalid_grant."""

    def __init__(self) -> None:
        self.url = ""
        self.refreshed_with: list[str] = []
        self.revoked: list[str] = []
        self.refusing = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        form = {name: values[0] for name, values in parse_qs((await reader.readexactly(length)).decode()).items()}
        status, body = self._respond(head.split()[1], form)
        payload = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + payload
        )
        await writer.drain()
        writer.close()

    def _respond(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if path.startswith("/revoke"):
            self.revoked.append(form["token"])
            return 200, {}
        self.refreshed_with.append(form["refresh_token"])
        if self.refusing:
            return 400, {"error": "invalid_grant"}
        number = len(self.refreshed_with)
        return 200, {"access_token": f"access-{number}", "expires_in": 3600, "refresh_token": f"refresh-{number}"}


@asynccontextmanager
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    """Listening at `.url`."""
    endpoint = TokenEndpoint()
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield endpoint

"""One exchange with a provider over httpx: bounded in time and size, failures told apart as the ledger needs them.

`libs.http` is not used here: the ledger of effects must tell a request that was never sent from one that was not
answered.
"""

import asyncio

import httpx

from libs.providers.call_count import note_call
from libs.providers.errors import ProviderGarbled, ProviderTimeout, ProviderUnreachable

MAX_ANSWER_BYTES = 8 * 1024 * 1024
DEFAULT_TIMEOUT_S = 8.0
CONNECT_TIMEOUT_S = 3.0
MAX_CONNECTIONS = 64


def http_client() -> httpx.AsyncClient:
    """A connection pool for providers; `aclose` it at the end. Timeouts over a whole call are set per call."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=16)
    timeout = httpx.Timeout(30.0, connect=CONNECT_TIMEOUT_S)
    return httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False)


async def exchange(http: httpx.AsyncClient, label: str, request: httpx.Request, timeout_s: float) -> httpx.Response:
    """The whole answer, whatever its status; counted. Raises ProviderUnreachable, ProviderTimeout, ProviderGarbled."""
    status: int | None = None
    try:
        async with asyncio.timeout(timeout_s):
            response = await http.send(request, stream=True)
            status = response.status_code
            try:
                return await _bounded(label, response)
            finally:
                await response.aclose()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ProviderUnreachable(f"{label} cannot be reached.") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ProviderTimeout(f"{label} did not answer within {timeout_s:.0f} s.") from error
    except httpx.HTTPError as error:
        raise ProviderGarbled(f"{label} broke off in the middle of its answer.") from error
    finally:
        note_call(status)


async def _bounded(label: str, response: httpx.Response) -> httpx.Response:
    """Read the whole answer unless it is absurdly large."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise ProviderGarbled(f"{label} sent more than {MAX_ANSWER_BYTES // 1024**2} MB.")
        chunks.append(chunk)
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(chunks))

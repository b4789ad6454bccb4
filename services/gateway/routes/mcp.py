"""The Model Context Protocol: any MCP client uses the user's tools with a key of this platform.

Stateless streamable HTTP: every request stands for itself, so any replica answers it. There is no stream that the
server opens by itself, hence no GET, and no session to DELETE.
"""

from fastapi import APIRouter, Request, Response

from libs.resilience.errors import AdjutantError
from services.gateway.guards import gateway_of, origin_of
from services.gateway.mcp import admission
from services.gateway.mcp.errors import refusal
from services.gateway.mcp.response import McpResponse

router = APIRouter()


# Not in the OpenAPI document: what is behind this path is described by the protocol itself.
@router.post("/mcp", response_class=Response, include_in_schema=False)
async def mcp(request: Request) -> Response:
    """One JSON-RPC message."""
    gateway = gateway_of(request)
    incoming: admission.Incoming | None = None
    try:
        admission.check_origin(request, gateway)
        caller = await admission.chatter(request)
        incoming = await admission.read(request)
        allowance = await admission.count_call(gateway, caller) if incoming.is_call else None
    except AdjutantError as error:
        return refusal(error, incoming.id if incoming else None, origin_of(request).request_id)
    return McpResponse(gateway, caller, incoming, allowance)

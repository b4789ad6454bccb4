"""The SDK's server for one request of one user. Imported with the first one: see `services.gateway.mcp.response`."""

import json
from typing import Any

import structlog
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from contracts.ids import ExecutionId, is_id
from contracts.tool import Effect, ToolDescription, Tools
from libs.resilience.errors import AdjutantError
from libs.telemetry import tracer
from services.gateway.accounts import find_account
from services.gateway.deps import Gateway
from services.gateway.mcp import repeats
from services.gateway.mcp.admission import MAX_BODY_BYTES, admit_effect
from services.gateway.mcp.calling import Calls, tools_of
from services.gateway.mcp.errors import INTERNAL_ERROR, INVALID_PARAMS, error_data, sentence
from services.gateway.mcp.offers import offered, status_tool
from services.gateway.mcp.results import failure, result_of
from services.gateway.mcp.words import IDEMPOTENCY_KEY, INSTRUCTIONS, STATUS_TOOL
from services.gateway.principal import Origin, Principal

log = structlog.get_logger("services.gateway")

Context = ServerRequestContext[Any, Any]


async def serve(
    gateway: Gateway, caller: Principal, exchange: tuple[Scope, Receive, Send], *, takes_events: bool
) -> None:
    """Answer one request: as events to those who take events, else as JSON."""
    server = _server(gateway, caller, exchange[0]["state"]["origin"])
    transport = StreamableHTTPSessionManager(
        server, stateless=True, json_response=not takes_events, max_request_body_size=MAX_BODY_BYTES
    )
    async with transport.run():
        await transport.handle_request(*exchange)


def _server(gateway: Gateway, caller: Principal, origin: Origin) -> "Server[Any]":
    tools = UserTools(gateway, caller, origin)
    server: Server[Any] = Server(
        "adjutant",
        title="Adjutant",
        version="1",
        instructions=INSTRUCTIONS,
        on_list_tools=tools.list,
        on_call_tool=tools.call,
    )
    # In the place of the SDK's own tracing: the edge opens the one span of a request, and no client names it.
    server.middleware[:] = [_explained]
    return server


async def _explained(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Every error as a sentence of ours: the SDK would show what an exception says."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except AdjutantError as error:
        raise MCPError(INTERNAL_ERROR, sentence(error), error_data(error)) from error
    except Exception as defect:
        log.exception("mcp_request_failed")
        raise MCPError(INTERNAL_ERROR, "Something went wrong on our side.") from defect


class UserTools:
    """The tools of the caller, listed at most once for a request."""

    def __init__(self, gateway: Gateway, caller: Principal, origin: Origin) -> None:
        self._gateway, self._caller, self._origin = gateway, caller, origin
        self._known: Tools | None = None

    async def list(self, _context: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        """tools/list: all on one page."""
        known = await self._tools()
        return ListToolsResult(tools=[*(offered(tool) for tool in known.tools), status_tool()])

    async def call(self, _context: Context, params: CallToolRequestParams) -> CallToolResult:
        """tools/call: what goes wrong with a tool is a result that says so; a tool that is not there is an error."""
        arguments = params.arguments or {}
        try:
            if params.name == STATUS_TOOL:
                return await self._status(arguments.get("action_id"))
            tool = await self._find(params.name)
            with tracer.span(f"tool {tool.name}", attributes={"adjutant.tool": tool.name}):
                if tool.effect is Effect.READ:
                    return await self._read(tool, json.dumps(arguments))
                return await self._execute(tool, json.dumps(arguments), (params.meta or {}).get(IDEMPOTENCY_KEY))
        except AdjutantError as error:
            return failure(error)

    async def _read(self, tool: ToolDescription, arguments: str) -> CallToolResult:
        outcome = await (await self._calls()).read(tool.name, arguments)
        return self._result(outcome, by_others=tool.returns_untrusted_text)

    async def _execute(self, tool: ToolDescription, arguments: str, given_key: Any) -> CallToolResult:
        key = repeats.checked_key(given_key)
        calls = await self._calls()
        outcome = None
        if key is None:
            action = repeats.fresh_id()
        else:
            gateway, scope, call = self._gateway, self._caller.scope, f"{tool.name} {arguments}"
            action = await repeats.keyed_id(gateway.db, gateway.signer, scope, key, call)
            outcome = await calls.settled_before(action)
        if outcome is None:
            await admit_effect(self._gateway, self._caller, self._origin, tool.name, action)
            outcome = await calls.execute(action, tool.name, arguments)
        return self._result(outcome, by_others=tool.returns_untrusted_text, action=action)

    async def _status(self, action: Any) -> CallToolResult:
        if not (isinstance(action, str) and is_id(action) and action.startswith("x_")):
            raise MCPError(INVALID_PARAMS, "action_id must be the id that the call of a tool answered.")
        outcome = await (await self._calls()).standing(ExecutionId(action))
        # Which tool it was is not said here, so whatever it returned counts as written by others.
        return self._result(outcome, by_others=True, action=ExecutionId(action))

    def _result(self, outcome: Any, *, by_others: bool, action: ExecutionId | None = None) -> CallToolResult:
        return result_of(outcome, self._gateway.seal, self._caller.scope, by_others=by_others, action=action)

    async def _calls(self) -> Calls:
        async with self._gateway.db.reading(self._caller.scope) as tx:
            account = await find_account(tx)
        return Calls(self._gateway, self._caller.scope, account.timezone)

    async def _find(self, name: str) -> ToolDescription:
        known = await self._tools()
        for tool in known.tools:
            if tool.name == name:
                return tool
        needed = f" Connecting {', '.join(known.missing_providers)} brings more." if known.missing_providers else ""
        raise MCPError(INVALID_PARAMS, f"Unknown tool. tools/list tells what there is.{needed}")

    async def _tools(self) -> Tools:
        if self._known is None:
            self._known = await tools_of(self._gateway, self._caller.scope)
        return self._known

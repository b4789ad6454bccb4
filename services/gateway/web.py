"""The web application of the gateway, assembled."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from services.gateway.deps import Gateway
from services.gateway.edge import Edge
from services.gateway.openapi import document
from services.gateway.problems import install
from services.gateway.routes import (
    actions,
    audit,
    auth,
    booking,
    booking_chat,
    chat,
    conversations,
    delegation_conversations,
    delegations,
    generate,
    health,
    integration_health,
    integrations,
    keys,
    mcp,
    memory,
    network,
    notifications,
    openai,
    profile,
    runs,
    socket,
    spending,
    supplied_keys,
    sync,
    tasks,
    webhooks,
)

ROUTERS = (
    chat.router,  # first: routes are looked through in this order
    webhooks.router,
    openai.router,
    mcp.router,
    generate.router,
    spending.router,
    health.router,
    auth.router,
    keys.router,
    conversations.router,
    integration_health.router,
    supplied_keys.router,
    integrations.router,
    sync.router,
    notifications.router,
    profile.router,
    delegations.router,
    delegation_conversations.router,
    booking.router,
    booking_chat.router,
    actions.router,
    runs.router,
    tasks.router,
    memory.router,
    network.router,
    audit.router,
    socket.router,
)

ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "X-CSRF-Token",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-Chat-Token",
    "MCP-Protocol-Version",
    "MCP-Method",
    "MCP-Name",
)


def web_application(gateway: Gateway) -> ASGIApp:
    """Routes inside, the edge outside."""
    app = FastAPI(
        title="Adjutant",
        version="1",
        description="A self-hosted assistant that reads your mail and calendar, answers, and acts for you.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # The edge opens the one span of a request; FastAPI's own would add three to each.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.gateway = gateway
    install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    allowed = CORSMiddleware(
        app,
        allow_origins=gateway.settings.cors_origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=ALLOWED_HEADERS,
        expose_headers=(
            "X-Request-Id",
            "X-Turn-Id",
            "X-Conversation-Id",
            "X-Chat-Token",
            "X-RateLimit-Remaining",
            "Retry-After",
        ),
        allow_credentials=True,
    )
    return Edge(
        allowed if gateway.settings.cors_origins else app,
        body_limit=gateway.settings.body_limit_bytes,
        trusted_proxies=gateway.settings.trusted_proxies,
    )

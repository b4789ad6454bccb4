"""Where providers send their notifications. No session and no key: each provider proves itself in its own way."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from libs.resilience.errors import AdjutantError
from services.gateway.errors import ProviderNotFound, WebhookMalformed, WebhookRefused
from services.gateway.guards import GatewayHere, OriginHere
from services.gateway.metrics import WEBHOOKS
from services.gateway.webhooks import deliveries
from services.gateway.webhooks.verification import NEEDS_GOOGLES_KEYS, VERIFICATIONS
from services.gateway.webhooks.webhook import Handshake, Webhook
from services.gateway.wire import problems

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/{provider}", response_class=Response, responses=problems(400, 401, 404, 413, 429, 503))
async def receive(provider: str, request: Request, gateway: GatewayHere, origin: OriginHere) -> Response:
    """Verified on the raw body, durable before the answer. A repetition is answered like the first one."""
    verify = VERIFICATIONS.get(provider)
    if verify is None:
        raise ProviderNotFound("No provider of this name sends notifications.")
    address = str(origin.address)
    gateway.refusals.check(address, provider)
    webhook = Webhook(
        headers=dict(request.headers),
        query=dict(request.query_params),
        body=await request.body(),
        received_at=datetime.now(UTC),
    )
    try:
        verified = verify(webhook, await gateway.webhook_secrets(with_googles_keys=provider in NEEDS_GOOGLES_KEYS))
    except AdjutantError as error:
        WEBHOOKS.labels(provider, error.slug).inc()
        if isinstance(error, WebhookRefused | WebhookMalformed):
            gateway.refusals.note(address, provider)
        raise
    if isinstance(verified, Handshake):
        WEBHOOKS.labels(provider, "handshake").inc()
        if verified.keep:
            await deliveries.keep_handshake(gateway.db, provider, webhook.body, webhook.received_at)
        return Response(verified.body, verified.status, media_type=verified.content_type)
    await deliveries.accept(gateway.bus, provider, verified, webhook.received_at)
    WEBHOOKS.labels(provider, "accepted").inc()
    return Response(status_code=200)

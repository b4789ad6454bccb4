"""Asking another service, and answering: typed both ways, with the deadline and the trace in the headers."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from contracts.envelope import Envelope, Query, Reply, Scope
from libs.bus.delivery import call_for
from libs.bus.errors import (
    CONNECTION_ERRORS,
    ErrorBody,
    MalformedMessage,
    RemoteError,
    ServiceUnavailable,
)
from libs.bus.metrics import FAILED, HANDLED, HANDLER_SECONDS
from libs.bus.routes import Route
from libs.bus.subjects import spoken
from libs.resilience.errors import AdjutantError, Internal
from libs.telemetry import continue_from, current_traceparent, get_logger, tracer

log = get_logger("libs.bus")

ReplyT = TypeVar("ReplyT", bound=Reply)

ERROR_HEADER = "adj-error"
QUERY_TIMEOUT_S = 2.0


async def ask(client: Client, service: str, query: Query[ReplyT], scope: Scope | None, timeout_s: float) -> ReplyT:
    """Send a query and wait for its typed reply. Raises RemoteError, ServiceUnavailable."""
    query_type = type(query)
    owner = query_type.owner()
    with tracer.span(f"ask {spoken(query_type)}", kind=SpanKind.CLIENT):
        envelope = Envelope.around(
            query_type,
            source=service,
            scope=scope,
            deadline=datetime.now(UTC) + timedelta(seconds=timeout_s),
            traceparent=current_traceparent(),
        )
        body = query.model_dump_json().encode()
        try:
            reply = await client.request(query_type.subject, body, timeout_s, headers=envelope.headers())
        except nats.errors.NoRespondersError as error:
            raise ServiceUnavailable(owner, f"no {owner} service is running") from error
        except nats.errors.TimeoutError as error:
            raise ServiceUnavailable(owner, f"{owner} did not answer within {timeout_s:g} s") from error
        except CONNECTION_ERRORS as error:
            raise ServiceUnavailable(owner, "the message bus does not respond") from error
        return _read(query_type, reply.data, (reply.headers or {}).get(ERROR_HEADER))


def _read(query_type: type[Query[ReplyT]], data: bytes, error_slug: str | None) -> ReplyT:
    try:
        if error_slug is not None:
            raise RemoteError(ErrorBody.model_validate_json(data))
        return query_type.reply_type().model_validate_json(data)
    except ValidationError as error:
        raise MalformedMessage(f"{query_type.owner()} answered {query_type.__name__} with something else") from error


async def respond(
    route: Route[Any], deps: Any, service: str, headers: dict[str, str], data: bytes
) -> tuple[bytes, dict[str, str]]:
    """Answer one query: body and headers of the reply. Every error becomes a reply; nobody waits for a timeout."""
    labels = (service, route.name)
    try:
        envelope = Envelope.from_headers(headers)
        with (
            continue_from(envelope.traceparent),
            tracer.span(f"answer {route.name}", kind=SpanKind.SERVER),
            HANDLER_SECONDS.labels(*labels).time(),
        ):
            reply = await route.run(_parse(route, data), call_for(envelope, 1, QUERY_TIMEOUT_S), deps)
    except AdjutantError as error:
        FAILED.labels(*labels, error.slug).inc()
        return _refusal(error)
    except Exception as error:
        FAILED.labels(*labels, "internal_error").inc()
        log.exception("answer_failed", route=route.name, error=type(error).__name__)
        return _refusal(Internal("something went wrong on our side"))
    HANDLED.labels(*labels).inc()
    return reply.model_dump_json().encode(), {}


def _parse(route: Route[Any], data: bytes) -> Any:
    try:
        return route.message.model_validate_json(data)
    except ValidationError as error:
        raise MalformedMessage(f"{route.message.__name__} does not fit its contract") from error


def _refusal(error: AdjutantError) -> tuple[bytes, dict[str, str]]:
    return ErrorBody.of(error).model_dump_json().encode(), {ERROR_HEADER: error.slug}

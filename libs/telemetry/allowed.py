"""What of a span leaves the process: attributes allowed by name, a status that is a word, never an event.

The rule is an allow-list because libraries add attributes of their own (addresses with query strings, SQL,
exception messages), and a release of theirs must not be able to leak anybody's data.
"""

import re
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

ALLOWED = frozenset(
    {
        "db.system.name",
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.status_code",
        "messaging.message.id",
        "network.protocol.name",
        "network.protocol.version",
        "rpc.method",
        "server.address",
        "server.port",
        "service.name",
        "url.scheme",
        "url.template",
    }
)
OURS = "adjutant."
"""Our own attributes: ids, counts, names of tools and steps. Whoever sets one keeps to that."""
MAX_TEXT = 200

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")


def is_allowed(name: str) -> bool:
    """Whether an attribute of this name may leave the process."""
    return name in ALLOWED or name.startswith(OURS)


def allowed_attributes(span: ReadableSpan) -> dict[str, AttributeValue]:
    """The attributes that may leave; long text is cut."""
    return {name: _cut(value) for name, value in (span.attributes or {}).items() if is_allowed(name)}


def allowed_reason(description: str | None) -> str | None:
    """The leading word of a status (a slug, a class name); SDKs put whole exception messages there."""
    found = _WORD.match(description or "")
    return found.group() if found else None


def _cut(value: AttributeValue) -> AttributeValue:
    return value[:MAX_TEXT] if isinstance(value, str) else value


class AllowedOnly(SpanExporter):
    """Hands on what is allowed; wrapped around an exporter of somebody else."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export cleaned copies."""
        return self._exporter.export([_cleaned(span) for span in spans])

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=allowed_attributes(span),
        kind=span.kind,
        status=Status(span.status.status_code, allowed_reason(span.status.description) if _is_error(span) else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _is_error(span: ReadableSpan) -> bool:
    return span.status.status_code.name == "ERROR"

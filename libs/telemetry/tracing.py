"""Spans: `with tracer.span("assemble context"): …`, continued across processes by W3C traceparents.

Measured per span on the development machine: see docs/decisions/0004-runtime-and-telemetry.md.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.util.types import AttributeValue

from libs.resilience.errors import AdjutantError

_service: ContextVar[str | None] = ContextVar("adjutant_service", default=None)


class Tracer:
    """Opens spans. An exception marks the span with its slug or class name; its message is not recorded."""

    def __init__(self, name: str) -> None:
        self._tracer = trace.get_tracer(name)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        continuing: str | None = None,
    ) -> Iterator[Span]:
        """The current span until the block ends; `continuing` is the traceparent of a remote parent."""
        with self._tracer.start_as_current_span(
            name,
            context=remote_parent(continuing) if continuing else None,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(trace.StatusCode.ERROR, reason(error))
                raise

    def begin(
        self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, AttributeValue] | None = None
    ) -> Span:
        """A child of the current span that does not become current, for work that is passed between tasks, such as a
        stream. Whoever begins it ends it."""
        return self._tracer.start_span(name, kind=kind, attributes=attributes)


tracer = Tracer("adjutant")


def reason(error: Exception) -> str:
    """The word by which an error is known in traces, logs and metrics."""
    return error.slug if isinstance(error, AdjutantError) else type(error).__name__


def current_traceparent() -> str | None:
    """The current span as a W3C header value; None outside of any trace."""
    here = trace.get_current_span().get_span_context()
    if not here.is_valid:
        return None
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"


@contextmanager
def continue_from(traceparent: str | None) -> Iterator[None]:
    """Spans inside the block are children of a remote one; a missing or malformed header starts a new trace."""
    parent = remote_parent(traceparent) if traceparent else None
    token = context.attach(parent if parent is not None else Context())
    try:
        yield
    finally:
        context.detach(token)


def remote_parent(traceparent: str) -> Context | None:
    """A context whose current span is the one the header names; None when the header is malformed."""
    parts = traceparent.split("-")
    if len(parts) != 4 or [len(part) for part in parts] != [2, 32, 16, 2] or parts[0] == "ff":
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    remote = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return trace.set_span_in_context(NonRecordingSpan(remote), Context()) if remote.is_valid else None


def current_service(default: str) -> str:
    """The service this code runs for."""
    return _service.get() or default


@contextmanager
def in_service(name: str) -> Iterator[None]:
    """What is started in this block, tasks included, belongs to that service: several may share a process."""
    token = _service.set(name)
    try:
        yield
    finally:
        _service.reset(token)


class NameService(SpanProcessor):
    """Writes the service into each span; needed only where several services share a process."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Called by the SDK."""
        if name := _service.get():
            span.set_attribute("service.name", name)

"""Trace context on the bus: W3C `traceparent` in, spans that continue it, `traceparent` out."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from libs.resilience.errors import AdjutantError

_tracer = trace.get_tracer("libs.bus")
_UNSAMPLED = trace.set_span_in_context(
    NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=False, trace_flags=TraceFlags(0)))
)


def current_traceparent() -> str | None:
    """The current span as a W3C header value; None outside of any trace."""
    here = trace.get_current_span().get_span_context()
    if not here.is_valid:
        return None
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"


@contextmanager
def span(
    name: str, kind: SpanKind, attributes: dict[str, str | int], *, continuing: str | None = None
) -> Iterator[Span]:
    """A span; `continuing` makes it the child of a remote one. An error gives it its slug as status."""
    parent = _remote(continuing) if continuing else None
    with _tracer.start_as_current_span(
        name, context=parent, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except Exception as error:
            slug = error.slug if isinstance(error, AdjutantError) else type(error).__name__
            opened.set_status(trace.StatusCode.ERROR, slug)
            raise


@contextmanager
def untraced() -> Iterator[None]:
    """For loops that only look whether there is something to do: they would drown the traces of real work."""
    token = context.attach(_UNSAMPLED)
    try:
        yield
    finally:
        context.detach(token)


def _remote(traceparent: str) -> context.Context | None:
    parts = traceparent.split("-")
    try:
        _, trace_id, span_id, flags = parts
        remote = SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    except ValueError:
        return None  # a malformed header starts a new trace, as the W3C text says
    return trace.set_span_in_context(NonRecordingSpan(remote)) if remote.is_valid else None

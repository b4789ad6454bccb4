"""Switches telemetry on for one process. Call it after the fork: exporters have threads, and threads do not fork."""

import threading
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from libs.telemetry.allowed import AllowedOnly
from libs.telemetry.logs import configure_logs
from libs.telemetry.trace_file import TraceFile
from libs.telemetry.tracing import NameService

EXPORT_EVERY_MS = 500
"""So that `adjutant trace` right after a turn finds it."""
OTLP_TIMEOUT_S = 2
SHUT_DOWN_S = 2.0


def configure(
    service: str,
    *,
    data_dir: Path | None,
    otlp_endpoint: str | None = None,
    log_level: str = "info",
    trace_file_bytes: int = 20_000_000,
    several_services: bool = False,
) -> None:
    """Logs to standard error; spans to files below `data_dir` and, when set, to a collector.

    `several_services`: they share this process, and each span names its own (`in_service`).
    """
    configure_logs(service, log_level)
    # Not Resource.create: it looks for detectors in the metadata of every installed package, in every process.
    resource = Resource({"service.name": service, "service.namespace": "adjutant"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if several_services:
        provider.add_span_processor(NameService())
    if data_dir is not None and trace_file_bytes:
        exporter = TraceFile(data_dir, service, trace_file_bytes)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_EVERY_MS))
    if otlp_endpoint:
        provider.add_span_processor(_otlp(otlp_endpoint))
    trace.set_tracer_provider(provider)


def _otlp(endpoint: str) -> BatchSpanProcessor:
    """To a collector; its thread gives up after two seconds, and the queue forgets what does not fit."""
    # Imported here: 25 MB and 0.2 s that an installation without a collector does not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    address = endpoint.rstrip("/")
    address = address if address.endswith("/v1/traces") else f"{address}/v1/traces"
    return BatchSpanProcessor(AllowedOnly(OTLPSpanExporter(endpoint=address, timeout=OTLP_TIMEOUT_S)))


def shut_down(timeout_s: float = SHUT_DOWN_S) -> None:
    """Export what is left, files first. Blocking, at most `timeout_s`: a collector that hangs must not hold a process.

    Measured without this bound: 4.9 s when the collector refuses, 10.1 s when it never answers.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        ending = threading.Thread(target=provider.shutdown, name="telemetry shut down", daemon=True)
        ending.start()
        ending.join(timeout_s)

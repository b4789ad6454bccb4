"""Metrics of this process in Prometheus' text format; each library declares its own in a `metrics.py`."""

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest

LOOP_LAG = Histogram(
    "adjutant_event_loop_lag_seconds",
    "How much later than asked the event loop woke up",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10),
)
READY = Gauge("adjutant_ready", "1 while the service is ready", ["service"])


def exposition() -> tuple[bytes, str]:
    """Body and content type of `/metrics`."""
    return generate_latest(), CONTENT_TYPE_LATEST

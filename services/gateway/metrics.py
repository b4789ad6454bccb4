"""What the gateway counts; served on its private port."""

from prometheus_client import Counter, Gauge, Histogram

RESPONSES = Counter("adjutant_http_responses_total", "Answers of the public API", ["method", "route", "status"])
RESPONSE_SECONDS = Histogram(
    "adjutant_http_response_start_seconds",
    "From the request to the first byte of the answer",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
WEBHOOKS = Counter(
    "adjutant_webhooks_total", "Notifications of providers, and what became of them", ["provider", "outcome"]
)
ACTIVE_STREAMS = Gauge("adjutant_active_streams", "Turns that clients follow right now")

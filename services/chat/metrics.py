"""What chat counts of its models; served on its private port."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)

REQUESTS = Counter("adjutant_model_requests_total", "Requests to models, by how they ended", ["deployment", "outcome"])
FAILED_ATTEMPTS = Counter("adjutant_model_failed_attempts_total", "Deployments that failed", ["deployment", "error"])
FIRST_TOKEN_SECONDS = Histogram(
    "adjutant_model_first_token_seconds", "Until something could be seen", ["deployment"], buckets=_SECONDS
)
REQUEST_SECONDS = Histogram("adjutant_model_request_seconds", "Whole answers", ["deployment"], buckets=_SECONDS)
TOKENS = Counter("adjutant_model_tokens_total", "Tokens by the provider's own count", ["deployment", "kind"])
COST_MICROS = Counter("adjutant_model_cost_micros_total", "Millionths of a US dollar", ["deployment"])
REFUSED = Counter("adjutant_model_requests_refused_total", "Requests that were not admitted", ["reason"])
WAITING = Gauge("adjutant_model_requests_waiting", "Admitted requests that wait for their turn at the plan's rate")
ACTIVE = Gauge("adjutant_model_streams_active", "Answers under way")
IS_UP = Gauge("adjutant_model_deployment_up", "1 well, 0.5 suspect or probed, 0 left alone", ["deployment"])

"""What Prometheus sees of the bus; labels are service and route, never a user."""

from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter("adjutant_bus_handled_total", "Messages handled, duplicates included", ["service", "route"])
DUPLICATES = Counter("adjutant_bus_duplicates_total", "Deliveries that the inbox had seen", ["service", "route"])
FAILED = Counter("adjutant_bus_failed_total", "Deliveries that ended in an error", ["service", "route", "error"])
DEAD = Counter("adjutant_bus_dead_total", "Messages that became dead letters", ["service", "route"])
HANDLER_SECONDS = Histogram(
    "adjutant_bus_handler_seconds",
    "Time from delivery to commit",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
RELAYED = Counter("adjutant_bus_relayed_total", "Outbox rows that NATS confirmed", ["service"])
RELAY_FAILURES = Counter("adjutant_bus_relay_failures_total", "Outbox batches that could not be sent", ["service"])
BACKLOG = Gauge("adjutant_bus_outbox_backlog", "Outbox rows that are due and not sent", ["service"])
PAUSED = Gauge("adjutant_bus_paused", "1 while fetching is paused because the database is away", ["service"])

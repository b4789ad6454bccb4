"""Owns what an operator sees of a process: spans, trace files, logs, metrics.

Never: a person's data or a secret in any of them; span attributes are allowed by name, log values are redacted.
"""

from libs.telemetry.configure import configure, shut_down
from libs.telemetry.logs import get_logger
from libs.telemetry.tracing import continue_from, current_traceparent, in_service, tracer

__all__ = ["configure", "continue_from", "current_traceparent", "get_logger", "in_service", "shut_down", "tracer"]

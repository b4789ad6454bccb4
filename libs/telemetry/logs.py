"""Structured logs: one JSON object a line on standard error, with trace, service, and everything redacted.

The standard library's logging (uvicorn, nats, sqlalchemy …) goes the same way.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import stamina.instrumentation
import structlog
from opentelemetry import trace

from libs.telemetry.redaction import redact, redact_text
from libs.telemetry.tracing import current_service

MAX_FRAMES = 15
MAX_CAUSES = 4

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIETER = {
    # These log addresses with query strings, or every request, at INFO.
    **dict.fromkeys(
        ("httpx", "httpx2", "httpcore", "openai", "urllib3", "googleapiclient", "alembic", "mcp"), logging.WARNING
    ),
    "uvicorn.access": logging.CRITICAL,
    "uvicorn.error": logging.WARNING,
    "asyncio": logging.WARNING,
}

Line = MutableMapping[str, Any]


def get_logger(name: str) -> Any:
    """`log = get_logger("services.chat")`, then `log.info("turn_started", turn_id=…)`."""
    return structlog.get_logger(name)


class Stream:
    """Where lines go; one write per line, so that processes sharing a pipe do not mix theirs."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write one line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = warn = error = critical = fatal = exception = log = failure = err = msg


def configure_logs(service: str, level: str) -> None:
    """Send structlog's and the standard library's lines to standard error. Safe to repeat."""

    def stamp(logger: Any, method: str, line: Line) -> Line:
        return stamped(line, service, method, getattr(logger, "name", ""))

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, stamp, finished],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=Stream,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [StandardLogging(service)]
    root.setLevel(_LEVELS[level])
    for name, quieter in _QUIETER.items():
        logging.getLogger(name).setLevel(max(quieter, _LEVELS[level]))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Its own hook logs the arguments of what is retried.
    stamina.instrumentation.set_on_retry_hooks([])


def stamped(line: Line, service: str, level: str, logger: str) -> Line:
    """Add time, level, service, logger, and the current trace."""
    line["ts"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    line["level"] = {"exception": "error", "warn": "warning", "msg": "info"}.get(level, level)
    line["service"] = current_service(service)
    if logger:
        line["logger"] = logger
    here = trace.get_current_span().get_span_context()
    if here.is_valid:
        line["trace_id"], line["span_id"] = f"{here.trace_id:032x}", f"{here.span_id:016x}"
    return line


def finished(_logger: Any, _method: str, line: Line) -> str:
    """Exceptions as one field, everything redacted, as JSON."""
    error = _exception_of(line.pop("exc_info", None))
    line.pop("stack_info", None)
    clean: dict[str, Any] = {name: redact(name, value) for name, value in line.items()}
    if error is not None:
        clean["exception"] = describe(error)
    try:
        return msgspec.json.encode(clean).decode()
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError):
        # A lone surrogate or an enormous number from outside must not cost the line, or fail who logs it.
        return json.dumps(clean, default=str)


def describe(error: BaseException) -> list[dict[str, Any]]:
    """The exception and its causes: class, redacted message, places; never the values of variables."""
    told: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(told) < MAX_CAUSES:
        frames = traceback.extract_tb(current.__traceback__)[-MAX_FRAMES:]
        places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
        told.append({"type": type(current).__name__, "message": redact_text(str(current)), "frames": places})
        if isinstance(current, BaseExceptionGroup) and not current.__cause__:
            current = current.exceptions[0]
        else:
            current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return told


def _short(filename: str) -> str:
    """Without the place of the installation."""
    return filename.rsplit("site-packages/", 1)[-1].rsplit("lib/python", 1)[-1]


def _exception_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        found = given[1]
        return found if isinstance(found, BaseException) else None
    return sys.exc_info()[1] if given else None


class StandardLogging(logging.Handler):
    """Takes records of libraries that use the standard library's logging."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self.addFilter(_OncePerMinute("opentelemetry"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; must not raise."""
        try:
            line: Line = {"event": record.getMessage(), "exc_info": record.exc_info}
            stamped(line, self._service, record.levelname.lower(), record.name)
            Stream().msg(finished(None, "", line))
        except Exception:
            self.handleError(record)


class _OncePerMinute(logging.Filter):
    """A collector that is down is news once a minute, not with every batch.

    It filters at the handler: filters of a logger do not see what its descendants log.
    """

    def __init__(self, family: str) -> None:
        super().__init__()
        self._family = family
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is told."""
        if not record.name.startswith(self._family):
            return True
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + 60
        return True

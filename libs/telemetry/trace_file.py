"""Recent traces in files, so that an operator without any backend sees something.

One file per process, `<service>-<pid>.jsonl`, one finished span a line; at half of its room it becomes
`<service>-<pid>.1.jsonl` and a new one begins. Files of processes that are gone are kept for a while.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from libs.telemetry.allowed import allowed_attributes, allowed_reason

DIRECTORY = "traces"
KEPT_S = 7 * 86_400
KEPT_BYTES = 200_000_000
"""Of all files together; the oldest of dead processes go first."""


class SpanRecord(msgspec.Struct, omit_defaults=True):
    """One line. Times are nanoseconds since 1970; ids are hexadecimal as in a traceparent."""

    trace: str
    span: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    parent: str | None = None
    error: str | None = None
    attributes: dict[str, object] = {}


class TraceFile(SpanExporter):
    """Writes spans of one process; called by the batch processor's thread alone."""

    def __init__(self, data_dir: Path, service: str, max_bytes: int) -> None:
        self._service = service
        self._half = max(max_bytes // 2, 4096)
        self._path = data_dir / DIRECTORY / f"{service}-{os.getpid()}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._encoder = msgspec.json.Encoder()
        self._size = self._path.stat().st_size if self._path.exists() else 0
        sweep(self._path.parent)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append one line per span. A full disk loses traces, never work."""
        lines = b"".join(self._encoder.encode(self._record(span)) + b"\n" for span in spans)
        try:
            if self._size + len(lines) > self._half and self._size:
                self._path.replace(self._path.with_suffix(".1.jsonl"))
                self._size = 0
            with self._path.open("ab", buffering=0) as file:
                file.write(lines)
        except OSError:
            return SpanExportResult.FAILURE
        self._size += len(lines)
        return SpanExportResult.SUCCESS

    def _record(self, span: ReadableSpan) -> SpanRecord:
        attributes: dict[str, object] = dict(allowed_attributes(span))
        failed = span.status.status_code.name == "ERROR"
        assert span.context is not None
        return SpanRecord(
            trace=f"{span.context.trace_id:032x}",
            span=f"{span.context.span_id:016x}",
            parent=f"{span.parent.span_id:016x}" if span.parent else None,
            name=span.name,
            service=str(attributes.pop("service.name", self._service)),
            start_ns=span.start_time or 0,
            end_ns=span.end_time or 0,
            error=(allowed_reason(span.status.description) or "error") if failed else None,
            attributes=attributes,
        )


def sweep(directory: Path) -> None:
    """Remove files of ended processes that are old, or that are too many; oldest first."""
    dead = sorted((stat.st_mtime, stat.st_size, path) for path, stat in _stats(directory) if not _is_alive(path))
    total = sum(size for _, size, _ in dead)
    for modified, size, path in dead:
        if total <= KEPT_BYTES and modified > time.time() - KEPT_S:
            break
        path.unlink(missing_ok=True)
        total -= size


def _stats(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in directory.glob("*.jsonl"):
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue  # another process swept it


def _is_alive(path: Path) -> bool:
    _, _, pid = path.name.partition(".")[0].rpartition("-")
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True

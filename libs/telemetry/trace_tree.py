"""`adjutant trace <turn-id>`: one trace as a tree, read from the files of all processes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.markup import escape
from rich.tree import Tree

from libs.resilience.errors import NotFound
from libs.telemetry.trace_file import DIRECTORY, SpanRecord

SHOWN = ("adjutant.tool", "adjutant.step", "adjutant.attempt", "http.route", "http.response.status_code")


class TraceNotFound(NotFound):
    """No file holds a span of this turn or trace."""

    slug = "trace_not_found"
    advice = "Traces are kept for a few days, in the data directory of the installation that ran the turn."


@dataclass(frozen=True, slots=True)
class Trace:
    """All known spans of one trace."""

    id: str
    spans: tuple[SpanRecord, ...]

    @property
    def services(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(span.service for span in sorted(self.spans, key=lambda span: span.start_ns)))

    @property
    def start_ns(self) -> int:
        """When its first span began."""
        return min(span.start_ns for span in self.spans)


def find_traces(data_dir: Path, wanted: str) -> list[Trace]:
    """The traces of a turn id, or the trace with this id; oldest first. Raises TraceNotFound."""
    files = sorted((data_dir / DIRECTORY).glob("*.jsonl"))
    ids = {span.trace for span in _spans(files, [wanted]) if wanted in (span.trace, span.attributes.get(_TURN))}
    if not ids:
        raise TraceNotFound(f"There is no trace of {wanted} in {data_dir / DIRECTORY}.")
    spans: dict[str, dict[str, SpanRecord]] = defaultdict(dict)
    for span in _spans(files, ids):
        if span.trace in ids:
            spans[span.trace][span.span] = span
    traces = [Trace(id, tuple(found.values())) for id, found in spans.items()]
    return sorted(traces, key=lambda trace: trace.start_ns)


_TURN = "adjutant.turn_id"


def _spans(files: Iterable[Path], words: Iterable[str]) -> Iterable[SpanRecord]:
    """Spans of all lines that contain one of the words; a line cut short by a kill is skipped."""
    needles = [word.encode() for word in words]
    decoder = msgspec.json.Decoder(SpanRecord)
    for path in files:
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue  # rotated away meanwhile
        for line in lines:
            if any(needle in line for needle in needles):
                try:
                    yield decoder.decode(line)
                except msgspec.DecodeError:
                    continue


def render(trace: Trace) -> Tree:
    """The trace as a tree: when each span began, how long it took, in which service, how it ended."""
    known = {span.span for span in trace.spans}
    children: dict[str | None, list[SpanRecord]] = defaultdict(list)
    for span in sorted(trace.spans, key=lambda span: span.start_ns):
        children[span.parent if span.parent in known else None].append(span)
    end_ns = max(span.end_ns for span in trace.spans)
    tree = Tree(
        f"[bold]trace {trace.id}[/]  {_ms(end_ns - trace.start_ns)}, {len(trace.spans)} spans in "
        f"{', '.join(trace.services)}",
        guide_style="dim",
    )
    _grow(tree, None, children, trace.start_ns)
    return tree


def _grow(branch: Tree, parent: str | None, children: dict[str | None, list[SpanRecord]], origin_ns: int) -> None:
    for span in children[parent]:
        _grow(branch.add(_label(span, origin_ns)), span.span, children, origin_ns)


def _label(span: SpanRecord, origin_ns: int) -> str:
    status = f"[red]✗ {escape(span.error)}[/]" if span.error else "[green]✓[/]"
    facts = " ".join(f"{name.rsplit('.', 1)[-1]}={span.attributes[name]}" for name in SHOWN if name in span.attributes)
    begun = f"+{_ms(span.start_ns - origin_ns)}"
    return (
        f"{status} [bold]{escape(span.name)}[/] [cyan]{escape(span.service)}[/] "
        f"{_ms(span.end_ns - span.start_ns)} [dim]{begun} {escape(facts)}[/]"
    )


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"

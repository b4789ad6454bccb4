"""Spans become lines of a file and lines become a tree; what is not allowed stays behind."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from rich.console import Console

from libs.resilience.errors import NotFound
from libs.telemetry import tracing
from libs.telemetry.trace_file import DIRECTORY, TraceFile, sweep
from libs.telemetry.trace_tree import TraceNotFound, find_traces, render
from libs.telemetry.tracing import NameService, Tracer, continue_from, current_traceparent, in_service


@pytest.fixture
def tracer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracer]:
    """A tracer that writes into the test's directory at once."""
    provider = TracerProvider()
    provider.add_span_processor(NameService())
    provider.add_span_processor(SimpleSpanProcessor(TraceFile(tmp_path, "adjutant", 40_000)))
    own = Tracer("test")
    monkeypatch.setattr(own, "_tracer", provider.get_tracer("test"))
    yield own
    provider.shutdown()


def shown(tmp_path: Path, wanted: str) -> str:
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        console.print(render(find_traces(tmp_path, wanted)[0]))
    return console.export_text()


def fail(tracer: Tracer, name: str, error: Exception, attributes: dict[str, str]) -> None:
    """A span that ends with this error, as a library would record it too."""
    with suppress(type(error)), tracer.span(name, attributes=attributes) as span:
        span.record_exception(error)
        raise error


def test_a_turn_is_told_as_one_tree_over_services(tracer: Tracer, tmp_path: Path) -> None:
    with in_service("gateway"), tracer.span("POST /api/ai/chat", attributes={"adjutant.turn_id": "turn_1"}):
        traceparent = current_traceparent()
    with in_service("chat"), continue_from(traceparent), tracer.span("handle chat.run_turn"):
        fail(tracer, "ask tool.find", NotFound("no mail of bob@example.com"), {})

    told = shown(tmp_path, "turn_1")

    assert "3 spans in gateway, chat" in told
    assert told.index("POST /api/ai/chat") < told.index("handle chat.run_turn") < told.index("ask tool.find")
    assert "✗ not_found ask tool.find" in told


def test_attributes_that_nobody_allowed_stay_in_the_process(tracer: Tracer, tmp_path: Path) -> None:
    attributes = {"url.query": "token=1", "db.query.text": "select 'bob'", "http.route": "/x", "adjutant.turn_id": "t"}
    fail(tracer, "GET /x", ValueError("bob@example.com"), attributes)

    written = b"".join(path.read_bytes() for path in (tmp_path / DIRECTORY).iterdir())

    assert b"/x" in written
    for secret in (b"token=1", b"bob", b"url.query"):
        assert secret not in written


def test_an_unknown_turn_is_said_to_be_unknown(tmp_path: Path) -> None:
    with pytest.raises(TraceNotFound):
        find_traces(tmp_path, "turn_2")


def test_a_line_cut_short_by_a_kill_does_not_hide_the_rest(tracer: Tracer, tmp_path: Path) -> None:
    with tracer.span("POST /api/ai/chat", attributes={"adjutant.turn_id": "turn_1"}):
        pass
    with next((tmp_path / DIRECTORY).iterdir()).open("ab") as file:
        file.write(b'{"trace":"1","adjutant.turn_id":"turn_1')

    assert len(find_traces(tmp_path, "turn_1")) == 1


def test_the_files_of_a_process_stay_below_their_room(tracer: Tracer, tmp_path: Path) -> None:
    for number in range(500):
        with tracer.span("a span with a name of some length", attributes={"adjutant.turn_id": f"turn_{number}"}):
            pass

    files = list((tmp_path / DIRECTORY).iterdir())

    assert len(files) == 2
    assert sum(path.stat().st_size for path in files) <= 40_000
    assert find_traces(tmp_path, "turn_499")


def test_old_files_of_dead_processes_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    dead, recent, alive = (
        tmp_path / name for name in ("a-999999999.jsonl", "b-999999999.jsonl", f"c-{os.getpid()}.jsonl")
    )
    for path in (dead, recent, alive):
        path.write_text("{}")
    os.utime(dead, (0, 0))
    os.utime(alive, (0, 0))

    sweep(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {recent.name, alive.name}


@pytest.mark.parametrize("header", ["", "00-1-2-3", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff-x-y-01", "ü"])
def test_a_malformed_traceparent_starts_a_new_trace(header: str) -> None:
    assert tracing.remote_parent(header) is None
    with continue_from(header):
        assert not trace.get_current_span().get_span_context().is_valid

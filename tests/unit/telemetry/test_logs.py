"""Log lines are one JSON object each, with what is needed to find the trace, and nothing that is secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Configured as in a process; put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs("chat", "info")
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    line: dict[str, object] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return line


def test_a_line_says_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("services.chat").info("turn_started", turn_id="turn_1", api_key="x")

    line = last_line(capsys)

    assert (
        line.items()
        >= {"event": "turn_started", "service": "chat", "logger": "services.chat", "turn_id": "turn_1"}.items()
    )
    assert line["api_key"] == "[redacted]"


def test_an_exception_is_one_field_without_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    password = "hunter2"  # a local variable that must not be shown
    try:
        try:
            raise KeyError("ada@example.com")
        except KeyError as error:
            raise RuntimeError(f"failed for {len(password)}") from error
    except RuntimeError:
        structlog.get_logger("services.chat").exception("turn_failed")

    text = capsys.readouterr().err
    told = json.loads(text)["exception"]

    assert [part["type"] for part in told] == ["RuntimeError", "KeyError"]
    assert "hunter2" not in text
    assert "ada@" not in text


def test_the_standard_library_goes_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("nats.aio").warning("cannot reach nats://chat:%s@nats", "hunter2")

    line = last_line(capsys)

    assert line["logger"] == "nats.aio"
    assert "hunter2" not in str(line["event"])


def test_a_value_that_cannot_be_encoded_does_not_lose_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("x").info("odd", value=object(), error=ValueError("x"), text2="\ud800")

    assert last_line(capsys)["event"] == "odd"


def test_a_collector_that_is_down_is_told_once_also_by_loggers_made_later(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logging.getLogger("opentelemetry.exporter.made.later").error("cannot export")
    logging.getLogger("nats.aio").warning("something else")

    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]

    assert events == ["cannot export", "something else"]

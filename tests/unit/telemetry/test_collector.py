"""A collector that does not answer costs neither work nor the end of a process."""

import socket
import subprocess
import sys

import pytest

PROGRAM = """
import sys, time
from libs.telemetry import configure, shut_down, tracer
configure("x", data_dir=None, otlp_endpoint=sys.argv[1], log_level="error")
begun = time.perf_counter()
for _ in range(5000):
    with tracer.span("x"):
        pass
worked = time.perf_counter()
shut_down()
print(worked - begun, time.perf_counter() - worked)
"""


@pytest.mark.parametrize("answers", ["refuses", "never answers"])
def test_a_process_works_on_and_ends_in_time(answers: str) -> None:
    with socket.socket() as collector:
        collector.bind(("127.0.0.1", 0))
        if answers == "never answers":
            collector.listen(8)
        endpoint = f"http://127.0.0.1:{collector.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, endpoint], capture_output=True, text=True, timeout=60, check=True
        )
    worked_s, ended_s = map(float, done.stdout.split())

    assert worked_s < 3, "5,000 spans; 0.12 s was measured"
    assert ended_s < 3

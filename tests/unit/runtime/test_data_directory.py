"""One supervisor per data directory, and it is known who it is."""

import os
from pathlib import Path

import pytest

from libs.runtime.child_process import fork
from libs.runtime.data_directory import RunningProcess, RunRecord, held
from libs.runtime.errors import DataDirectoryTaken, PortTaken
from libs.runtime.http_server import bind, bind_next, url_of


def try_to_hold(directory: Path) -> int:
    """In another process: 0 when it could."""
    try:
        with held(directory):
            return 0
    except DataDirectoryTaken:
        return 7


def exit_code_of_another(directory: Path) -> int:
    pid = fork(lambda: try_to_hold(directory), ())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_second_one_is_refused_while_the_first_runs_and_not_afterwards(tmp_path: Path) -> None:
    with held(tmp_path):
        assert exit_code_of_another(tmp_path) == 7

    assert exit_code_of_another(tmp_path) == 0


def test_the_refusal_names_the_holder_and_its_address(tmp_path: Path) -> None:
    with held(tmp_path):
        RunRecord(4711, "http://127.0.0.1:8080", ()).write(tmp_path)

        with pytest.raises(DataDirectoryTaken, match=r"4711.*http://127\.0\.0\.1:8080"), held(tmp_path):
            pass


def test_what_runs_is_read_back_as_it_was_written_and_gone_when_nothing_runs(tmp_path: Path) -> None:
    record = RunRecord(1, "http://x", (RunningProcess("chat", 0, 2, 3),), postgres_pid=4, nats_pid=5)
    with held(tmp_path):
        record.write(tmp_path)
        assert RunRecord.read(tmp_path) == record

    assert RunRecord.read(tmp_path) is None


def test_a_taken_port_is_refused_and_replicas_take_the_next_free_one() -> None:
    first = bind("127.0.0.1", 0)
    port = first.getsockname()[1]
    second = bind_next("127.0.0.1", port)

    with pytest.raises(PortTaken):
        bind("127.0.0.1", port)

    assert second.getsockname()[1] != port
    assert url_of(first) == f"http://127.0.0.1:{port}"
    first.close()
    second.close()

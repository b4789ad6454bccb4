"""What lies in the repository is what the contracts say now, and they still fit what was released."""

from pathlib import Path

import pytest

from libs.bus import generate

CONTRACTS = Path(__file__).parents[3] / "contracts"


def test_generated_files_are_fresh_and_no_released_contract_is_broken() -> None:
    assert generate.check(CONTRACTS / "generated", CONTRACTS / "released") == []


def test_a_stale_a_missing_and_a_superfluous_file_are_named(tmp_path: Path) -> None:
    generate.export(tmp_path)
    (tmp_path / "topology.json").write_text("{}")
    (tmp_path / "permissions" / "chat.conf").unlink()
    (tmp_path / "schemas" / "evt.gone.v1.json").write_text("{}")

    problems = generate.check(tmp_path, CONTRACTS / "released")

    assert [problem.split(" ")[0] for problem in problems] == [
        "permissions/chat.conf",
        "schemas/evt.gone.v1.json",
        "topology.json",
    ]


def test_exporting_removes_what_no_contract_names_any_more(tmp_path: Path) -> None:
    generate.export(tmp_path)
    (tmp_path / "schemas" / "evt.gone.v1.json").write_text("{}")

    generate.export(tmp_path)

    assert generate.check(tmp_path, CONTRACTS / "released") == []


@pytest.mark.parametrize("service", ["chat", "voice"])
def test_a_permission_file_grants_nothing_on_other_services_consumers(service: str) -> None:
    text = (CONTRACTS / "generated" / "permissions" / f"{service}.conf").read_text()

    for line in text.splitlines():
        if "MSG.NEXT" in line or "$JS.ACK" in line:
            assert f".{service}_" in line
        assert '">"' not in line
        assert "$JS.API.>" not in line

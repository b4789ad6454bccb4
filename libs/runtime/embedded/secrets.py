"""The passwords and keys of an embedded installation, made once, in a file that only its owner reads."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FILE = "secrets.json"


@dataclass(frozen=True, slots=True, repr=False)
class EmbeddedSecrets:
    """Everything `secrets.json` holds. Losing the file loses the sealed data: back it up with the data directory."""

    postgres_owner: str
    postgres_roles: dict[str, str]
    """Service name to the password of `svc_<service>`."""
    nats_users: dict[str, str]
    """Service name to its NATS password, and `admin` for provisioning."""
    master_keys: str
    """As `ADJUTANT_MASTER_KEYS`: `k1:<base64>`."""
    session_key: str

    @classmethod
    def load_or_create(cls, data_dir: Path, services: Iterable[str]) -> Self:
        """Read the file, adding what a new service needs; the first call writes it."""
        data_dir.mkdir(parents=True, exist_ok=True)
        path = data_dir / FILE
        known = json.loads(path.read_text()) if path.exists() else {}
        names = list(services)
        filled = {
            "postgres_owner": known.get("postgres_owner") or _password(),
            "postgres_roles": {n: _password() for n in names} | known.get("postgres_roles", {}),
            "nats_users": {n: _password() for n in [*names, "admin"]} | known.get("nats_users", {}),
            "master_keys": known.get("master_keys") or f"k1:{base64.b64encode(os.urandom(32)).decode()}",
            "session_key": known.get("session_key") or _password(),
        }
        if filled != known:
            _write_privately(path, json.dumps(filled, indent=2))
        return cls(**filled)

    def __repr__(self) -> str:
        return "EmbeddedSecrets(…)"


def _password() -> str:
    # The letter in front keeps nats-server from reading a password that begins with digits as a number.
    return "p" + secrets.token_urlsafe(32)


def _write_privately(path: Path, text: str) -> None:
    """Replace in one step, readable by the owner alone, on disk before anything is encrypted with it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

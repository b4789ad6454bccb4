"""A password's SCRAM verifier, so that `alter role … password` never carries the password itself (RFC 5803)."""

import base64
import hashlib
import hmac
import os


def scram_verifier(password: str, *, iterations: int = 4096, salt: bytes | None = None) -> str:
    """The text PostgreSQL stores in `pg_authid.rolpassword`. ASCII passwords only: no SASLprep is applied."""
    if not password.isascii():
        raise ValueError("a role's password must be ASCII")
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

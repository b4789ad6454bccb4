"""Signatures that let a replica refuse a forged session without asking the database."""

import base64
import hashlib
import hmac
import secrets

from libs.vault import MasterKeys

_PURPOSE = ("gateway", "session signature")


class Signer:
    """HMAC-SHA256 under keys derived from the master keys; the first signs, all of them verify (rotation)."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    @classmethod
    def from_master(cls, master: MasterKeys) -> "Signer":
        """One derived key for each master key, the current one first."""
        return cls(tuple(master.derive(key_id, _PURPOSE) for key_id in master.ids))

    def sign(self, text: str) -> str:
        """The signature, 43 characters of base64url."""
        return _mac(self._keys[0], text)

    def verifies(self, text: str, signature: str) -> bool:
        """Whether one of the keys made this signature; compared in constant time."""
        given = signature.encode("utf-8", "replace")
        return any([hmac.compare_digest(_mac(key, text).encode(), given) for key in self._keys])


def _mac(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_secret() -> str:
    """256 random bits as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored instead of a secret. Of 256 random bits a plain SHA-256 is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()

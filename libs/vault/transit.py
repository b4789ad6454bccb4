"""Sealed text inside messages, so that a stream's files and its readers hold no content.

The key is derived from the master key by purpose and user (HKDF-SHA256): sender and receiver need no table in
common. It is not erasable per user; streams forget by age instead.
"""

import base64
import binascii
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.envelope import Scope
from libs.vault.errors import CiphertextRejected
from libs.vault.master_keys import MasterKeys
from libs.vault.sealing import open_sealed, seal


class TransitSeal:
    """Seals text for one purpose and user; the result is URL-safe text `<master key id>.<base64>`."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys
        # 12 µs for a derivation; a turn seals and opens several times.
        self._cipher = lru_cache(maxsize=1024)(self._derive)

    def seal(self, purpose: str, scope: Scope, text: str) -> str:
        """Encrypt."""
        key_id = self._keys.current_id
        sealed = seal(self._cipher(key_id, purpose, scope), text.encode(), (key_id, purpose))
        return f"{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, purpose: str, scope: Scope, sealed: str) -> str:
        """Decrypt. Raises CiphertextRejected unless purpose and user are those of the seal; MasterKeyUnknown."""
        key_id, _, encoded = sealed.partition(".")
        try:
            raw = base64.urlsafe_b64decode(encoded)
        except binascii.Error as error:
            raise CiphertextRejected("A sealed text is damaged.") from error
        return open_sealed(self._cipher(key_id, purpose, scope), raw, (key_id, purpose)).decode()

    def _derive(self, key_id: str, purpose: str, scope: Scope) -> AESGCM:
        return AESGCM(self._keys.derive(key_id, ("transit", purpose, scope.organization_id, scope.user_id)))

    def __repr__(self) -> str:
        return "TransitSeal(…)"

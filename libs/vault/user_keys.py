"""The data key of one user in one schema: what rows are sealed with.

A ciphertext is: format byte 1, key id (16 bytes), nonce (12), ciphertext, tag (16); 45 bytes more than the text.
It is bound to organization, user, purpose, row and key, so that no one who can write the table can make one row's
secret appear in another.
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.envelope import Scope
from libs.vault.errors import CiphertextRejected
from libs.vault.sealing import open_sealed, seal

FORMAT = b"\x01"
KEY_ID_BYTES = 16


class UserKey:
    """Seals and opens for one user. Holds key material: short-lived, never stored, shows nothing when printed."""

    __slots__ = ("_ciphers", "_current", "_scope")

    def __init__(self, scope: Scope, keys: Mapping[bytes, bytes]) -> None:
        """`keys`: key id to 32 bytes, newest last; empty for a user who has none (yet, or any more)."""
        self._scope = scope
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(reversed(self._ciphers), None)

    def seal(self, purpose: str, row_id: str, plaintext: bytes) -> bytes:
        """Encrypt for one field (`purpose`) of one row."""
        if self._current is None:
            raise CiphertextRejected("This user has no data key in a read-only transaction.")
        return FORMAT + self._current + seal(self._ciphers[self._current], plaintext, self._context(purpose, row_id))

    def open(self, purpose: str, row_id: str, sealed: bytes) -> bytes:
        """Decrypt. Raises CiphertextRejected unless purpose, row, user and key are those of the seal."""
        key_id = bytes(sealed[1 : 1 + KEY_ID_BYTES])
        cipher = self._ciphers.get(key_id)
        if cipher is None or sealed[:1] != FORMAT:
            raise CiphertextRejected("A stored secret could not be opened.")
        return open_sealed(cipher, bytes(sealed[1 + KEY_ID_BYTES :]), self._context(purpose, row_id, key_id))

    def _context(self, purpose: str, row_id: str, key_id: bytes | None = None) -> tuple[str | bytes, ...]:
        scope = self._scope
        return (FORMAT, scope.organization_id, scope.user_id, purpose, row_id, key_id or self._current or b"")

    def __repr__(self) -> str:
        return "UserKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("data keys are not pickled")

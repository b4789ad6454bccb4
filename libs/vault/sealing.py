"""AES-256-GCM with the context as associated data: the one place that touches the cipher.

Nonces are 12 random bytes, which bounds a key at 2^32 seals (NIST SP 800-38D section 8.3); a data key serves one
user in one schema and stays far below.
"""

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.vault.errors import CiphertextRejected

NONCE_BYTES = 12


def seal(cipher: AESGCM, plaintext: bytes, context: tuple[str | bytes, ...]) -> bytes:
    """Nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, _associated(context))


def open_sealed(cipher: AESGCM, sealed: bytes, context: tuple[str | bytes, ...]) -> bytes:
    """The plaintext. Raises CiphertextRejected when anything differs from what was sealed."""
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _associated(context))
    except (InvalidTag, ValueError) as error:
        raise CiphertextRejected("A stored secret could not be opened.") from error


def _associated(context: tuple[str | bytes, ...]) -> bytes:
    """Every part with its length in front, so that ("ab", "c") and ("a", "bc") differ."""
    parts = [part.encode() if isinstance(part, str) else part for part in context]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)

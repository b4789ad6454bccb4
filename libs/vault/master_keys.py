"""The master keys: the current one, and earlier ones that only open what they once wrapped."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.vault.errors import MasterKeyUnknown
from libs.vault.sealing import open_sealed, seal

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class MasterKeys:
    """Key id to 32 bytes, first is current. Shows ids alone when printed."""

    __slots__ = ("_keys", "current_id")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("at least one master key is needed")
        for key_id, key in keys.items():
            if not _ID.fullmatch(key_id) or len(key) != 32:
                raise ValueError(f"master key {key_id[:32]!r} needs a plain id and 32 bytes")
        self._keys = dict(keys)
        self.current_id = next(iter(keys))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `k1:<base64 of 32 bytes>[,k0:<…>]`. To rotate, put the new key in front and keep the old one behind."""
        keys: dict[str, bytes] = {}
        for number, part in enumerate(text.split(","), start=1):
            key_id, _, encoded = part.strip().partition(":")
            if key_id in keys:
                raise ValueError(f"master key id {key_id[:32]!r} is given twice")
            try:
                keys[key_id] = base64.b64decode(encoded, validate=True)
            except binascii.Error as error:
                raise ValueError(f"master key number {number} is not base64") from error
        return cls(keys)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids, current first."""
        return tuple(self._keys)

    def wrap(self, data_key: bytes, context: tuple[str | bytes, ...]) -> tuple[str, bytes]:
        """Seal a data key under the current master key; returns that key's id and the wrapped bytes."""
        cipher = AESGCM(self._derive(self.current_id, b"wrap data keys"))
        return self.current_id, seal(cipher, data_key, ("data key", self.current_id, *context))

    def unwrap(self, master_key_id: str, wrapped: bytes, context: tuple[str | bytes, ...]) -> bytes:
        """Open a data key. Raises MasterKeyUnknown, CiphertextRejected."""
        cipher = AESGCM(self._derive(master_key_id, b"wrap data keys"))
        return open_sealed(cipher, wrapped, ("data key", master_key_id, *context))

    def derive(self, master_key_id: str, purpose: tuple[str, ...]) -> bytes:
        """A 32-byte key for one purpose, from a master key. Raises MasterKeyUnknown."""
        info = b"".join(len(part).to_bytes(4, "big") + part for part in (text.encode() for text in purpose))
        return self._derive(master_key_id, info)

    def _derive(self, master_key_id: str, info: bytes) -> bytes:
        key = self._keys.get(master_key_id)
        if key is None:
            raise MasterKeyUnknown("A secret is wrapped by a master key that is not configured.")
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"adjutant/1 " + info).derive(key)

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self._keys)})"

    def __reduce__(self) -> str:
        raise TypeError("master keys are not pickled")

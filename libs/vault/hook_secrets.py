"""The secret that a provider's notifications carry: made from the watch's id, so that no table has to be shared.

Whoever subscribes (sync) and whoever verifies (gateway) derive it from the master keys by themselves.
"""

import base64
import hmac
from hashlib import sha256

from libs.vault.master_keys import MasterKeys


class HookSecrets:
    """Secrets by provider and watch. A key that is being rotated out still verifies what it made."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def make(self, provider: str, watch_id: str) -> str:
        """For a new subscription: 43 URL-safe characters."""
        return self._secret(self._keys.current_id, provider, watch_id)

    def candidates(self, provider: str, watch_id: str) -> tuple[str, ...]:
        """What may have been made, for verification of a signature; one per master key in use."""
        return tuple(self._secret(key_id, provider, watch_id) for key_id in self._keys.ids)

    def is_genuine(self, provider: str, watch_id: str, secret: str) -> bool:
        """Whether this is the watch's secret; in constant time."""
        given = secret.encode()
        return any([hmac.compare_digest(given, made.encode()) for made in self.candidates(provider, watch_id)])

    def _secret(self, key_id: str, provider: str, watch_id: str) -> str:
        key = self._keys.derive(key_id, ("webhook", provider))
        return base64.urlsafe_b64encode(hmac.digest(key, watch_id.encode(), sha256)).decode().rstrip("=")

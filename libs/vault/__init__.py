"""Owns encryption: master keys, a data key per user, sealed text inside messages.

Never: a table of a service, or a secret in a repr, a log or an exception.
"""

from libs.vault.errors import CiphertextRejected, MasterKeyUnknown
from libs.vault.hook_secrets import HookSecrets
from libs.vault.master_keys import MasterKeys
from libs.vault.transit import TransitSeal
from libs.vault.user_keys import UserKey
from libs.vault.vault import Vault

__all__ = ["CiphertextRejected", "HookSecrets", "MasterKeyUnknown", "MasterKeys", "TransitSeal", "UserKey", "Vault"]

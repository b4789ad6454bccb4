"""What encryption refuses. The messages name no key, no owner and no content."""

from libs.resilience.errors import Internal


class CiphertextRejected(Internal):
    """It does not open here: changed, moved from another row, user or purpose, or its key was erased."""

    slug = "ciphertext_rejected"
    advice = "The stored secret cannot be read any more; enter it again."


class MasterKeyUnknown(Internal):
    """A data key is wrapped by a master key that is not configured."""

    slug = "master_key_unknown"
    advice = "Add the earlier master key to ADJUTANT_MASTER_KEYS."

"""What a refused permission is called, so that its user knows what to allow."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.providers.errors import PermissionMissing
from libs.providers.registry import PROVIDERS


@contextmanager
def needing(provider: str, capability: str) -> Iterator[None]:
    """A provider that forbids what is done in here is said to lack that capability, by the name it is asked for with.

    The provider is what tells, and not a list of ours: users take permissions back where we do not hear of it.
    """
    known = PROVIDERS[provider]
    assert capability in known.capabilities
    try:
        yield
    except PermissionMissing as error:
        raise PermissionMissing(
            f"{known.label} does not allow this for the connected account; the permission is called “{capability}”."
        ) from error

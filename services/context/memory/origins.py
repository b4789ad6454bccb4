"""By what an entry is found when one of its sources goes: a short name that tells nothing of what is in the source.

An entry with several sources goes with the first of them that does: it was made of all of them, and what cannot cite
them all can be explained no more. An activity's own id may hold a name (of a repository, of a channel): its hash
stands here, the id is in the sealed content.
"""

from collections.abc import Iterable

from contracts.memory import MemorySource
from libs.providers.activity_ref import activity_ref
from services.context.errors import MemoryRejected

MOST_SOURCES = 50
OF_ACTIVITY = "activity "
"""What the names of single activities begin with."""
_THE_USERS_OWN = {"user", "conversation"}


def of_conversation(conversation_id: str) -> str:
    """What was said in a conversation."""
    return f"conversation {conversation_id}"


def of_provider(provider: str) -> str:
    """What any activity of a provider told."""
    return f"provider {provider}"


def of_activity(provider: str, external_id: str) -> str:
    """What one activity told."""
    return of_activity_ref(activity_ref(provider, external_id))


def of_activity_ref(ref: str) -> str:
    """The same, where only `libs.providers.activity_ref` of the activity is known."""
    return f"{OF_ACTIVITY}{ref}"


def of_sources(sources: Iterable[MemorySource]) -> list[str]:
    """All names of all sources. Raises MemoryRejected for one that cannot be found again."""
    return sorted({name for source in sources for name in _names(source)})


def check(sources: tuple[MemorySource, ...]) -> None:
    """Raises MemoryRejected unless the user's own word is among them.

    A conversation is the user's word, since they speak in it; an activity or a delegation alone is somebody else's,
    whoever asks for it to be remembered.
    """
    if not any(source.kind in _THE_USERS_OWN for source in sources):
        raise MemoryRejected("Nothing is remembered that only others have said.")
    if len(sources) > MOST_SOURCES:
        raise MemoryRejected(f"An entry cites at most {MOST_SOURCES} sources.")


def has_others(sources: tuple[MemorySource, ...]) -> bool:
    """Whether text of others is among them."""
    return any(source.kind not in _THE_USERS_OWN for source in sources)


def _names(source: MemorySource) -> list[str]:
    match source:
        case MemorySource(kind="user"):
            return ["user"]
        case MemorySource(kind="conversation", id=str(id)):
            return [of_conversation(id)]
        case MemorySource(kind="delegation", id=str(id)):
            return [f"delegation {id}"]
        case MemorySource(kind="activity", id=str(id), activity_source=str(provider)):
            return [of_provider(provider), of_activity(provider, id)]
    raise MemoryRejected("A source is cited by its id, an activity by its integration too.")

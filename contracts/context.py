"""What the assistant knows about its user before it answers."""

from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Query, Reply, Service
from contracts.memory import MemoryView


class ReceiptLine(Reply):
    """One source that was considered for the context, and what became of it."""

    source: str
    outcome: Literal["included", "dropped", "unavailable"]
    reason: str
    tokens: int


class AssembledContext(Reply):
    """The user's context for one turn, and the receipt that explains it."""

    display_name: str | None
    timezone: str
    connected_providers: tuple[str, ...]
    open_notifications: int
    receipt: tuple[ReceiptLine, ...]
    memories: tuple[MemoryView, ...] = ()
    """What is remembered of the user that has to do with their message, best first: entries of their own words only.
    What others had a hand in is looked up by a tool, which says so."""


class Profile(Reply):
    """What the user told about themselves."""

    display_name: str | None
    timezone: str


class AssembleContext(Query[AssembledContext]):
    """Everything the responder may know, within `max_tokens`."""

    subject: ClassVar[str] = "rpc.context.assemble_context.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)
    reply: ClassVar[type[Reply]] = AssembledContext

    max_tokens: int = 8000
    sealed_text: str | None = None
    """The user's message as a JSON string, sealed with purpose `memory_text`; without it nothing is recalled."""

    @classmethod
    def example(cls) -> Self:
        return cls(sealed_text="v1.AAAA")


class UpdateProfile(Query[Profile]):
    """Change name or timezone; absent fields stay. Error `unknown_timezone`."""

    subject: ClassVar[str] = "rpc.context.update_profile.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Profile

    display_name: str | None = None
    timezone: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(timezone="Europe/Berlin")


class ProfileUpdated(Event):
    """Name or timezone changed."""

    subject: ClassVar[str] = "evt.context.profile.updated.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    timezone: str

    @classmethod
    def example(cls) -> Self:
        return cls(timezone="Europe/Berlin")

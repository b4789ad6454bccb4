"""Memory: what the assistant keeps of its user from one conversation to the next. Held by context alone."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import Query, Reply, Service

_MEMORY = "me_0193b0f1a8c07d3e9f00112233445566"


class MemoryKind(StrEnum):
    """What is remembered: how the user likes things, how things are, who somebody is, what the user is after."""

    PREFERENCE = "preference"
    FACT = "fact"
    PERSON = "person"
    GOAL = "goal"


class MemorySource(BaseModel):
    """Where an entry comes from; it disappears with it. `user` stands for a form that they filled in themselves."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["user", "conversation", "activity", "delegation"]
    id: str | None = None
    """Of the conversation or activity."""
    activity_source: str | None = None
    """Of an activity: the integration that has it."""


class NewMemory(BaseModel):
    """What is to be remembered."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(min_length=1, max_length=1000)
    kind: MemoryKind = MemoryKind.FACT
    key: str | None = Field(default=None, max_length=64)
    """A name of the entry, such as `home_address`: another entry of the same name takes its place."""
    importance: float | None = Field(default=None, ge=0, le=1)
    """Computed where it is absent."""
    sources: tuple[MemorySource, ...] = (MemorySource(kind="user"),)
    from_others: bool = False
    """Whether text of others went into it, be it with the user's consent: it stays data, never instructions."""


class MemoryChange(BaseModel):
    """What is to be different; absent where it stays."""

    model_config = ConfigDict(frozen=True)

    text: str | None = Field(default=None, min_length=1, max_length=1000)
    kind: MemoryKind | None = None
    importance: float | None = Field(default=None, ge=0, le=1)


class MemoryView(Reply):
    """One entry, with where it comes from."""

    memory_id: str
    text: str
    kind: MemoryKind
    key: str | None
    importance: float
    sources: tuple[MemorySource, ...]
    from_others: bool
    created_at: datetime
    updated_at: datetime


class ScorePart(Reply):
    """`weight` times `value` is what it adds to the score; both from 0 to 1."""

    name: Literal["key", "words", "importance", "recency"]
    value: float
    weight: float


class RecalledMemory(Reply):
    """An entry that has to do with a text, and why it is thought to."""

    memory: MemoryView
    score: float
    parts: tuple[ScorePart, ...]


class Memories(Reply):
    """Newest first."""

    memories: tuple[MemoryView, ...]
    more: bool = False
    next_cursor: str | None = None
    """Where the next page begins; absent on the last."""


class RecalledMemories(Reply):
    """Best first. None that has neither a word nor a key in common with the text."""

    memories: tuple[RecalledMemory, ...]


class ForgottenMemories(Reply):
    """How many there were."""

    count: int


class AddMemory(Query[MemoryView]):
    """Remember something. Asked again with the same `memory_id` it is the same entry.

    An entry of the same `key` is replaced. What is remembered already, word for word, is refreshed and answered, with
    its own id. Beyond the bound the least important, oldest entries go. Error `memory_rejected` for what no source of
    kind `user` or `conversation` stands behind, or whose source is gone.
    """

    subject: ClassVar[str] = "rpc.context.add_memory.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL)
    reply: ClassVar[type[Reply]] = MemoryView

    memory_id: str
    """Made by who asks."""
    sealed_memory: str
    """`NewMemory` as JSON under `libs.vault.TransitSeal`, purpose `memory`."""

    @classmethod
    def example(cls) -> Self:
        return cls(memory_id=_MEMORY, sealed_memory="v1.AAAA")


class UpdateMemory(Query[MemoryView]):
    """Other words, another kind or importance. Errors `memory_not_found`, `memory_exists` for the words of another."""

    subject: ClassVar[str] = "rpc.context.update_memory.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = MemoryView

    memory_id: str
    sealed_change: str
    """`MemoryChange` as JSON, purpose `memory`."""

    @classmethod
    def example(cls) -> Self:
        return cls(memory_id=_MEMORY, sealed_change="v1.AAAA")


class ListMemories(Query[Memories]):
    """All entries, or those of these keys or ids; by their last change, the newest first."""

    subject: ClassVar[str] = "rpc.context.list_memories.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL)
    reply: ClassVar[type[Reply]] = Memories

    keys: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()
    limit: int = 100
    """At most 100; fewer come where they are very long."""
    cursor: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(keys=("home_address",))


class RecallMemories(Query[RecalledMemories]):
    """What has to do with a text: `sealed_text` as JSON string, purpose `memory_text`."""

    subject: ClassVar[str] = "rpc.context.recall_memories.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL, Service.CHAT)
    reply: ClassVar[type[Reply]] = RecalledMemories

    sealed_text: str
    limit: int = 5

    @classmethod
    def example(cls) -> Self:
        return cls(sealed_text="v1.AAAA")


class ForgetMemories(Query[ForgottenMemories]):
    """These entries, or all of them: one of the three is given. Asked again it finds nothing more to forget."""

    subject: ClassVar[str] = "rpc.context.forget_memories.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.TOOL)
    reply: ClassVar[type[Reply]] = ForgottenMemories

    keys: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()
    everything: bool = False

    @classmethod
    def example(cls) -> Self:
        return cls(keys=("home_address",))

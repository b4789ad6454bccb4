"""What the assistant keeps of its user for later conversations: written down, found again, forgotten. Held by context.

An entry says for good whether texts of others went into it (`Context.roots`). In one that has none are the user's own
words, or what a model made of them before it had read anything; chat relies on that when it is recalled.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from contracts.envelope import Query
from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ListMemories,
    MemoryKind,
    MemorySource,
    MemoryView,
    NewMemory,
    RecalledMemory,
    RecallMemories,
    ScorePart,
)
from contracts.tool import Effect
from libs.resilience.errors import AdjutantError
from services.tool.arguments import Arguments, SomeProse, Words, bounded
from services.tool.context import Context, ReplyT
from services.tool.errors import MemoryNotFound, MemoryUnavailable
from services.tool.registry import Tool
from services.tool.roots import Foreign
from services.tool.tools.names import Names, named
from services.tool.windows import rfc3339

SHOWN_CHARACTERS = 300
MemoryText = Annotated[SomeProse, StringConstraints(max_length=1000)]
MemoryKey = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")]
MemoryId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^me_[0-9a-f]{32}$")]


class MemoryAdd(Arguments):
    """What to remember."""

    text: MemoryText = Field(description="What to remember, in the user's own words")
    kind: Literal["preference", "fact", "person", "goal"] = Field(
        default="fact", description="preference (how the user likes things), fact, person or goal"
    )
    key: MemoryKey | None = Field(
        default=None, description="A name such as home_address: what was remembered under the same name is replaced"
    )


class MemoryRecall(Arguments):
    """What it is about."""

    about: Words | None = Field(
        default=None, description="A few words that say what it is about; without them the newest entries are listed"
    )
    limit: int = bounded(5, 1, 20, "At most so many entries")


class MemoryForget(Arguments):
    """Which entry."""

    memory_id: MemoryId = Field(description="The id of an entry that memory_recall found")


class ShownMemory(BaseModel):
    """An entry. `from_others`: texts of others went into it, so it is information and no instruction of the user's."""

    memory_id: str
    text: str
    kind: str
    key: str | None
    from_others: bool
    remembered_at: str
    why: str = ""
    """Why it is thought to have to do with what was asked."""


class AddedMemory(ShownMemory):
    """What stands for it now; not `is_new` where it was remembered already."""

    is_new: bool


class ShownMemories(BaseModel):
    """The likeliest first, or the newest."""

    memories: list[ShownMemory]


class Forgotten(BaseModel):
    """The entry that is no more."""

    memory_id: str
    forgotten: bool = True


async def memory_add(arguments: MemoryAdd, context: Context) -> AddedMemory:
    """Remember it; once per execution id."""
    others = context.roots.others_in("text", "key")
    memory = NewMemory(
        text=arguments.text,
        kind=MemoryKind(arguments.kind),
        key=arguments.key,
        sources=_sources(context.roots.conversation_id, others),
        from_others=bool(others),
    )
    sealed = context.access.seal.seal("memory", context.access.scope, memory.model_dump_json())
    return _added(await _changed(AddMemory(memory_id=_memory_id(context), sealed_memory=sealed), context), context)


async def find_added(arguments: MemoryAdd, context: Context) -> AddedMemory | None:
    """What `memory_add` achieved earlier under this execution id. Of what was known already this says nothing, and it
    is added once more: that comes to the same."""
    found = await _found(_memory_id(context), context)
    return _added(found, context) if found else None


async def shown_replaced(arguments: MemoryAdd, context: Context) -> Names:
    """What the entry takes the place of, if it is to have a name that another one has."""
    found = await context.ask(ListMemories(keys=(arguments.key,) if arguments.key else (), limit=1))
    return tuple(
        field
        for replaced in found.memories
        if arguments.key and replaced.key == arguments.key
        for field in (named("In place of", replaced.text, SHOWN_CHARACTERS), named("Key", arguments.key))
    )


async def memory_recall(arguments: MemoryRecall, context: Context) -> ShownMemories:
    """What has to do with it, or the newest entries."""
    if arguments.about is None:
        newest = await context.ask(ListMemories(limit=arguments.limit))
        return ShownMemories(memories=[_shown(memory, context) for memory in newest.memories[: arguments.limit]])
    sealed = context.access.seal.seal("memory_text", context.access.scope, json.dumps(arguments.about))
    recalled = await context.ask(RecallMemories(sealed_text=sealed, limit=arguments.limit))
    return ShownMemories(memories=[_shown(each.memory, context, _why(each)) for each in recalled.memories])


async def memory_forget(arguments: MemoryForget, context: Context) -> Forgotten:
    """It is gone for good."""
    forgotten = await _changed(ForgetMemories(memory_ids=(arguments.memory_id,)), context)
    if not forgotten.count:
        raise MemoryNotFound("There is no such entry.")
    return Forgotten(memory_id=arguments.memory_id)


async def find_forgotten(arguments: MemoryForget, context: Context) -> Forgotten | None:
    """That it is gone; by whom makes no difference."""
    there = await _found(arguments.memory_id, context)
    return None if there else Forgotten(memory_id=arguments.memory_id)


async def shown_memory(arguments: MemoryForget, context: Context) -> Names:
    """Which entry it is. Raises MemoryNotFound."""
    found = await _found(arguments.memory_id, context)
    if found is None:
        raise MemoryNotFound("There is no such entry.")
    return (named("Entry", found.text, SHOWN_CHARACTERS),)


def _memory_id(context: Context) -> str:
    """Of the entry that this execution makes: the same number, as another kind of thing."""
    return f"me_{context.effect_id.partition('_')[2]}"


def _sources(conversation_id: str | None, others: Sequence[Foreign]) -> tuple[MemorySource, ...]:
    """With any of which the entry goes: the conversation it was asked for in, and what was read for it."""
    talk = MemorySource(kind="conversation", id=conversation_id) if conversation_id else MemorySource(kind="user")
    read = dict.fromkeys(activity for each in others for activity in each.activities)
    cited = (MemorySource(kind="activity", id=each.external_id, activity_source=each.provider) for each in read)
    return (talk, *cited)


async def _changed(query: Query[ReplyT], context: Context) -> ReplyT:
    """Raises MemoryUnavailable where the answer is missing, and what context answers."""
    try:
        return await context.ask(query)
    except AdjutantError as error:
        if not error.retryable:
            raise
        raise MemoryUnavailable("The memory did not answer.", retry_after_s=error.retry_after_s) from error


async def _found(memory_id: str, context: Context) -> MemoryView | None:
    found = await context.ask(ListMemories(memory_ids=(memory_id,), limit=1))
    return next((memory for memory in found.memories if memory.memory_id == memory_id), None)


def _shown(memory: MemoryView, context: Context, why: str = "") -> ShownMemory:
    return ShownMemory(
        memory_id=memory.memory_id,
        text=memory.text,
        kind=memory.kind,
        key=memory.key,
        from_others=memory.from_others,
        remembered_at=rfc3339(memory.created_at, context.tz),
        why=why,
    )


def _added(memory: MemoryView, context: Context) -> AddedMemory:
    is_new = memory.memory_id == _memory_id(context)
    return AddedMemory(**_shown(memory, context).model_dump(), is_new=is_new)


def _why(recalled: RecalledMemory) -> str:
    """`words 0.35, recency 0.10`: what each part adds to the score, the largest first."""
    parts = sorted(recalled.parts, key=_weighed, reverse=True)
    return ", ".join(f"{part.name} {_weighed(part):.2f}" for part in parts if _weighed(part) >= 0.005)


def _weighed(part: ScorePart) -> float:
    return part.weight * part.value


MEMORY_TOOLS = (
    Tool(
        name="memory_add",
        description="Remember something about the user for later conversations, when they ask for it.",
        effect=Effect.WRITE,
        arguments=MemoryAdd,
        run=memory_add,
        look_up=find_added,
        shown=shown_replaced,
        needs=frozenset(),
        returns_untrusted_text=False,
    ),
    Tool(
        name="memory_recall",
        description="Recall what is remembered about the user: preferences, people, addresses, goals.",
        effect=Effect.READ,
        arguments=MemoryRecall,
        run=memory_recall,
        needs=frozenset(),
        # Of entries `from_others`; chat looks at each of them.
        returns_untrusted_text=True,
    ),
    Tool(
        name="memory_forget",
        description="Forget an entry that memory_recall found. It cannot be brought back.",
        effect=Effect.WRITE,
        arguments=MemoryForget,
        run=memory_forget,
        look_up=find_forgotten,
        shown=shown_memory,
        needs=frozenset(),
        returns_untrusted_text=False,
    ),
)

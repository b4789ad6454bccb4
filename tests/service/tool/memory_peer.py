"""Stands in for context's memory on the real bus, where an answer is to get lost after the deed."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ForgottenMemories,
    ListMemories,
    Memories,
    MemoryKind,
    MemorySource,
    MemoryView,
)
from libs.testing.servers import NatsAccount


@dataclass
class MemoryPeer:
    """`failing` changes are made, and answered with an error that says nothing of it; `asked` counts all."""

    client: Client
    entries: dict[str, MemoryView] = field(default_factory=dict)
    failing: int = 0
    asked: int = 0

    @classmethod
    async def start(cls, account: NatsAccount) -> "MemoryPeer":
        """Listening with context's permissions."""
        name = "context"
        client = await nats.connect(account.url, user=account.user(name), password=account.password(name))
        peer = cls(client)
        await client.subscribe(ListMemories.subject, queue=name, cb=peer._list)
        await client.subscribe(AddMemory.subject, queue=name, cb=peer._add)
        await client.subscribe(ForgetMemories.subject, queue=name, cb=peer._forget)
        await client.flush()
        return peer

    def reset(self) -> None:
        """Nothing is remembered."""
        self.entries, self.failing, self.asked = {}, 0, 0

    def put(self, memory_id: str, text: str = "Something") -> MemoryView:
        """One more."""
        at = datetime.now(UTC)
        self.entries[memory_id] = MemoryView(
            memory_id=memory_id,
            text=text,
            kind=MemoryKind.FACT,
            key=None,
            importance=0.5,
            sources=(MemorySource(kind="user"),),
            from_others=False,
            created_at=at,
            updated_at=at,
        )
        return self.entries[memory_id]

    async def _list(self, message: Msg) -> None:
        wanted = ListMemories.model_validate_json(message.data).memory_ids
        found = tuple(entry for id, entry in self.entries.items() if id in wanted)
        await message.respond(Memories(memories=found).model_dump_json().encode())

    async def _add(self, message: Msg) -> None:
        made = self.put(AddMemory.model_validate_json(message.data).memory_id)
        await self._answer(message, made.model_dump_json())

    async def _forget(self, message: Msg) -> None:
        (id,) = ForgetMemories.model_validate_json(message.data).memory_ids
        count = int(self.entries.pop(id, None) is not None)
        await self._answer(message, ForgottenMemories(count=count).model_dump_json())

    async def _answer(self, message: Msg, answer: str) -> None:
        self.asked += 1
        if not self.failing:
            await message.respond(answer.encode())
            return
        self.failing -= 1
        body = {"slug": "database_unavailable", "status": 503, "detail": "Busy.", "advice": "Wait."}
        sent = json.dumps(body | {"retryable": True}).encode()
        await self.client.publish(message.reply, sent, headers={"adj-error": body["slug"]})

"""The gateway's side of a turn: accept a message, follow the answer, ask for what was kept."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from contracts.chat import GetTurn, RunTurn, StopTurn, TurnCompleted, TurnUpdate, TurnView
from contracts.conversations import ConversationView, GetConversation
from contracts.envelope import Query, Reply, Scope
from contracts.ids import ConversationId, MessageId, TurnId, new_id
from libs.bus import Bus
from libs.bus.subjects import stream_for, subject_for
from libs.vault import TransitSeal

ReplyT = TypeVar("ReplyT", bound=Reply)
FINAL = frozenset({"turn.completed", "turn.failed", "turn.stopped"})
PATIENCE_S = 40.0


@dataclass(frozen=True, slots=True)
class Followed:
    """All updates of a turn, in order."""

    updates: tuple[TurnUpdate, ...]

    @property
    def text(self) -> str:
        """What the user sees in the end: a restart voids what came before it."""
        text = ""
        for update in self.updates:
            text = "" if update.type == "turn.restarted" else text + (update.text or "") * (update.type == "token")
        return text

    @property
    def end(self) -> TurnUpdate:
        """How it ended."""
        return self.updates[-1]

    @property
    def types(self) -> list[str]:
        """What happened."""
        return [update.type for update in self.updates]

    @property
    def progress(self) -> str:
        """All that was told beside the answer."""
        return "\n".join(update.text or "" for update in self.updates if update.type == "step.progress")


@dataclass(frozen=True, slots=True)
class World:
    """The gateway's and an administrator's connection."""

    gateway: Bus
    admin: Bus
    seal: TransitSeal

    def command(self, scope: Scope, text: str, **fields: Any) -> RunTurn:
        """A message just accepted; fields as the contract names them."""
        given = {
            "turn_id": TurnId(new_id("t")),
            "conversation_id": ConversationId(new_id("c")),
            "user_message_id": MessageId(new_id("m")),
            "sealed_text": self.seal.seal("run_turn", scope, text),
            "accepted_at": datetime.now(UTC),
        }
        return RunTurn(**{**given, **fields})

    async def send(self, command: RunTurn, scope: Scope, *, again: str = "") -> None:
        """As the gateway sends it; `again` makes it another message about the same turn."""
        await self.gateway.send(command, scope=scope, id=f"{command.turn_id}{again}")

    async def stop(self, turn_id: str, scope: Scope) -> None:
        """The user pressed stop."""
        await self.gateway.send(StopTurn(turn_id=TurnId(turn_id)), scope=scope)

    async def follow(self, turn_id: str, *, until: frozenset[str] = FINAL, after: int = 0) -> Followed:
        """Updates to the first of these types; numbered without a gap, or this fails."""
        updates: list[TurnUpdate] = []
        async with asyncio.timeout(PATIENCE_S), self.gateway.follow("turn", turn_id, after=after) as bodies:
            async for body in bodies:
                updates.append(TurnUpdate.model_validate_json(body))
                if updates[-1].type in until:
                    break
        assert [update.n for update in updates] == list(range(after + 1, after + 1 + len(updates)))
        return Followed(tuple(updates))

    async def say(self, scope: Scope, text: str, **fields: Any) -> Followed:
        """A whole turn."""
        command = self.command(scope, text, **fields)
        await self.send(command, scope)
        return await self.follow(command.turn_id)

    async def ask(self, query: Query[ReplyT], scope: Scope) -> ReplyT:
        """As the gateway asks."""
        return await self.gateway.ask(query, scope=scope, timeout_s=5)

    async def turn(self, turn_id: str, scope: Scope) -> TurnView:
        """Where it stands."""
        return await self.ask(GetTurn(turn_id=TurnId(turn_id)), scope)

    async def conversation(self, conversation_id: str, scope: Scope, **fields: Any) -> ConversationView:
        """The newest messages."""
        query = GetConversation(conversation_id=ConversationId(conversation_id), **fields)
        return await self.ask(query, scope)

    async def completed(self, scope: Scope, *, count: int = 1) -> list[TurnCompleted]:
        """This user's events so far, once there are `count` of them."""
        found = await self.admin.jetstream.subscribe(
            subject_for(TurnCompleted, scope), stream=stream_for(TurnCompleted), ordered_consumer=True
        )
        try:
            bodies = [(await found.next_msg(PATIENCE_S)).data for _ in range(count)]
        finally:
            await found.unsubscribe()
        return [TurnCompleted.model_validate(json.loads(body)) for body in bodies]

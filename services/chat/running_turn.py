"""A turn while it runs here: what it knows, and the two things its engines do with it, decide and carry out."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import structs

from contracts.actions import Provenance
from contracts.chat import RunTurn
from contracts.envelope import Scope
from libs.db import Transaction
from libs.resilience.deadline import Deadline
from libs.vault import UserKey
from services.chat import followups, turn_rows
from services.chat.about import About
from services.chat.deps import Chat
from services.chat.graph import action, step
from services.chat.live_turn import LiveTurn
from services.chat.lookups import told_too_much
from services.chat.provenance import Heard, provenance_of
from services.chat.remembered import shown_unasked
from services.chat.runs import turn_tool
from services.chat.steps import Decision, Outcome, Round, Step, ToolCall, rounds
from services.chat.toolbox import Toolbox, refused, title_in
from services.chat.turn_rows import Said
from services.chat.visits import ONE_BOOKING, Visit, booked_in

RULES = "offline"
"""The engine that plans by rules."""


@dataclass(frozen=True, slots=True)
class ShownAction:
    """An action that waits for its user, as it is shown; `is_whole` when nothing of it was left out."""

    action_id: str
    text: str
    is_whole: bool


@dataclass(slots=True)
class RunningTurn:
    """One holder's view of a turn. Every step is in the database before it counts."""

    deps: Chat
    scope: Scope
    command: RunTurn
    text: str
    fence: int
    history: tuple[Said, ...]
    has_read_before: bool
    """Whether earlier turns of the conversation have read what outsiders wrote."""
    live: LiveTurn
    deadline: Deadline
    steps: list[Step]
    visit: Visit | None = None
    """Set when an outsider writes; then nothing but the link they came by is known here."""
    shown: tuple[ShownAction, ...] = ()
    """What stands below the answer for its user to decide."""
    about: About = field(init=False)
    """About the user; found out while the turn is being claimed, there before an engine begins."""
    toolbox: Toolbox = field(init=False)

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Decisions with their outcomes so far."""
        return rounds(tuple(self.steps))

    @property
    def asked_at(self) -> datetime:
        """The moment of asking in the user's zone: what "tomorrow" is relative to, in every attempt."""
        return self.command.accepted_at.astimezone(self.about.zone)

    @property
    def has_acted(self) -> bool:
        """Whether an effect was decided in this turn: then nobody else may plan it anew."""
        return any(call.changes_something for round_ in self.rounds for call in round_.decision.calls)

    @property
    def has_read_untrusted(self) -> bool:
        """Whether this turn has read what outsiders wrote."""
        return any(outcome.untrusted for round_ in self.rounds for outcome in round_.outcomes)

    @property
    def effects(self) -> tuple[Outcome, ...]:
        """What came of the calls that change something."""
        return tuple(outcome for round_ in self.rounds for outcome in round_.outcomes if outcome.effect)

    async def decide(self, decision: Decision) -> None:
        """Write a decision down, with what is known of its tools, before anything of it is done."""
        calls = tuple(self.toolbox.described(call) for call in decision.calls)
        await self._remember(structs.replace(decision, calls=calls, timezone=self.toolbox.timezone))

    async def carry_out(self, round_: Round) -> None:
        """Make the calls of a round that have no outcome yet; reads side by side, effects one after another."""
        numbered = [(round_.decision.calls.index(call), call) for call in round_.missing]
        reads = [(number, call) for number, call in numbered if not call.changes_something]
        await asyncio.gather(*(self._make(round_, number, call) for number, call in reads))
        for number, call in numbered:
            if call.changes_something:
                await self._make(round_, number, call)

    async def refuse(self, round_: Round, refusal: str) -> None:
        """Answer the calls of a round that have no outcome yet with this sentence instead of making them."""
        for call in round_.missing:
            await self._remember(refused(call, refusal))

    async def _make(self, round_: Round, number: int, call: ToolCall) -> None:
        node = action(call.tool, round_.number, number)
        async with step(self.live, node):
            outcome = await self._outcome_of(round_, number, call)
            await self._remember(outcome)
            if outcome.action_id is not None:
                await self.live.emit("action.proposed", action_id=outcome.action_id, text=outcome.detail)
            text = outcome.detail if self.visit is None else booked_in(outcome)
            await self.live.emit("step.result", step_id=node.id, status="ok" if outcome.ok else "failed", text=text)

    async def _outcome_of(self, round_: Round, number: int, call: ToolCall) -> Outcome:
        if self.visit and call.changes_something and any(outcome.ok for outcome in self.effects):
            return refused(call, ONE_BOOKING)
        if call.tool == turn_tool.NAME and self.visit is None:
            return await self._planned(round_, number, call)
        if not call.changes_something and (too_much := self._told_too_much(round_, call)):
            return refused(call, too_much)
        provenance = self._provenance(round_, call) if call.changes_something else None
        return await self.toolbox.call(round_.number, number, call, provenance)

    async def _planned(self, round_: Round, number: int, call: ToolCall) -> Outcome:
        """Steps that the user sees and starts; nothing of them is done here."""
        return await turn_tool.propose(
            call,
            f"{self.command.turn_id}:{round_.number}:{number}",
            self.text,
            self.toolbox,
            self.scope,
            self.deps,
            conversation_id=self.command.conversation_id,
            has_read_untrusted=self.has_read_before or any(outcome.untrusted for outcome in self._before(round_)),
        )

    def _before(self, round_: Round) -> tuple[Outcome, ...]:
        """What the planner had been told when it decided on this round: the outcomes of the rounds before."""
        return tuple(outcome for each in self.rounds[: round_.number] for outcome in each.outcomes)

    def _told_too_much(self, round_: Round, call: ToolCall) -> str | None:
        """Why a look-up is not made that would tell its provider what it does not know. A visitor has no provider."""
        tools = self.toolbox.known
        if self.visit is not None or call.tool not in tools:
            return None
        houses = {name: tool.house for name, tool in tools.items()}
        return told_too_much(call, tools[call.tool], self._heard(round_), houses)

    def _heard(self, round_: Round) -> Heard:
        """What was before the planner when it decided on this round."""
        return Heard(
            words=self.text,
            earlier_words=tuple(said.text for said in self.history if said.role == "user"),
            outcomes=(*self._remembered(), *self._before(round_)),
            asked_at=self.asked_at,
            has_read_before=self.has_read_before,
            obeys_rules=round_.decision.engine == RULES,
        )

    def _remembered(self) -> tuple[Outcome, ...]:
        return (shown_unasked(self.about.memories),) if self.about.memories else ()

    def _provenance(self, round_: Round, call: ToolCall) -> Provenance:
        """Where an effect comes from."""
        known = provenance_of(call, self.toolbox.known.get(call.tool), self._heard(round_))
        via = "program" if self.command.by_program else known.via
        return known.model_copy(update={"conversation_id": self.command.conversation_id, "via": via})

    async def _remember(self, taken: Decision | Outcome) -> None:
        async with self.deps.db.transaction(self.scope) as tx:
            key = await self.deps.vault.user_key(tx)
            await self.write_down(tx, key, taken)
            if isinstance(taken, Outcome) and taken.action_id is not None:
                title = title_in(taken.detail or taken.tool)
                await followups.expect(tx, key, self.command, taken.action_id, title)

    async def write_down(self, tx: Transaction, key: UserKey, taken: Decision | Outcome) -> None:
        """One more step, with whatever else this transaction writes."""
        self.steps.append(taken)
        await turn_rows.remember(tx, key, self.command.turn_id, self.fence, len(self.steps), taken)


@dataclass(frozen=True, slots=True)
class Written:
    """Which engine answered, and what it used."""

    engine: str | None
    """None where the user's own word was all there was to it."""
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    cut_short: str | None = None
    """Why the answer is not whole; the turn then counts as failed, with the text kept."""

    def plus(self, input_tokens: int, output_tokens: int, cost_micros: int | None, model: str | None) -> "Written":
        """With one more request."""
        return replace(
            self,
            model=model or self.model,
            input_tokens=self.input_tokens + input_tokens,
            output_tokens=self.output_tokens + output_tokens,
            cost_micros=self.cost_micros if cost_micros is None else (self.cost_micros or 0) + cost_micros,
        )

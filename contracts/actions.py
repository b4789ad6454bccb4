"""Consent: where a tool call's values come from, what the assistant proposes, and what its user decides. Held by tool.

proposed ──approve──> held ──> claimed ──> done | failed | unknown
   └ decline, expiry     └ undo: withdrawn         └ undo: another execution, where the tool knows how
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from contracts.envelope import Command, Event, Live, Query, Reply, Service
from contracts.ids import ExecutionId

_ACTION = ExecutionId("x_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every plain value of a call's arguments with its path: `guests[2]`, counted from one. Who says where a value
    comes from and who decides with that have to name it alike."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from leaves(f"{path}[{number}]", inner)
    else:
        yield path, value


def call_digest(execution_id: str, tool: str, arguments_json: str) -> bytes:
    """SHA-256, the same for the same call however its JSON is laid out; another for every execution id."""
    try:
        arguments = json.dumps(json.loads(arguments_json), sort_keys=True)
    except ValueError:
        arguments = arguments_json
    return hashlib.sha256("\0".join((execution_id, tool, arguments)).encode()).digest()


DecidedVia = Literal["api", "chat"]
"""By a click, or in the words of a conversation."""


class ActionStatus(StrEnum):
    """Where an action stands: as `contracts.tool.ExecutionStatus`."""

    PROPOSED = "proposed"
    HELD = "held"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Origin(StrEnum):
    """Where the value of an argument comes from, as far as can be shown."""

    USER = "user"
    """It stands in the user's own words or follows from them."""
    CONTACT = "contact"
    """Somebody the user has written to."""
    MEMORY = "memory"
    """It stands in what the assistant remembers in the user's own words, and the user named that."""
    MODEL = "model"
    """Composed by the planner."""
    UNTRUSTED = "untrusted"
    """It stands in a text that outsiders wrote."""


class ReadActivity(Reply):
    """Something of an outsider that was read at an integration."""

    provider: str
    external_id: str


class ArgumentOrigin(Reply):
    """One value of a call: `guests[2]`. With `untrusted`, the sentence it stands in, and where that was read."""

    argument: str
    origin: Origin
    sentence: str = ""
    source: str = ""
    """Such as `mail_read: Re: your invoice`."""
    activity: ReadActivity | None = None
    """The same, where it is known as an activity."""


class Provenance(Reply):
    """Where a call comes from. Travels sealed with purpose `tool_provenance`, as JSON.

    `read_untrusted`: texts of outsiders were before the planner when it decided on this call, whatever it made of them.
    """

    via: Literal["turn", "run", "program"] = "turn"
    read_untrusted: bool
    is_asked: bool
    """The user's own words ask for an action of this kind."""
    arguments: tuple[ArgumentOrigin, ...] = ()
    sources: tuple[str, ...] = ()
    """What of outsiders was read before."""
    activities: tuple[ReadActivity, ...] = ()
    """Those of `sources` that are known as activities."""
    conversation_id: str | None = None
    """In which it was asked for, where that is known."""
    digest: str = ""
    """Of the call that this was said of (`call_digest`, in hexadecimal); of any other it says nothing."""

    def of_call(self, execution_id: str, tool: str, arguments_json: str) -> Self:
        """Bound to this call, so that nobody can send it along with another one."""
        return self.model_copy(update={"digest": call_digest(execution_id, tool, arguments_json).hex()})


class PreviewField(Reply):
    """One line of a preview: `To`, `sarah@example.com`."""

    label: str
    value: str


class Preview(Reply):
    """What would happen, for a person to read. Travels sealed with purpose `action_preview`, as JSON."""

    title: str
    """`Send a mail to sarah@example.com`."""
    fields: tuple[PreviewField, ...]
    reasons: tuple[str, ...]
    """Why it is asked; one sentence each, with the sentence of others that influenced an argument."""
    arguments: str
    """The arguments as JSON, to be edited."""
    plain_title: str = ""
    """The title without names that were looked up, which may be in an outsider's words: all that a model is told."""


class ActionView(Reply):
    """An action that was proposed, held back, or done within the time in which it can be undone."""

    action_id: ExecutionId
    tool: str
    status: ActionStatus
    sealed_preview: str
    proposed_at: datetime
    expires_at: datetime | None = None
    """Until then it waits for a decision."""
    undo_until: datetime | None = None
    """Until then it can be undone."""
    detail: str | None = None


class Actions(Reply):
    """Newest first. `last_id` and `last_tool`: what was done last and stands, whether or not it can be taken back."""

    actions: tuple[ActionView, ...]
    last_id: ExecutionId | None = None
    last_tool: str | None = None


class ListActions(Query[Actions]):
    """The user's actions: those that wait for a decision, or with `all` also decided ones of the last days."""

    subject: ClassVar[str] = "rpc.tool.list_actions.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.CHAT)
    reply: ClassVar[type[Reply]] = Actions

    which: Literal["waiting", "all"] = "waiting"
    limit: int = 50

    @classmethod
    def example(cls) -> Self:
        return cls()


class GetAction(Query[ActionView]):
    """One action. Error `action_not_found`."""

    subject: ClassVar[str] = "rpc.tool.get_action.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.CHAT)
    reply: ClassVar[type[Reply]] = ActionView

    action_id: ExecutionId

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION)


class DecideAction(Query[ActionView]):
    """Approve, decline or undo, once: errors `action_not_found`, `action_decided`, `action_expired`, `not_undoable`.

    With `approve`, edited arguments may take the place of the proposed ones: JSON sealed with purpose `tool_arguments`.
    """

    subject: ClassVar[str] = "rpc.tool.decide_action.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.NOTIFICATION, Service.CHAT)
    reply: ClassVar[type[Reply]] = ActionView

    action_id: ExecutionId
    decision: Literal["approve", "decline", "undo"]
    sealed_arguments: str | None = None
    via: DecidedVia = "api"

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION, decision="approve")


class CarryOutAction(Command):
    """Do what was approved, or what was held back for a while."""

    subject: ClassVar[str] = "cmd.tool.carry_out_action.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    action_id: ExecutionId

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION)


class WithdrawAction(Command):
    """What proposed it is not wanted any more: nobody is asked, and what is held back is not done.

    What is done or under way stays; so does one of which nothing is known yet, whose sender looks after it.
    """

    subject: ClassVar[str] = "cmd.tool.withdraw_action.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    action_id: ExecutionId

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION)


class ExpireAction(Command):
    """Nobody decided in time: the proposal ends."""

    subject: ClassVar[str] = "cmd.tool.expire_action.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    action_id: ExecutionId

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION)


class ActionProposed(Event):
    """The assistant asks its user for a decision. No content: whoever shows it asks for the preview."""

    subject: ClassVar[str] = "evt.tool.action.proposed.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    action_id: ExecutionId
    tool: str
    expires_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION, tool="mail_send", expires_at=_MOMENT)


class ActionDecided(Event):
    """A proposal was approved, declined or undone by its user, or expired. Its outcome is `ExecutionFinished`."""

    subject: ClassVar[str] = "evt.tool.action.decided.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION, Service.CHAT, Service.GATEWAY)

    action_id: ExecutionId
    tool: str
    decision: Literal["approved", "declined", "expired", "withdrawn", "undone"]
    via: DecidedVia = "api"
    """Where the user said so; nothing is meant by it of what expired."""

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION, tool="mail_send", decision="approved")


class ActionUpdate(Live):
    """Wakes the user's open clients: an action was proposed, decided, or has ended; `live.action.<user_id>`."""

    subject: ClassVar[str] = "live.action"
    sent_by: ClassVar[Service] = Service.TOOL
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    action_id: ExecutionId
    status: ActionStatus

    @classmethod
    def example(cls) -> Self:
        return cls(action_id=_ACTION, status=ActionStatus.PROPOSED)


class ConsentRule(Reply):
    """The user's standing word about a tool.

    `allow` with a recipient (`sarah@example.com`, `@example.com`, a channel, or `*`) spares the question for calls that
    no outsider's text has influenced; `ask` and `never` hold for the tool whoever receives.
    """

    rule_id: str
    tool: str
    verdict: Literal["allow", "ask", "never"]
    recipient: str = "*"
    created_at: datetime


class ConsentRules(Reply):
    """All of one user."""

    rules: tuple[ConsentRule, ...]


class ListConsentRules(Query[ConsentRules]):
    """What the user has decided for good."""

    subject: ClassVar[str] = "rpc.tool.list_consent_rules.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConsentRules

    @classmethod
    def example(cls) -> Self:
        return cls()


class SetConsentRule(Query[ConsentRules]):
    """Add a rule; one that says something else of the same tool and recipient goes. Error `tool_not_found`."""

    subject: ClassVar[str] = "rpc.tool.set_consent_rule.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConsentRules

    tool: str
    verdict: Literal["allow", "ask", "never"]
    recipient: str = "*"

    @classmethod
    def example(cls) -> Self:
        return cls(tool="mail_send", verdict="allow", recipient="@example.com")


class RemoveConsentRule(Query[ConsentRules]):
    """Take a rule back. Error `consent_rule_not_found`."""

    subject: ClassVar[str] = "rpc.tool.remove_consent_rule.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConsentRules

    rule_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(rule_id="cr_0193b0f1a8c07d3e9f00112233445566")

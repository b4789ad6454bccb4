"""What a handler may know about the message beside its body."""

from dataclasses import dataclass

from contracts.envelope import Envelope, Scope
from libs.bus.errors import MalformedMessage
from libs.resilience.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Call:
    """One delivery: who it is for, how long somebody waits, and which attempt this is (counted from 1)."""

    envelope: Envelope
    deadline: Deadline
    attempt: int = 1

    @property
    def scope(self) -> Scope | None:
        """Whose data the message concerns; None for messages that concern nobody."""
        return self.envelope.scope

    def require_scope(self) -> Scope:
        """The scope of a message that makes no sense without one. Raises MalformedMessage."""
        if self.envelope.scope is None:
            raise MalformedMessage(f"{self.envelope.type} came without organization and user")
        return self.envelope.scope

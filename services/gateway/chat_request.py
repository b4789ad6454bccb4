"""What a message to the assistant may carry beside its text, over HTTP and WebSocket alike."""

from typing import Annotated

from pydantic import Field

from contracts.chat import Specialization
from contracts.ids import ConversationId
from services.gateway.turns import AskedTurn
from services.gateway.wire import ConversationRef, ShortLine, StrictBody, Timezone


class ChatFields(StrictBody):
    """Everything optional."""

    conversation_id: ConversationRef | None = None
    tone: ShortLine | None = None
    assistant_name: ShortLine | None = None
    specialization: Specialization | None = None
    client_integrations: Annotated[list[ShortLine], Field(max_length=50, default_factory=list)]
    timezone: Timezone | None = None

    def asked(self, text: str) -> AskedTurn:
        """As the domain has it."""
        return AskedTurn(
            text=text,
            conversation_id=ConversationId(self.conversation_id) if self.conversation_id else None,
            timezone=self.timezone,
            tone=self.tone,
            assistant_name=self.assistant_name,
            specialization=self.specialization,
            client_integrations=tuple(self.client_integrations),
        )

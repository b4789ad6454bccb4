"""The updates of a turn as the gateway reads and writes them: `contracts.chat.TurnUpdate`, lean.

About 1 µs to decode where the contract class takes 8; a test holds the two against each other.
"""

from typing import Literal

import msgspec

FINAL = frozenset({"turn.completed", "turn.failed", "turn.stopped", "error"})


class Update(msgspec.Struct, frozen=True, omit_defaults=True):
    """One update. `error` is the one type that only the gateway sends: the stream ends, the turn may go on."""

    n: int
    type: str
    conversation_id: str | None = None
    turn_id: str | None = None
    step_id: str | None = None
    name: str | None = None
    status: Literal["ok", "failed", "skipped"] | None = None
    text: str | None = None
    confidence: float | None = None
    message_id: str | None = None
    engine: Literal["model", "offline"] | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    detail: str | None = None
    action_id: str | None = None

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self.type in FINAL


_decoder = msgspec.json.Decoder(Update)
_encoder = msgspec.json.Encoder()


def read_update(body: bytes) -> Update:
    """Decode one live body. Raises msgspec.ValidationError when it breaks the contract."""
    return _decoder.decode(body)


def write_update(update: Update) -> bytes:
    """Encode an update that the gateway itself sends."""
    return _encoder.encode(update)


def as_event(turn_id: str, update: Update, body: bytes) -> bytes:
    """One server-sent event; its id is what `Last-Event-ID` names to resume."""
    # JSON has no line break but between its tokens, and one there would end the data field.
    data = body.replace(b"\n", b" ") if b"\n" in body else body
    return b"event: %b\nid: %b:%d\ndata: %b\n\n" % (update.type.encode(), turn_id.encode(), update.n, data)

"""What was said to a model and what it said: for the user whose words they are, sealed, for a limited time.

The hashes on the ledger's row stay when the words are gone: they prove what an export says. They are salted with the
call's id, so that nobody can guess a text from its hash. What tools returned may be mail, which is kept for an hour at
most: of that there is a hash only.
"""

import hashlib
import zlib

import msgspec

from contracts.envelope import Scope
from libs.db import Database
from libs.models.messages import AssistantText, ModelMessage, SystemText, ToolResult
from libs.resilience.errors import NotFound
from libs.vault import UserKey, Vault
from services.chat.admitted import Admitted
from services.chat.spending.account import NO_TRACE, Trace

PURPOSE = "model_call"
MOST_BYTES = 1_000_000
"""A longer exchange leaves its hashes only."""


class ModelCallNotFound(NotFound):
    """There is no such call of this user, or its words are no longer kept."""

    slug = "model_call_not_found"


class AuditTrail:
    """Seals with the key of the user whose call it was."""

    def __init__(self, db: Database, vault: Vault, *, keeps_words: bool) -> None:
        self._db = db
        self._vault = vault
        self._keeps_words = keeps_words

    async def trace(self, admitted: Admitted) -> Trace:
        """Of a request that has ended. Raises DatabaseUnavailable."""
        record, call_id = admitted.record, admitted.admission.call_id
        sent = record.sent
        if sent is None:
            return NO_TRACE
        messages = [_plain(message, call_id) for message in sent.messages]
        said = {"messages": messages, "tools": [tool.name for tool in sent.tools]}
        answer = {"text": "".join(record.said), "calls": msgspec.to_builtins(record.calls)}
        request_json, answer_json = msgspec.json.encode(said), msgspec.json.encode(answer)
        content: bytes | None = None
        if self._keeps_words and len(request_json) + len(answer_json) <= MOST_BYTES:
            words = zlib.compress(b'{"request":%b,"answer":%b}' % (request_json, answer_json), level=1)
            content = (await self._key(admitted.asker.scope)).seal(PURPOSE, call_id, words)
        return Trace(_hash(call_id, request_json), _hash(call_id, answer_json), content)

    async def _key(self, scope: Scope) -> UserKey:
        if key := self._vault.known_key(self._db.schema, scope):
            return key
        async with self._db.transaction(scope) as tx:
            return await self._vault.user_key(tx)


async def words_of(db: Database, vault: Vault, scope: Scope, call_id: str) -> str:
    """The kept words as JSON. Raises ModelCallNotFound."""
    async with db.reading(scope) as tx:
        sealed = await tx.fetchval("select content from model_call_contents where call_id = $1", call_id)
        if sealed is None:
            raise ModelCallNotFound("There is no such call, or what was said in it is no longer kept.")
        key = await vault.user_key(tx)
    return zlib.decompress(key.open(PURPOSE, call_id, sealed)).decode()


def _hash(call_id: str, text: bytes) -> bytes:
    return hashlib.sha256(call_id.encode() + b"\0" + text).digest()


def _plain(message: ModelMessage, call_id: str) -> dict[str, object]:
    if isinstance(message, ToolResult):
        text = message.text.encode()
        return {"role": "tool", "call_id": message.call_id, "bytes": len(text), "sha256": _hash(call_id, text).hex()}
    plain: dict[str, object] = {"role": _role(message), "text": message.text}
    if isinstance(message, AssistantText) and message.tool_calls:
        plain["calls"] = msgspec.to_builtins(message.tool_calls)
    return plain


def _role(message: ModelMessage) -> str:
    if isinstance(message, SystemText):
        return "system"
    return "assistant" if isinstance(message, AssistantText) else "user"

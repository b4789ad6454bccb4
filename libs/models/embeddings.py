"""Vectors for texts, from any server that speaks OpenAI's embeddings."""

from dataclasses import dataclass
from typing import Any

import msgspec

from libs.models.errors import ModelError, StreamBroken
from libs.models.openai_compatible import OpenAICompatible
from libs.resilience.deadline import Deadline


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The provider's list of vectors as JSON text, and the tokens it counted."""

    data: bytes
    input_tokens: int


class EmbeddingModel(OpenAICompatible):
    """One model at one server."""

    async def embed(self, body: dict[str, Any], deadline: Deadline) -> Embeddings:
        """`body`: `input` and what else OpenAI's request may hold, without the model. Raises ModelError."""
        try:
            answer = await self._client.embeddings.with_raw_response.create(
                model=self.model,
                input="",
                extra_body=body,
                timeout=self._openai.Timeout(deadline.remaining_s(), connect=2.0),
            )
        except ModelError:
            raise
        except Exception as error:
            broken = StreamBroken("The connection to the language model broke.")
            raise (self._translated(error) or broken) from error
        try:
            read = msgspec.json.decode(answer.http_response.content, type=_Answer)
        except msgspec.MsgspecError as error:
            raise StreamBroken("The model's answer does not follow its format.") from error
        return Embeddings(msgspec.json.encode(read.data), read.usage.prompt_tokens if read.usage else 0)

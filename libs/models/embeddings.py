"""Vectors for texts, from any server that speaks OpenAI's embeddings."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from libs.models.answer import Usage
from libs.models.errors import ModelError, ModelTimeout, StreamBroken
from libs.models.openai_compatible import OpenAICompatible
from libs.models.streamed import MAX_ANSWER_BYTES
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
        request = self._client.embeddings.with_streaming_response.create(
            model=self.model,
            input="",
            # Said, because the SDK asks for base64 where nothing is.
            extra_body={"encoding_format": "float", **body},
        )
        try:
            async with asyncio.timeout(deadline.remaining_s()), self._portions_of(request) as portions:
                content = await _whole(portions)
        except ModelError:
            raise
        except TimeoutError as error:
            raise ModelTimeout("The language model took too long.") from error
        except Exception as error:
            broken = StreamBroken("The connection to the language model broke.")
            raise (self._translated(error) or broken) from error
        try:
            read = msgspec.json.decode(content, type=_Answer)
        except msgspec.MsgspecError as error:
            raise StreamBroken("The model's answer does not follow its format.") from error
        told = Usage(read.usage.prompt_tokens if read.usage else 0).possible()
        return Embeddings(msgspec.json.encode(read.data), told.input)


async def _whole(portions: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for data in portions:
        content += data
        if len(content) > MAX_ANSWER_BYTES:
            raise StreamBroken("The language model's answer does not end.")
    return bytes(content)

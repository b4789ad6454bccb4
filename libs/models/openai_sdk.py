"""The official SDK of OpenAI as both of its formats use it: log-in, connections, errors, time limits."""

import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from libs.models.errors import ModelError, ModelTimeout, ModelUnavailable
from libs.models.failures import ProviderError, failure
from libs.models.headroom import headroom_of
from libs.models.messages import ModelMessage, Options, ToolSchema
from libs.models.streamed import CONNECT_S, STALL_S, StreamedModel

if TYPE_CHECKING:
    from openai import AsyncOpenAI


UNSUPPORTED = ("unsupported_value", "unsupported_parameter")
SAMPLING = ("temperature", "top_p")


class OpenAISDKModel(StreamedModel):
    """A model asked through the SDK, which never repeats a request by itself."""

    def __init__(self, base_url: str, api_key: str, model: str, *, first_token_s: float) -> None:
        # 1.9 s to import; a process without a model never pays for it.
        import openai

        super().__init__(model, first_token_s)
        self._openai = openai
        self._samples_by_itself = False
        # The first token may be waited for longer than a later one; the stream's own limits are the strict ones.
        self._timeout = openai.Timeout(max(first_token_s, STALL_S), connect=CONNECT_S)
        self._client: AsyncOpenAI = openai.AsyncOpenAI(
            # Local servers ask for no key; the SDK insists on one.
            api_key=api_key or "none",
            base_url=base_url,
            timeout=self._timeout,
            max_retries=0,
            # Parses in C: reading a stream of 50 tokens costs a third of the CPU of the SDK's own transport.
            http_client=openai.DefaultAioHttpClient(timeout=self._timeout),
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()

    @asynccontextmanager
    async def _opened(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Models that think refuse a temperature. Which ones do is known to nobody but their provider: such a refusal
        is remembered, and the request made again without."""
        async with AsyncExitStack() as stack:
            if self._samples_by_itself:
                options = _unsampled(options)
            try:
                request = self._request(messages, tools, options)
                portions = await stack.enter_async_context(self._portions_of(request))
            except self._openai.BadRequestError as error:
                if error.code not in UNSUPPORTED or error.param not in SAMPLING or options == _unsampled(options):
                    raise
                self._samples_by_itself = True
                request = self._request(messages, tools, _unsampled(options))
                portions = await stack.enter_async_context(self._portions_of(request))
            yield portions

    @abstractmethod
    def _request(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AbstractAsyncContextManager[Any]:
        """The SDK's streaming response."""

    @asynccontextmanager
    async def _portions_of(self, response: AbstractAsyncContextManager[Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a streaming response of the SDK."""
        async with response as opened:
            self.headroom = headroom_of(opened.headers, time.time())
            yield opened.iter_bytes()

    def _translated(self, error: Exception) -> ModelError | None:
        sdk = self._openai
        match error:
            case sdk.APITimeoutError() if _is_a_timeout(error):
                return ModelTimeout("The language model took too long.")
            case sdk.APIStatusError():
                told = ProviderError(code=error.code, type=error.type, message=_words(error))
                return failure(told, error.status_code, error.response.headers)
            case sdk.OpenAIError():
                return ModelUnavailable("The language model cannot be reached.")
        # The SDK wraps what happens before the answer, not what happens while its body is read.
        return None


def _unsampled(options: Options) -> Options:
    return replace(options, temperature=None, top_p=None)


def _is_a_timeout(error: BaseException) -> bool:
    """The SDK's aiohttp transport also calls a lost or refused connection a timeout; the first cause knows better."""
    while error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, TimeoutError)


def _words(error: Any) -> str:
    """The provider's own sentence, which compatible servers often give without a code."""
    body = error.body
    told = body.get("message") if isinstance(body, dict) else body
    return told if isinstance(told, str) else ""

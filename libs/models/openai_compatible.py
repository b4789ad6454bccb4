"""Any server that speaks OpenAI's chat completions: the official SDK for request, log-in, errors and time limits;
raw lines for the tokens, because the SDK's event objects cost five times the CPU."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from libs.models.chunks import Answer, Lines
from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelTimeout,
    ModelUnavailable,
    StreamBroken,
)
from libs.models.messages import (
    ALIVE,
    NO_OPTIONS,
    AssistantText,
    ModelEvent,
    ModelMessage,
    Options,
    SystemText,
    TextDelta,
    ToolSchema,
    UserText,
)
from libs.resilience.deadline import Deadline

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_S = 2.0
STALL_S = 30.0
"""The longest silence between two tokens."""
DRAIN_S = 0.1


class OpenAICompatible:
    """One model at one server. Raises leaves of ModelError only."""

    def __init__(self, base_url: str, api_key: str, model: str, *, first_token_s: float) -> None:
        # 1.9 s to import; a process without a model never pays for it.
        import openai

        self.model = model
        self._openai = openai
        self._first_token_s = first_token_s
        self._client: AsyncOpenAI = openai.AsyncOpenAI(
            # Local servers ask for no key; the SDK insists on one.
            api_key=api_key or "none",
            base_url=base_url,
            timeout=openai.Timeout(STALL_S, connect=CONNECT_S),
            max_retries=0,
            # Parses in C: reading a stream of 50 tokens costs a third of the CPU of the SDK's own transport.
            http_client=openai.DefaultAioHttpClient(timeout=openai.Timeout(STALL_S, connect=CONNECT_S)),
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()

    async def stream(
        self,
        messages: Sequence[ModelMessage],
        tools: Sequence[ToolSchema],
        *,
        options: Options = NO_OPTIONS,
        deadline: Deadline,
    ) -> AsyncGenerator[ModelEvent, None]:
        """One answer: text as it comes, then the calls if there are any, then Finished."""
        answer, lines = Answer(self.model), Lines()
        limit_s = min(self._first_token_s, deadline.remaining_s())
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(limit_s):
                    response = await stack.enter_async_context(self._opened(messages, tools, options, limit_s))
                portions = response.iter_bytes()
                while not answer.is_over:
                    async with asyncio.timeout(limit_s):
                        data = await anext(portions, None)
                    if data is None:
                        break
                    limit_s = min(STALL_S, deadline.remaining_s())
                    if text := "".join([answer.read(line) for line in lines.feed(data)]):
                        yield TextDelta(text)
                    elif answer.is_at_work():
                        yield ALIVE
                await _drained(portions)
        except ModelError:
            raise
        except TimeoutError as error:
            raise ModelTimeout("The language model took too long.") from error
        except self._openai.OpenAIError as error:
            raise self._translated(error) from error
        except Exception as error:
            # The SDK wraps what happens before the answer, not what happens while its body is read.
            raise StreamBroken("The connection to the language model broke.") from error
        for event in answer.end():
            yield event

    def _opened(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options, limit_s: float
    ) -> Any:
        body: dict[str, Any] = {"messages": [_message(message) for message in messages], **_options(options)}
        if tools:
            body["tools"] = [_tool(tool) for tool in tools]
        return self._client.chat.completions.with_streaming_response.create(
            model=self.model,
            messages=[],
            stream=True,
            stream_options={"include_usage": True},
            # Sent as it is: the SDK walks through `messages` by their type hints, which takes longer the longer
            # the conversation is (0.2 ms for one message, 4 ms for forty).
            extra_body=body,
            timeout=self._openai.Timeout(max(limit_s, STALL_S), connect=CONNECT_S),
        )

    def _translated(self, error: Exception) -> ModelError:
        sdk = self._openai
        match error:
            case sdk.APITimeoutError() if _is_a_timeout(error):
                return ModelTimeout("The language model took too long.")
            case sdk.RateLimitError():
                told = error.response.headers.get("retry-after", "")
                wait_s = float(told) if told.isdigit() else None
                return ModelRateLimited("The language model's provider asks to wait.", retry_after_s=wait_s)
            case sdk.AuthenticationError() | sdk.PermissionDeniedError():
                return ModelRefusedKey("The language model's provider refuses our key.")
            case sdk.APIStatusError() if "context_length" in str(getattr(error, "code", "") or ""):
                return ContextTooLarge("The conversation is too long for the language model.")
            case sdk.APIStatusError() if 400 <= error.status_code < 500 and error.status_code not in (408, 409):
                return ModelRefused("The language model's provider calls the request wrong.")
        return ModelUnavailable("The language model cannot be reached.")


def _is_a_timeout(error: BaseException) -> bool:
    """The SDK's aiohttp transport also calls a lost or refused connection a timeout; the first cause knows better."""
    while error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, TimeoutError)


async def _drained(portions: AsyncIterator[bytes]) -> None:
    """Read what follows `[DONE]`, an empty chunk: only a connection that is read to the end serves again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            async for _ in portions:
                pass


def _message(message: ModelMessage) -> dict[str, Any]:
    match message:
        case SystemText(text):
            return {"role": "system", "content": text}
        case UserText(text):
            return {"role": "user", "content": text}
        case AssistantText(text, ()):
            return {"role": "assistant", "content": text}
        case AssistantText(text, calls):
            called = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in calls
            ]
            return {"role": "assistant", "content": text or None, "tool_calls": called}
        case result:
            return {"role": "tool", "tool_call_id": result.call_id, "content": result.text}


def _options(options: Options) -> dict[str, Any]:
    """As OpenAI names them; `max_completion_tokens` has replaced `max_tokens`, and compatible servers know both."""
    choice: Any = options.tool_choice
    if choice not in (None, "auto", "none", "required"):
        choice = {"type": "function", "function": {"name": choice}}
    given = {
        "max_completion_tokens": options.max_output_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "stop": list(options.stop) or None,
        "tool_choice": choice,
        "response_format": {"type": "json_object"} if options.wants_json else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}

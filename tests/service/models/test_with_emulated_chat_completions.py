"""The promises of every adapter, by chat completions; what only they promise is in test_with_emulated_openai.py."""

from tests.service.models.promises import Promises


class TestChatCompletions(Promises):
    """OpenAI, and all who speak like it."""

    provider = "openai"
    path = "/v1"
    model = "gpt-test"

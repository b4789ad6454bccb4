"""The adapter against an OpenAI Responses API that somebody else wrote."""

from libs.models.messages import Options
from tests.service.models.asking import end_of, text_of
from tests.service.models.promises import STORY, Promises


class TestResponses(Promises):
    """OpenAI by its newer format."""

    provider = "openai_responses"
    path = "/v1"
    model = "gpt-test"

    async def test_an_answer_ends_before_a_stop_text_and_is_counted_whole(self, emulator: str) -> None:
        events = await self.ask(emulator, "tell me a story", options=Options(stop=("every letter",)))
        assert text_of(events) == STORY[: STORY.index("every letter")]
        assert end_of(events).output_tokens == 45

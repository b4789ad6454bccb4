"""The adapter against a Gemini that somebody else wrote."""

from tests.service.models.aimock import journal
from tests.service.models.promises import Promises


class TestGemini(Promises):
    """Gemini."""

    provider = "gemini"
    model = "gemini-test"

    async def test_the_model_is_named_in_the_path_and_the_key_is_not(self, emulator: str) -> None:
        await self.ask(emulator, "hi", key="a-secret")
        entry = (await journal(emulator))[-1]
        assert entry["path"].startswith("/v1beta/models/gemini-test:streamGenerateContent")
        assert "a-secret" not in entry["path"]

"""The adapter against an Anthropic that somebody else wrote."""

from libs.models.anthropic_messages import VERSION
from tests.service.models.aimock import journal
from tests.service.models.promises import Promises


class TestAnthropic(Promises):
    """Claude."""

    provider = "anthropic"
    model = "claude-test"

    async def test_the_version_of_the_format_is_named(self, emulator: str) -> None:
        await self.ask(emulator, "hi")
        entry = (await journal(emulator))[-1]
        assert entry["path"] == "/v1/messages"
        assert entry["headers"]["anthropic-version"] == VERSION

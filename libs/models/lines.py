"""Bytes of server-sent events to whole lines: pure, and the same for every provider."""

from libs.models.errors import StreamBroken

MAX_LINE_BYTES = 1_000_000
"""A line longer than any honest chunk: a stream that never breaks the line must not fill the memory."""


class Lines:
    """Bytes in any portions to whole lines; CRLF, and characters cut in two, make no difference."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now. Raises StreamBroken for a line without end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise StreamBroken("The model's stream does not follow its format.")
        return lines

    def rest(self) -> bytes:
        """What the stream ended with instead of a line break."""
        return self._rest

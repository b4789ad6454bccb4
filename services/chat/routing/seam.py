"""Joining a second answer to what a first one had said when it broke off.

The second model is asked to go on where the first one stopped. Some do; some repeat the last words; some begin again
from the start. All three are joined without a word twice. One that begins again and says something else cannot be
joined: then the answer ends honestly.
"""

from libs.models.errors import StreamBroken

OVERLAP = 200
"""Characters of the end that a continuation may repeat."""
BEGINNING = 16
"""So many equal characters at the start mean: it began again. A shorter answer has to be repeated whole."""

GO_ON = (
    "Your answer above was cut off by a lost connection. Go on exactly where it stops, in the middle of the sentence "
    "if need be. Do not repeat anything, do not comment on the interruption."
)


class Seam:
    """Feed what the second model says; get what the user is to see."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._held = ""
        self._replayed: int | None = None
        """How much of `said` the second model has repeated; None while that is undecided."""
        self._is_open = False

    def feed(self, text: str) -> str:
        """Raises StreamBroken when the new answer is another one."""
        if self._is_open:
            return text
        self._held += text
        if self._replayed is not None:
            return self._replay()
        said = self._said
        decided = min(len(said), BEGINNING)
        if len(self._held) < decided and said.startswith(self._held):
            return ""
        if self._held[:decided] == said[:decided]:
            self._replayed = 0
            return self._replay()
        if len(self._held) < min(OVERLAP, len(said)) and self._may_overlap():
            return ""
        return self._open(self._held[self._overlap() :])

    def end(self) -> str:
        """What is still held back. Raises StreamBroken when the repetition was shorter than what had been said."""
        if self._is_open:
            return ""
        if self._replayed is not None:
            raise StreamBroken("The language model broke off and could not go on.")
        return self._open(self._held[self._overlap() :])

    def _replay(self) -> str:
        assert self._replayed is not None
        rest = self._said[self._replayed :]
        length = min(len(rest), len(self._held))
        if rest[:length] != self._held[:length]:
            raise StreamBroken("The language model broke off and could not go on.")
        self._replayed += length
        held, self._held = self._held[length:], ""
        return self._open(held) if self._replayed == len(self._said) else ""

    def _open(self, text: str) -> str:
        self._is_open, self._held = True, ""
        return text

    def _overlap(self) -> int:
        """How many characters of the end the new text begins with."""
        longest = min(len(self._held), len(self._said), OVERLAP)
        return next((n for n in range(longest, 2, -1) if self._said.endswith(self._held[:n])), 0)

    def _may_overlap(self) -> bool:
        """Whether what came so far may yet turn out to be a repetition of the end."""
        return self._held in self._said[-OVERLAP:]

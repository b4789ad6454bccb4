"""What each safety stage of a model request costs in CPU, for a thousand tokens (4,000 characters) of ordinary text.

The baseline is one SHA-256 and one compression of the same text: what merely keeping it would cost.
"""

import hashlib
import time
import zlib
from collections.abc import Callable

from libs.privacy import Kind, Restorer, Scrubber
from services.chat.compression import compressed
from services.chat.output_filter import OutputFilter
from services.chat.turn_rows import Said
from tests.benchmarks.report import Measurement, median_ms

CHARACTERS = 4_000
PIECE = 12
TIMES = 200
TARGET_MS = 2.0
SENTENCES = (
    "Hello Ann, the meeting with Mr. Novak is on Thursday, 26 November at 14:30 in room 4. ",
    "You can reach me at 030 1234567 or novak@example.com; the draft is at https://docs.example.com/draft/17. ",
    "- [ ] look at the offer\n- [x] book the train (IC 2024)\n",
    "The sum of 1,250.00 EUR is to be paid to DE89 3704 0044 0532 0130 00 by the end of the month. ",
)
TEXT = ("".join(SENTENCES) * 40)[:CHARACTERS]
PIECES = [TEXT[at : at + PIECE] for at in range(0, len(TEXT), PIECE)]


def run() -> None:
    """Print one line for each stage."""
    scrubber = Scrubber(b"k" * 32, frozenset(Kind))
    hidden = scrubber.scrub(TEXT)
    hidden_pieces = [hidden[at : at + PIECE] for at in range(0, len(hidden), PIECE)]
    history = [Said("user" if n % 2 == 0 else "assistant", TEXT[: CHARACTERS // 2]) for n in range(20)]
    stages: dict[str, Callable[[], object]] = {
        "scrubbing": lambda: Scrubber(b"k" * 32, frozenset(Kind)).scrub(TEXT),
        "restoring_streamed": lambda: _fed(Restorer(scrubber.values), hidden_pieces),
        "output_filter_streamed": lambda: _fed(OutputFilter(lambda: TEXT), PIECES),
        # Ten thousand tokens of history go into half the room.
        "compression_of_history": lambda: compressed(history, "When is the meeting with Mr. Novak?", CHARACTERS * 5),
    }
    baseline = median_ms(_kept, TIMES, time.process_time)
    for name, stage in stages.items():
        share = 10 if name == "compression_of_history" else 1
        took = median_ms(stage, TIMES, time.process_time) / share
        Measurement("models.safety", name, took, "ms/1000 tokens", baseline, TARGET_MS).print()


def _fed(stage: Restorer | OutputFilter, pieces: list[str]) -> str:
    return "".join(map(stage.feed, pieces)) + stage.end()


def _kept() -> bytes:
    return hashlib.sha256(TEXT.encode()).digest() + zlib.compress(TEXT.encode(), level=1)

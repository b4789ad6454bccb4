"""A message that is nothing but a decision: "yes", "approve 2", "nein", "undo that". Pure.

The whole message has to be one. "Yes, but call it lunch" decides nothing: it goes to the engine like any other.
"""

import re
from dataclasses import dataclass
from typing import Literal

from services.chat.own_words import plain

LONGEST = 80
"""In characters: a decision is short."""
Word = Literal["approve", "decline", "undo"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided, and of what: the numbers that were shown, all of it, or the only one."""

    word: Word
    numbers: tuple[int, ...] = ()
    everything: bool = False


_POLITE = r"(?:please|thanks|thank you|bitte|danke|gerne|gern|then|now|jetzt|mal)"
_IT = (
    r"(?:it|that|this|them|those|the (?:mail|email|event|message|invite|invitation|task|post)|es|das|sie|ihn|die mail)"
)
_YES = (
    r"yes|yep|yeah|yup|ok|okay|sure|fine|correct|right|agreed|approved?|confirm(?:ed)?|accept(?:ed)?|go ahead|go for it"
    rf"|do {_IT}|do so|please do|send {_IT}|send|(?:looks|sounds) good|yes to"
    r"|ja|jawohl|klar|einverstanden|genehmigt?|bestatigt?|bestatigen|genehmigen|freigeben|in ordnung|passt"
    rf"|mach {_IT}|mach|schick {_IT}|schick {_IT} ab|senden|sende {_IT}|abschicken|ja zu"
)
_NO = (
    r"no|nope|nah|decline|declined|reject|rejected|cancel|don'?t|do not|stop|never ?mind|leave it|forget it"
    rf"|don'?t (?:do|send) {_IT}|do not (?:do|send) {_IT}|cancel {_IT}|decline {_IT}|no to"
    rf"|nein|ne|nee|nicht|lass {_IT}|lass|ablehnen|abgelehnt|lehne {_IT} ab|nicht (?:senden|schicken)|nein zu"
)
_UNDO = (
    rf"undo|undo {_IT}|take {_IT} back|revert|revert {_IT}|withdraw|withdraw {_IT}|stop {_IT}|wait stop"
    rf"|ruckgangig|mach {_IT} ruckgangig|zuruckziehen|zieh {_IT} zuruck|widerrufen"
)
_ALL = r"(?:all|both|everything|all of (?:it|them)|to all|to both|alle|alles|beide|beides|allen|beiden)"
_NUMBERS = r"(?P<numbers>(?:(?:nr|no|number|nummer|#) ?)?\d{1,2}(?: (?:and |und |& )?\d{1,2})*)"
_SAID = re.compile(
    rf"(?:(?P<undo>{_UNDO})|(?P<no>(?:{_NO})(?: (?:{_NO}))?)|(?P<yes>(?:{_YES})(?: (?:{_YES})){{0,2}}))"
    rf"(?: (?:to |zu )?(?:(?P<all>{_ALL})|{_NUMBERS}|{_IT}))?(?: {_POLITE})*"
)
# "Ok, thanks" ends a conversation as often as it approves; what is sent in the user's name takes a clearer word.
_ACKNOWLEDGES = re.compile(
    r"(?:ok|okay|fine|right|correct|klar|passt|in ordnung)(?: ok| okay)? (?:thanks|thank you|danke)"
)
_CHOSEN = re.compile(rf"(?:(?P<all>{_ALL})|{_NUMBERS})(?: {_POLITE})*")
_LEADING = re.compile(rf"^(?:{_POLITE} )+")


def verdict_of(message: str) -> Verdict | None:
    """What the message decides; None when it says anything else."""
    if len(message) > LONGEST or "?" in message:
        return None
    said = _plainly(message)
    found = _SAID.fullmatch(_LEADING.sub("", said))
    if found is None or _ACKNOWLEDGES.match(said):
        return None
    word: Word = "undo" if found["undo"] else "decline" if found["no"] else "approve"
    return _verdict(word, found)


def choice_of(message: str) -> Verdict | None:
    """What is approved by "2" or "both", said to the question which of several is meant; None for anything else."""
    found = _CHOSEN.fullmatch(_plainly(message)) if len(message) <= LONGEST else None
    return _verdict("approve", found) if found else None


def _plainly(message: str) -> str:
    return " ".join(re.sub(r"[^\w\s#&']", " ", plain(message)).split())


def _verdict(word: Word, found: re.Match[str]) -> Verdict:
    numbers = tuple(dict.fromkeys(int(number) for number in re.findall(r"\d+", found["numbers"] or "")))
    return Verdict(word, numbers, everything=found["all"] is not None)

"""Whether an effect may run, must be asked for, or is refused: a function of what it is and where it comes from.

    the user said never                                   → refuse
    costs money, or the user wants to be asked            → ask
    draft                                                 → run: it stays with the user, and is itself the preview
    nothing is known of where it comes from               → ask
    outsiders' texts were read before it was decided      → ask, unless the user's own words ask for exactly this
    a program asked, or it goes to somebody unknown       → ask, unless the user has allowed it for good
    otherwise                                             → run

That a model was told to ignore texts of others plays no part: the rule holds for a planner that obeys them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.actions import ArgumentOrigin, ConsentRule, Origin, Provenance
from contracts.tool import Effect
from services.tool.consent.labels import in_words, label, which
from services.tool.consent_facts import facts_of


class Verdict(StrEnum):
    """What is to be done with a call."""

    RUN = "run"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and why: a sentence each, for the user."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intended:
    """A call as far as consent goes. `recipients`: argument path (`guests[2]`) and value of everybody who gets it."""

    tool: str
    effect: Effect
    recipients: tuple[tuple[str, str], ...] = ()


UNKNOWN_ORIGIN = "It is not known where this comes from."
WANTED = "You want to be asked before this is done."
UNKNOWN = "You did not name {value} yourself, and nothing shows that you have written there before."
COSTS = "This costs money."
PROGRAM = "A program asked for this with your key."
NEVER = "You have ruled this out under Actions."
MOST_SENTENCES = 5
TRUSTED = frozenset({Origin.USER, Origin.CONTACT, Origin.MEMORY})


def judge(intended: Intended, provenance: Provenance | None, rules: Sequence[ConsentRule]) -> Judgement:
    """The table above, in its order."""
    own = [rule for rule in rules if rule.tool == intended.tool]
    if any(rule.verdict == "never" for rule in own):
        return Judgement(Verdict.REFUSE, (NEVER,))
    if intended.effect is Effect.READ:
        return Judgement(Verdict.RUN)
    if intended.effect is Effect.DRAFT:
        is_wanted = any(rule.verdict == "ask" for rule in own)
        return Judgement(Verdict.ASK, (WANTED,)) if is_wanted else Judgement(Verdict.RUN)
    reasons = _reasons(intended, provenance, own)
    return Judgement(Verdict.ASK, reasons) if reasons else Judgement(Verdict.RUN)


def _reasons(intended: Intended, provenance: Provenance | None, rules: Sequence[ConsentRule]) -> tuple[str, ...]:
    reasons: list[str] = []
    if intended.effect is Effect.SPEND:
        reasons.append(COSTS)
    if any(rule.verdict == "ask" for rule in rules):
        reasons.append(WANTED)
    if provenance is None:
        return (*reasons, UNKNOWN_ORIGIN)
    if provenance.via == "program":
        # What a program has read nobody can know; the user's standing word is all there is.
        return (*reasons, *(() if _is_allowed(intended, rules) else (PROGRAM,)))
    if provenance.read_untrusted and not _is_wished(provenance):
        reasons += _influences(intended.tool, provenance)
    unknown = _unknown(intended, provenance)
    if unknown and not _is_allowed(intended, rules):
        reasons += [UNKNOWN.format(value=value) + _lookalike(value) for value in unknown]
    return tuple(reasons)


def _is_wished(provenance: Provenance) -> bool:
    """The user's own words ask for this, and everything in it follows from them."""
    return provenance.is_asked and all(each.origin in TRUSTED for each in provenance.arguments)


def _influences(tool: str, provenance: Provenance) -> list[str]:
    """Which argument, by which sentence of which message; or at least what had been read."""
    chosen = facts_of(tool).acts_on
    said = [
        f"{which(each.argument)} is meant was read in {in_words(each.source)}, and you did not name it so."
        if each.argument in chosen
        else f"“{label(each.argument)}” comes from what others wrote in {in_words(each.source)}: “{each.sentence}”"
        for each in provenance.arguments
        if each.origin is Origin.UNTRUSTED
    ]
    if not said:
        sources = (
            "; ".join(map(in_words, provenance.sources[:MOST_SENTENCES]))
            or "texts of others earlier in this conversation"
        )
        said = [f"Before this was planned, what others wrote had been read: {sources}."]
    return said[:MOST_SENTENCES]


def _unknown(intended: Intended, provenance: Provenance) -> list[str]:
    """Recipients that the user neither named nor ever wrote to. What is not mentioned is not known."""
    origins = {each.argument: each for each in provenance.arguments}
    return [value for path, value in intended.recipients if not _is_known(origins.get(path))]


def _lookalike(value: str) -> str:
    """What a person cannot see: that a letter is not the one it looks like."""
    return "" if value.isascii() else f" Not all of its letters are what they look like: {ascii(value)[1:-1]}."


def _is_known(origin: ArgumentOrigin | None) -> bool:
    return origin is not None and origin.origin in TRUSTED


def _is_allowed(intended: Intended, rules: Sequence[ConsentRule]) -> bool:
    """For every recipient; a tool without any is allowed as a whole."""
    patterns = [rule.recipient.lower() for rule in rules if rule.verdict == "allow"]
    values = [value.lower() for _, value in intended.recipients] or [""]
    return bool(patterns) and all(any(_covers(pattern, value) for pattern in patterns) for value in values)


def _covers(pattern: str, value: str) -> bool:
    return pattern in ("*", value) or (pattern.startswith("@") and value.endswith(pattern))

"""The offline engine and what is remembered: "remember that …", "what do you remember about …?", "forget that …".

Forgetting cannot be taken back, so what is meant has to be clear: the only entry found, or the only one with all of the
words. English and German.
"""

import re

from services.chat.offline_answers import failed, line, rows
from services.chat.offline_intents import Forget, Recall, Remember
from services.chat.offline_steps import Call, Outcome, Say
from services.chat.own_words import telling

MOST = 10
_PLEASE = r"^(?:(?:please|hey|hi|hello|ok|okay|and|now|adjutant|bitte|(?:can|could|would|will)\s+you)\b[\s,!:]*)*"
_THAT = r"(?:\s*[:,]\s*|\s+)(?:(?:that|dass?|da\u00df)\b[\s:,]*)"
_FLAGS = re.IGNORECASE
_REMEMBER = re.compile(
    _PLEASE + r"(?:(?:do\s+not|don'?t)\s+forget|remember|memori[sz]e|keep\s+in\s+mind|merke?\s+dir|vergiss\s+nicht)"
    rf"(?:{_THAT}|\s*:\s*|\s+(?!to\b|me\b|us\b|when\b|what\b|how\b|it\b|this\b))(?P<what>\S.*(?<!\?))$",
    _FLAGS,
)
_FORGET = re.compile(
    _PLEASE + r"(?:forget|vergiss)(?!\s+(?:it|es|this|that|das|nicht)\b(?:\s+nicht)?\W*$)"
    r"(?:[\s,]+(?:what|everything|was|alles)\b.*?"
    rf"\b(?:about|\u00fcber|von|zu)\b\s*|{_THAT}|\s+(?:about\s+|\u00fcber\s+)?)(?P<what>\S.*)$",
    _FLAGS,
)
_KNOWN = re.compile(r"\s(?:wei\u00dft|weisst)$", _FLAGS)
_RECALL = re.compile(
    _PLEASE + r"(?:what\s+(?:do|did|have)\s+you\s+(?:(?:still|already)\s+)?(?:remember(?:ed)?|know|kn[eo]w)"
    r"|(?:do|can)\s+you\s+(?:still\s+)?remember|remind\s+me\s+of\s+what\s+you\s+(?:know|remember)"
    r"|was\s+(?:wei\u00dft|weisst)\s+du|was\s+hast\s+du\s+dir|erinnerst\s+du\s+dich\s+an)\b(?P<rest>.*)$",
    _FLAGS,
)
_ABOUT = re.compile(r"\b(?:about|of|\u00fcber|von|zu|an)\b\s*(?P<what>.*)$", _FLAGS)
_AROUND = re.compile(
    r"^(?:me|us|mich|mir|uns|noch|alles|so|all|that|dass|gemerkt|(?:still|already)\b)+\b\s*|\s*\bgemerkt\b", _FLAGS
)


def memory_intent(text: str) -> Remember | Recall | Forget | None:
    """What a message wants of the memory, if anything."""
    if found := _REMEMBER.search(text):
        return Remember(found["what"].strip())
    if found := _FORGET.search(text):
        return Forget(_KNOWN.sub("", found["what"].rstrip(" .!?")))
    if found := _RECALL.search(text):
        about = _ABOUT.search(found["rest"])
        rest = about["what"] if about else found["rest"]
        return Recall(_AROUND.sub("", rest.strip(" .!?,")).strip(" .!?,") or None)
    return None


def next_step(intent: Remember | Recall | Forget, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """The call, or the answer."""
    match intent:
        case Remember(text):
            return _remembered(outcomes[0]) if outcomes else Call("memory_add", {"text": text})
        case Recall(about):
            return _recalled(about, outcomes[0]) if outcomes else _recall(about)
        case Forget(what):
            return _forget(what, outcomes)


def _recall(about: str | None) -> Call:
    return Call("memory_recall", {"limit": MOST} | ({"about": about[:200]} if about else {}))


def _remembered(added: Outcome) -> Say:
    if not added.ok:
        return Say(f"Nothing is remembered yet. {line(added.detail)}")
    return Say(f"I will remember: {line(added.result.get('text'))}")


def _recalled(about: str | None, found: Outcome) -> Say:
    if not found.ok:
        return Say(failed(found.detail))
    entries = rows(found.result, "memories")
    subject = f" about {line(about)}" if about else ""
    if not entries:
        return Say(f"I remember nothing{subject}.")
    return Say("\n".join([f"What I remember{subject}:", *(f"- {line(entry.get('text'))}" for entry in entries)]))


def _forget(what: str, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """Look for it, and forget it when it is clear which entry is meant."""
    if not outcomes:
        return _recall(what)
    found, *after = outcomes
    if not found.ok:
        return Say(failed(found.detail))
    entries = rows(found.result, "memories")
    if not entries:
        return Say(f"I remember nothing about {line(what)}.")
    whole = [entry for entry in entries if set(telling(what)) <= set(telling(str(entry.get("text", ""))))]
    meant = whole if len(whole) == 1 else entries
    if len(meant) > 1:
        listed = (f"- {line(entry.get('text'))}" for entry in entries)
        return Say("\n".join(["Which of these do you mean? Nothing is forgotten yet.", *listed]))
    if not after:
        return Call("memory_forget", {"memory_id": str(meant[0].get("memory_id", ""))})
    if not after[0].ok:
        return Say(f"Nothing is forgotten yet. {line(after[0].detail)}")
    return Say(f"Forgotten: {line(meant[0].get('text'))}")

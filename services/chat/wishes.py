"""Whether the user's words ask for an action of a kind: loose about how, strict that it is a wish.

A question about the mail, "do not send", and "tell me" hold the words of sending, and wish for none. What is not
recognised costs the user a question, never an effect.
"""

import re
from collections.abc import Sequence

_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*")
_WORD = re.compile(r"[^\W_][\w@.+'-]*[^\W_]|[^\W_]|[:,;]")


def _these(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GREETINGS = _these("hi hey hello hallo please bitte and und then so ok okay adjutant")
_QUESTIONS = _these(
    "what what's whats who whom whose when where which why how is are am was were did does do has had have any "
    "wer wen wem wann wo was welche welcher welches warum wieso wie ist sind bin war habe hat haben gibt gab "
    "quoi que qu'est-ce qui quand pourquoi est quien cuando como hay esta"
)
_NEVER = _these("not don't dont never no without nicht nie niemals ohne kein keine keinen ne pas sans sin")
_NOTHING = _these("no nothing nobody nichts niemanden niemandem kein keine keinen nicht rien pas nada")
_ITS_NAME = _these(
    "my the a an any this that these those every all new your our his her their unread some last latest next of in by "
    "is are was what what's mein meine meinen meinem meiner der die das den dem ein eine einen neue neuen alle diese "
    "le la les mes mon ma un une mi mis el los las"
)
"""Before a word, they make it the name of a thing: "my mail"."""
_TELLING = ("tell", "let", "send", "mail", "write", "inform", "say", "sag", "schick", "schreib", "envoi", "envi")
_ME = _these("me us mir uns moi nous")
_READING = ("read", "show", "check", "list", "summar", "look", "find", "search", "what", "lies", "zeig", "such", "lis")
_LONGEST_ANSWER = 40


def is_wished(words: str, earlier: Sequence[str], asked_with: Sequence[str]) -> bool:
    """Whether the message, or the one before a short answer to a question, wishes for it. All in plain lower case."""
    starts = tuple(asked_with)
    return bool(starts) and any(_wishes(sentence, starts) for sentence in _sentences(asking(words, earlier)))


def asking(words: str, earlier: Sequence[str]) -> tuple[str, ...]:
    """The messages that say what is wanted now: this one, and the one that it is a short answer to."""
    return (words, *earlier[-1:]) if _is_answer(words) else (words,)


def _sentences(texts: Sequence[str]) -> list[list[str]]:
    return [_WORD.findall(found.group()) for text in texts for found in _SENTENCE.finditer(text)]


def _is_answer(words: str) -> bool:
    """ "Yes, do that", "at 3", "Sarah Chen": nothing that is a question or an order of its own."""
    if len(words) >= _LONGEST_ANSWER or "?" in words:
        return False
    said = [word for word in _WORD.findall(words) if word not in _GREETINGS]
    return not said or not (said[0] in _QUESTIONS or any(word.startswith(_READING) for word in said))


def _wishes(sentence: list[str], starts: tuple[str, ...]) -> bool:
    opening = next((word for word in sentence if word not in _GREETINGS and word[0].isalnum()), "")
    if opening in _QUESTIONS:
        return False
    return any(_begins(sentence, n, starts) and _is_an_order(sentence, n) for n in range(len(sentence)))


def _begins(sentence: list[str], n: int, starts: tuple[str, ...]) -> bool:
    """Whether one of them begins here; one that ends with a space is a whole word, and one with `*` two: the beginning
    of a word, and one that comes later in the sentence ("sag*ab")."""
    here = f"{' '.join(sentence[n : n + 3])} "
    if here.startswith(starts):
        return True
    parted = (start.split("*") for start in starts if "*" in start)
    return any(here.startswith(first) and later in sentence[n + 1 :] for first, later in parted)


def _is_an_order(sentence: list[str], n: int) -> bool:
    """Of the word in this place: neither negated, nor the name of a thing, nor about telling the user."""
    word, before, after = sentence[n], sentence[max(0, n - 3) : n], sentence[n + 1 : n + 4]
    if _NEVER & set(before) or _NOTHING & set(_until_a_pause(after)):
        return False
    if before and before[-1] in _ITS_NAME:
        return False
    return not (word.startswith(_TELLING) and after and after[0] in _ME)


def _until_a_pause(words: list[str]) -> list[str]:
    pause = next((n for n, word in enumerate(words) if word in (":", ",", ";", "that", "dass", "que")), len(words))
    return words[:pause]

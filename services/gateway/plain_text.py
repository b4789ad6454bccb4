"""The plain-text stream: text with control tokens in double brackets (SPEC G2).

What a model or a provider wrote must not read as a control token. Wherever such text holds `[[PERIN_`, also across
two deltas, a zero-width space (U+200B) is put after the brackets: `[[\\u200bPERIN_`. Readers see no difference, and a
client that looks for `[[PERIN_` finds only ours. Fields inside a control token lose line breaks, double brackets
and, where another field follows, colons.
"""

from services.gateway.updates import Update

_MARK = "[[PERIN_"
_DEFUSED = "[[\u200bPERIN_"


class PlainText:
    """Writes one turn as text; keeps only the few characters that might begin a forged token."""

    def __init__(self) -> None:
        self._held = ""

    def write(self, update: Update) -> str:
        """What this update adds to the text."""
        if update.type == "token":
            return self._text(update.text or "")
        return self._flush() + _control(update)

    def _text(self, delta: str) -> str:
        text = (self._held + delta).replace(_MARK, _DEFUSED)
        kept = _possible_start(text)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def _flush(self) -> str:
        held, self._held = self._held, ""
        return held


def _possible_start(text: str) -> int:
    """How many characters at the end could be the beginning of a control token."""
    for length in range(min(len(_MARK) - 1, len(text)), 0, -1):
        if text.endswith(_MARK[:length]):
            return length
    return 0


def _control(update: Update) -> str:
    match update.type:
        case "step.started":
            return f"[[PERIN_STEP:start:{_field(update.step_id)}:{_last(update.name)}]]"
        case "step.progress":
            return f"[[PERIN_PROGRESS:{_last(update.text)}]]"
        case "step.result":
            result = f":{_last(update.text)}" if update.text else ""
            return f"[[PERIN_STEP_RESULT:{_field(update.step_id)}:{_field(update.status)}{result}]]"
        case "step.ended":
            return f"[[PERIN_STEP:end:{_field(update.step_id)}]]"
        case "multi_step.initiated":
            return f"[[PERIN_MULTI_STEP:initiated:{_field(update.text)}:{update.confidence or 0:g}]]"
        case "multi_step.complete":
            return "[[PERIN_MULTI_STEP:complete]]"
        case "turn.restarted":
            return "[[PERIN_PROGRESS:The answer starts again; what was written so far is void.]]\n"
        case "turn.failed" | "error":
            return f"\n{_last(update.detail or update.error or 'The turn failed.')}\n"
        case _:
            return ""


def _last(text: str | None) -> str:
    """A field at the end of its token, in one line and without brackets that could close or open one."""
    line = " ".join((text or "").split())
    return line.replace("[", "[\u200b").replace("]", "]\u200b")


def _field(text: str | None) -> str:
    """A field that another one follows: colons become semicolons."""
    return _last(text).replace(":", ";")

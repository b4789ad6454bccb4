"""The offline engine: the core intents without a language model. Pure functions of the text, the moment, the outcomes.

text ──understand──> Intent ──next_step──> Call, its Outcome, next_step, … ──> Say
"""

from services.chat.offline_intents import (
    AskFree,
    Help,
    Intent,
    ReadCalendar,
    ReadMail,
    Schedule,
    Unclear,
)
from services.chat.offline_plan import Call, Outcome, Say, next_step
from services.chat.offline_understanding import understand

LABEL = "(Offline mode: no language model is used.) "
"""Before every answer of this engine (SPEC H2)."""

__all__ = [
    "LABEL",
    "AskFree",
    "Call",
    "Help",
    "Intent",
    "Outcome",
    "ReadCalendar",
    "ReadMail",
    "Say",
    "Schedule",
    "Unclear",
    "next_step",
    "understand",
]

"""The offline engine: the core intents without a language model. Pure functions of the text, the moment, the outcomes.

text ──understand──> Intent ──next_step──> Call, its Outcome, next_step, … ──> Say
"""

from services.chat.offline_intents import (
    AddTask,
    AskFree,
    CompleteTask,
    Forget,
    Help,
    Intent,
    ReadCalendar,
    ReadMail,
    ReadTasks,
    Recall,
    Remember,
    Schedule,
    Unclear,
)
from services.chat.offline_parts import plan
from services.chat.offline_plan import next_step
from services.chat.offline_steps import Call, Outcome, Say
from services.chat.offline_understanding import understand

LABEL = "(Offline mode: no language model is used.) "
"""Before every answer of this engine (SPEC H2)."""

__all__ = [
    "LABEL",
    "AddTask",
    "AskFree",
    "Call",
    "CompleteTask",
    "Forget",
    "Help",
    "Intent",
    "Outcome",
    "ReadCalendar",
    "ReadMail",
    "ReadTasks",
    "Recall",
    "Remember",
    "Say",
    "Schedule",
    "Unclear",
    "next_step",
    "plan",
    "understand",
]

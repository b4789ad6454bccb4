"""What a user can want of the offline engine."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReadMail:
    """List mails; `day` is an ISO date, so that a turn taken over after midnight still means the same day."""

    day: str | None = None
    unread: bool | None = None
    sender: str | None = None
    only_last: bool = False


@dataclass(frozen=True, slots=True)
class ReadCalendar:
    """List the events of a day, an ISO date."""

    day: str


@dataclass(frozen=True, slots=True)
class AskFree:
    """Whether the user is free from `start` to `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Create an event; `guests` are addresses, or names still to be looked up."""

    title: str
    start: datetime
    duration_minutes: int
    guests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for later conversations, in these words."""

    text: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Say what is remembered, of this or at all."""

    about: str | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget the one entry that says this."""

    what: str


@dataclass(frozen=True, slots=True)
class AddTask:
    """Write it down; `due` is an ISO day or moment."""

    title: str
    due: str | None = None


@dataclass(frozen=True, slots=True)
class ReadTasks:
    """List open tasks, or those that are done; with a day (ISO) those due by its end."""

    is_over: bool = False
    due_by: str | None = None


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """Mark the one task that has these words as done."""

    what: str


@dataclass(frozen=True, slots=True)
class Help:
    """Say what there is."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Understood in part or not at all; `question` asks for the rest."""

    question: str


Intent = (
    ReadMail
    | ReadCalendar
    | AskFree
    | Schedule
    | Remember
    | Recall
    | Forget
    | AddTask
    | ReadTasks
    | CompleteTask
    | Help
    | Unclear
)

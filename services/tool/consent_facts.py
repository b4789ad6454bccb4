"""What consent has to know of each tool with an effect: one table, so that all of it can be read together.

`told` goes on with the sentence that `doing` begins: what stands before a value, and the argument that has it; what has
no value is left out. NAME is not an argument: it is what the first id of `acts_on` is called at its provider.

`asked_with` are beginnings of words, in lower case and without accents, by which people ask for such a thing: English,
German, French and Spanish; with a space at the end, whole words; with `*`, the beginning of a word and a later one. A
language that is missing costs a question more, never a question too few.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

NAME = "(name)"
ADDRESSED = frozenset({"to", "cc", "bcc", "guests", "add_guests"})
"""Arguments that hold e-mail addresses."""

Undo = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, dict[str, Any]] | None]
"""None where nothing came of it that could be taken back."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one tool. `recipients` name the arguments that say who receives something."""

    doing: str = ""
    """What it does, as the beginning of a sentence for the user."""
    recipients: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    acts_on: tuple[str, ...] = ()
    """Arguments that are ids, for which a person is shown names (`Tool.shown`)."""
    asked_with: tuple[str, ...] = ()
    is_held: bool = False
    """Whether it waits for some seconds in which the user can withdraw it: for what cannot be taken back later."""
    undone_with: Undo | None = None
    """The tool that takes it back, with its arguments: from the arguments and the result of this one."""


NO_FACTS = Facts()
_WRITE = (
    "send",
    "mail",
    "email",
    "e-mail",
    "write",
    "tell",
    "reply",
    "answer",
    "respond",
    "forward",
    "let ",
    "inform",
    "schick",
    "schreib",
)
_SAY = (*_WRITE, "send", "antwort", "sag", "envoi", "ecri", "repond", "envi", "escrib", "respond")
_POST = (*_SAY, "post", "comment", "say", "ask", "share", "publish", "komment", "publi")
_MAKE = (
    "crea",
    "make",
    "add ",
    "open",
    "file",
    "put",
    "set up",
    "new ",
    "neue",
    "erstell",
    "leg ",
    "lege ",
    "anleg",
    "mach ",
    "mache ",
    "cree",
    "ajout",
    "anad",
    "setz",
)
_PLAN = (*_MAKE, "schedul", "book", "invit", "plan", "arrang", "organi", "termin", "vereinbar", "trag", "lade", "agend")
_MEET = ("meet ", "meeting with", "call with", "lunch with", "dinner with", "coffee with", "block ", "need a", "brauch")
_CHANGE = ("chang", "mov", "shift", "reschedul", "postpone", "updat", "rename", "push", "bring", "verschieb", "ander")
_CANCEL = (
    "cancel",
    "delet",
    "remov",
    "drop",
    "call off",
    "declin",
    "skip",
    "absag",
    "sag*ab",
    "lehn*ab",
    "ablehn",
    "losch",
    "streich",
    "annul",
    "supprim",
    "elimin",
)
_DONE = (
    "done",
    "complet",
    "finish",
    "check",
    "tick",
    "mark",
    "erledig",
    "fertig",
    "abhak",
    "hak*ab",
    "termin",
    "hecho",
)
_LABEL = ("label", "archiv", "mark", "move", "star", "tag", "file", "clean", "sort", "verschieb", "markier")
_REMEMBER = ("remember", "note", "keep in mind", "save", "memor", "merk", "notier", "souvien", "recuerd")

_FORGET = ("forget", "delet", "remov", "eras", "vergiss", "losch", "streich", "oubli", "supprim", "olvid", "borr")


def _event_goes(_given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "calendar_cancel_event", {"event_id": result["event_id"]}


def _outlook_event_goes(_given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "outlook_calendar_cancel_event", {"event_id": result["event_id"]}


def _task_opens(given: Mapping[str, Any], _result: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "tasks_reopen", {"task_id": given["task_id"]}


def _task_goes(_given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "tasks_delete", {"task_id": result["task_id"]}


def _memory_goes(_given: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    return ("memory_forget", {"memory_id": result["memory_id"]}) if result["is_new"] else None


_COPIES = ((" with a copy to ", "cc"), (" with a blind copy to ", "bcc"))
_TO = ((" to ", "to"), *_COPIES)
_LETTER = (*_TO, (": ", "subject"), (", in answer to ", NAME))
_NEW_EVENT = ((" with ", "guests"), (": ", "title"), (", ", "start"))
_CHANGED_EVENT = (
    (" and invite ", "add_guests"),
    (" and uninvite ", "remove_guests"),
    (": ", NAME),
    (", now at ", "start"),
    (", now called ", "title"),
)
_IT = ((": ", NAME),)

FACTS: Mapping[str, Facts] = MappingProxyType(
    {
        "mail_draft": Facts("Draft a mail", ("to", "cc", "bcc"), _LETTER, ("reply_to_message_id",), asked_with=_WRITE),
        "mail_send": Facts(
            "Send a mail", ("to", "cc", "bcc"), (*_TO, (": ", "subject")), asked_with=_SAY, is_held=True
        ),
        "mail_reply": Facts(
            "Answer a mail", ("to", "cc"), (*_TO, *_IT), ("message_id",), asked_with=_SAY, is_held=True
        ),
        "mail_label": Facts("Change labels of a mail", (), _IT, ("message_id",), asked_with=_LABEL),
        "calendar_create_event": Facts(
            "Create an event", ("guests",), _NEW_EVENT, asked_with=(*_PLAN, *_MEET), undone_with=_event_goes
        ),
        "calendar_update_event": Facts(
            "Change an event", ("add_guests",), _CHANGED_EVENT, ("event_id",), asked_with=(*_CHANGE, *_PLAN)
        ),
        "calendar_cancel_event": Facts("Cancel an event", (), _IT, ("event_id",), asked_with=_CANCEL),
        "outlook_mail_draft": Facts(
            "Draft a mail", ("to", "cc", "bcc"), _LETTER, ("reply_to_message_id",), asked_with=_WRITE
        ),
        "outlook_mail_send": Facts(
            "Send a mail",
            ("to", "cc", "bcc"),
            _LETTER,
            ("reply_to_message_id",),
            asked_with=_SAY,
            is_held=True,
        ),
        "outlook_calendar_create_event": Facts(
            "Create an event", ("guests",), _NEW_EVENT, asked_with=(*_PLAN, *_MEET), undone_with=_outlook_event_goes
        ),
        "outlook_calendar_update_event": Facts(
            "Change an event", ("add_guests",), _CHANGED_EVENT, ("event_id",), asked_with=(*_CHANGE, *_PLAN)
        ),
        "outlook_calendar_cancel_event": Facts("Cancel an event", (), _IT, ("event_id",), asked_with=_CANCEL),
        "github_comment": Facts(
            "Comment on GitHub",
            ("repository",),
            ((" in ", "repository"), *_IT),
            ("number",),
            asked_with=_POST,
            is_held=True,
        ),
        "github_create_issue": Facts(
            "Open an issue on GitHub",
            ("repository",),
            ((" in ", "repository"), (": ", "title")),
            asked_with=(*_MAKE, "report"),
            is_held=True,
        ),
        "slack_post_message": Facts(
            "Post to Slack",
            ("channel",),
            ((" in ", NAME), (": ", "text")),
            ("channel", "thread"),
            asked_with=_POST,
            is_held=True,
        ),
        "notion_append": Facts(
            "Add to a Notion page", (), _IT, ("page_id",), asked_with=(*_MAKE, *_REMEMBER, "append", "write")
        ),
        "notion_create_page": Facts(
            "Create a Notion page",
            (),
            ((" in ", NAME), (": ", "title")),
            ("parent_id",),
            asked_with=(*_MAKE, *_REMEMBER, "write"),
        ),
        "tasks_create": Facts(
            "Create a task",
            (),
            ((": ", "title"), (", due ", "due")),
            asked_with=(*_MAKE, *_REMEMBER, "remind", "erinner", "task", "todo", "to do"),
            undone_with=_task_goes,
        ),
        "tasks_change": Facts(
            "Change a task",
            (),
            (*_IT, (", now called ", "title"), (", now due ", "due")),
            ("task_id",),
            asked_with=(*_CHANGE, "set ", "due", "note"),
        ),
        "tasks_delete": Facts("Delete a task for good", (), _IT, ("task_id",), asked_with=(*_CANCEL, *_FORGET)),
        "tasks_complete": Facts("Complete a task", (), _IT, ("task_id",), asked_with=_DONE, undone_with=_task_opens),
        "tasks_reopen": Facts(
            "Open a task again",
            (),
            _IT,
            ("task_id",),
            asked_with=("reopen", "undo", "again", "not done", "wieder"),
        ),
        "network_schedule_meeting": Facts(
            "Propose times for a meeting, answer a proposal, or cancel it",
            ("person",),
            ((", to ", "person"), (": ", "title"), (": ", NAME), (", answer: ", "answer")),
            ("session_id",),
            asked_with=(
                *_PLAN,
                *_CHANGE,
                *_CANCEL,
                "propos",
                "suggest",
                "negotiat",
                "meet",
                "declin",
                "find a time",
                "treff",
            ),
        ),
        "network_confirm_meeting": Facts(
            "Put a proposed meeting into both calendars",
            (),
            ((": ", NAME), (", ", "start")),
            ("session_id",),
            asked_with=(
                *_PLAN,
                "accept",
                "confirm",
                "agree",
                "take",
                "annehm",
                "bestatig",
                "zusag",
                "acept",
                "confirm",
            ),
        ),
        "memory_add": Facts(
            "Remember something",
            (),
            ((": ", "text"), (", in place of ", NAME)),
            ("key",),
            asked_with=_REMEMBER,
            undone_with=_memory_goes,
        ),
        "memory_forget": Facts("Forget something for good", (), _IT, ("memory_id",), asked_with=_FORGET),
        "notifications_resolve": Facts(
            "Put a notification aside",
            (),
            _IT,
            ("notification_id",),
            asked_with=(*_DONE, "dismiss", "resolv", "aside"),
        ),
    }
)


def facts_of(tool: str) -> Facts:
    """Nothing for a tool that is not in the table: a read, or a step of the service itself."""
    return FACTS.get(tool, NO_FACTS)


TELLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mail_search": ("query", "sender"),
        "mail_read": ("message_id",),
        "contacts_find": ("name",),
        "outlook_mail_search": ("query", "sender"),
        "outlook_mail_read": ("message_id",),
        "github_find": ("repository", "words"),
        "github_read": ("repository",),
        "slack_read_messages": ("channel", "thread"),
        "notion_search": ("query",),
        "notion_read_page": ("page_id",),
    }
)
"""Arguments of look-ups that a provider is told as they are: days, numbers and choices out of a few hold no words."""
_HOUSES = {"gmail": "google", "calendar": "google", "outlook_mail": "microsoft", "outlook_calendar": "microsoft"}


def house_of(providers: frozenset[str]) -> str:
    """The company behind all of them; empty for none, or several."""
    houses = {_HOUSES.get(provider, provider) for provider in providers}
    return houses.pop() if len(houses) == 1 else ""

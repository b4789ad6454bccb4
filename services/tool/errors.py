"""How tool fails, beside what the providers answer (`libs.providers.errors`).

AdjutantError
├── InvalidInput
│   ├── InvalidArguments       the model (or the user) can mend them; the sentence says how
│   │   ├── EditRefused        of a proposal, by its user
│   │   └── TimeNotUnderstood  likewise
│   └── NotAReadTool           effects go through `execute_tool`
├── NotFound
│   ├── UnknownTool
│   ├── TaskNotFound
│   ├── MemoryNotFound
│   ├── NotificationNotFound
│   ├── ExecutionNotFound
│   └── ActionNotFound
├── Conflict
│   ├── ExecutionConflict      the same execution id came with another request
│   ├── TooManyTasks
│   ├── ActionDecided          somebody was faster, or it was decided before
│   ├── ActionExpired          nobody decided in time
│   └── NotUndoable            too late, or there is no way back
│       └── NotUndone          there is nothing to take back
└── Unavailable
    ├── ExecutionInProgress    another replica holds the lease; `retry_after_s` until it ends
    └── MemoryUnavailable      context did not answer; what it was asked to do may be done
"""

from libs.providers.errors import ProviderUnavailable
from libs.resilience.errors import Conflict, InvalidInput, NotFound, Unavailable


class InvalidArguments(InvalidInput):
    """The arguments do not fit the tool's schema."""

    slug = "invalid_arguments"
    advice = "Call the tool again with corrected arguments."


class EditRefused(InvalidArguments):
    """What the user put in place of the proposed arguments does not fit."""

    advice = "Correct these arguments and approve again; nothing has been done yet."


class TimeNotUnderstood(InvalidArguments):
    """A time or day that cannot be read, or does not say enough."""

    slug = "time_not_understood"


class NotAReadTool(InvalidInput):
    """A tool with an effect was asked for as if it were a read."""

    slug = "not_a_read_tool"


class UnknownTool(NotFound):
    """No tool has this name."""

    slug = "unknown_tool"
    advice = "Use one of the tools that were listed."


class ExecutionNotFound(NotFound):
    """No such execution, or not yours."""

    slug = "execution_not_found"


class ExecutionConflict(Conflict):
    """An execution id is used for one request only."""

    slug = "execution_conflict"


class ExecutionInProgress(Unavailable):
    """It is being done at this moment."""

    slug = "execution_in_progress"


class MemoryUnavailable(ProviderUnavailable):
    """No answer from where the memory is. Whether it was changed is to be looked up."""

    slug = "memory_unavailable"


class ActionNotFound(NotFound):
    """No such action, or not yours."""

    slug = "action_not_found"


class ActionDecided(Conflict):
    """A decision counts once."""

    slug = "action_decided"
    advice = "Look at the action: it says how it was decided."


class ActionExpired(Conflict):
    """It waited for a decision, and none came in time."""

    slug = "action_expired"
    advice = "Ask for it again."


class NotUndoable(Conflict):
    """The time to undo is over, or nothing can take it back."""

    slug = "not_undoable"
    advice = "Ask for the opposite instead."


class NotUndone(NotUndoable):
    """It was not done, or has been taken back."""

    advice = "Look at the action: it says what became of it."


class TaskNotFound(NotFound):
    """No such task, or not yours."""

    slug = "task_not_found"
    advice = "List the tasks again."


class TooManyTasks(Conflict):
    """So many open tasks are no list any more."""

    slug = "too_many_tasks"
    advice = "Complete some of them first."


class MemoryNotFound(NotFound):
    """Nothing of this id is remembered, or not for you."""

    slug = "memory_not_found"
    advice = "Recall it again; it may have been forgotten already."


class NotificationNotFound(NotFound):
    """No such notification, or not yours, or too old to be listed."""

    slug = "notification_not_found"
    advice = "List the notifications again."

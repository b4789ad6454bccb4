"""What can be changed of an event, in whichever calendar."""

from typing import Annotated

from pydantic import Field, model_validator

from services.tool.arguments import Arguments, EmailAddress, Prose, TimeText, Title

_TIME = "RFC 3339, or a local time like 2026-11-24T14:00, or words like 'tomorrow at 2pm'"
Guests = Annotated[tuple[EmailAddress, ...], Field(max_length=50)]


class EventChanges(Arguments):
    """Everything that is not given stays as it is."""

    title: Title | None = Field(default=None, description="The new title")
    start: TimeText | None = Field(default=None, description=f"The new start; it lasts as long as before. {_TIME}")
    end: TimeText | None = Field(default=None, description=f"The new end. {_TIME}")
    description: Prose | None = Field(default=None, description="The new text that guests can read")
    add_guests: Guests = Field(default=(), description="E-mail addresses of people to invite")
    remove_guests: Guests = Field(default=(), description="E-mail addresses of people to uninvite")

    @model_validator(mode="after")
    def _changes_something(self) -> "EventChanges":
        if not self.model_fields_set - {"event_id"}:
            raise ValueError("nothing to change was given")
        if {guest.lower() for guest in self.add_guests} & {guest.lower() for guest in self.remove_guests}:
            raise ValueError("nobody can be invited and uninvited at once")
        return self

"""What sync asks of a provider: its streams, and each stream's pages from a cursor onwards.

A source is stateless and knows no database: sync saves each page together with its cursor, so that after a crash, a
401 or a 429 it goes on at the page that was not saved. A cursor is opaque to sync and resumes in the middle of a
first listing as well as at the end of an incremental one.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from libs.providers.rest import Access


class Kind(StrEnum):
    """What an item is."""

    MAIL = "mail"
    EVENT = "event"
    COMMIT = "commit"
    PULL_REQUEST = "pull_request"
    ISSUE = "issue"
    REPOSITORY = "repository"
    PAGE = "page"
    DATABASE = "database"
    MESSAGE = "message"
    CHANNEL = "channel"
    MEMBER = "member"
    REACTION = "reaction"
    MEETING = "meeting"


Fact = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing at the provider, as far as sync keeps it: metadata, never a body."""

    external_id: str
    """Unique among all items of this provider for this user, whatever their kind and stream."""
    kind: Kind
    at: datetime
    """When it happened or begins; aware, UTC."""
    title: str
    """At most 300 characters; text of outsiders."""
    version: str = ""
    """Orders two states of the same item, compared as text: a timestamp in ISO 8601 UTC or a zero-padded number. Of two
    arrivals the greater one stays. Empty where the provider has nothing of the kind: then the later arrival stays."""
    url: str | None = None
    actor: str | None = None
    ends_at: datetime | None = None
    """For what has a duration: events and meetings."""
    people: int = 0
    """How many others take part, where the provider says so; the statistics count with it."""
    metadata: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """A part of the account with a cursor of its own: a folder, a calendar, a repository, a channel."""

    id: str
    """Stable, at most 200 characters, for example `calendar:primary`."""
    name: str
    tells_deletions: bool
    """False: items that vanish are found only because a fresh listing lacks them; sync lists anew once a day."""
    lists_everything: bool = False
    """A first listing holds all items, however old; otherwise those since the moment that was asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a listing. Saved as a whole, cursor included, or not at all."""

    items: tuple[Item, ...]
    gone: tuple[str, ...]
    """External ids that no longer exist at the provider."""
    cursor: str | None
    """Where to go on once this page is saved; None: the listing cannot be resumed before its end."""


class Source(Protocol):
    """One product of a provider, `gmail` for instance, at one address, for any user whose access is given."""

    provider: str

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The parts to keep in step. Raises the errors of `libs.providers.errors`."""
        ...

    def pages(self, access: Access, stream: str, cursor: str | None, since: datetime) -> AsyncGenerator[Page, None]:
        """From the cursor to the present; ends when there is nothing more, its last page holding the cursor for the
        next time. Without a cursor a first listing of what happened at or after `since`. Raises CursorExpired when the
        provider no longer knows the cursor, EntityNotFound when the stream is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a provider shall send its notifications, and the secret that they carry or are signed with."""

    watch_id: str
    """Ours; at most 64 characters of `[A-Za-z0-9_]`."""
    address: str
    secret: str
    """At most 128 characters."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A subscription at the provider."""

    remote_id: str
    """How the provider names it; with `resource` enough to end it."""
    expires_at: datetime | None
    """None: it lasts until it is ended."""
    resource: str = ""


@runtime_checkable
class Watchable(Protocol):
    """A source whose provider can be asked to tell about changes."""

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """Begin; for a provider whose subscriptions cannot be renewed this also is the renewal, and the older one is
        ended afterwards. Raises PermissionMissing where the account does not allow it."""
        ...

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """A later end for the same subscription; None when this provider needs a new one instead."""
        ...

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """End it; one that is gone already is ended."""
        ...

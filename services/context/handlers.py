"""What context does when something arrives."""

import json
from datetime import UTC, datetime

from contracts.chat import TurnCompleted
from contracts.context import AssembleContext, AssembledContext, Profile, ProfileUpdated, UpdateProfile
from contracts.conversations import ConversationDeleted
from contracts.gateway import UserRegistered
from contracts.notification import NotificationCreated, NotificationRead
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import ActivityGone, ActivityRecorded, SourceRegistered
from libs.bus import Call, publish
from libs.db import Transaction
from services.context import known, profile
from services.context.assembly import assemble, recall
from services.context.deps import Context
from services.context.memory import book, origins
from services.context.memory.of_message import of_message


async def start_profile(event: UserRegistered, tx: Transaction, deps: Context) -> None:
    """Somebody joined, and told their timezone."""
    await profile.start(tx, event.timezone, datetime.now(UTC))


async def note_connection(event: ConnectionEstablished, tx: Transaction, deps: Context) -> None:
    """A provider can be asked from now on."""
    await known.connect(tx, event.provider, event.connection_id)
    await book.source_is_back(tx, origins.of_provider(event.provider))


async def forget_connection(event: ConnectionRemoved, tx: Transaction, deps: Context) -> None:
    """A provider can not be asked any more, and what was remembered from its activities goes with them."""
    await known.disconnect(tx, event.connection_id)
    if not await known.is_connected(tx, event.provider):
        await book.forget_sources(tx, (origins.of_provider(event.provider),), datetime.now(UTC))


async def note_source(event: SourceRegistered, tx: Transaction, deps: Context) -> None:
    """A provider is kept in step."""
    await known.mark_synced(tx, event.provider, event.registered_at)


async def note_activity(event: ActivityRecorded, tx: Transaction, deps: Context) -> None:
    """What is known of a provider has changed."""
    await known.mark_changed(tx, event.provider, datetime.now(UTC))


async def forget_activity(event: ActivityGone, tx: Transaction, deps: Context) -> None:
    """What was remembered from activities goes with them."""
    await book.forget_sources(tx, [origins.of_activity_ref(ref) for ref in event.refs], datetime.now(UTC))


async def open_notice(event: NotificationCreated, tx: Transaction, deps: Context) -> None:
    """Something waits for the user."""
    await known.open_notice(tx, event.notification_id)


async def close_notice(event: NotificationRead, tx: Transaction, deps: Context) -> None:
    """The user saw it."""
    await known.close_notice(tx, event.notification_id)


async def count_turn(event: TurnCompleted, tx: Transaction, deps: Context) -> None:
    """A turn ended: its figures are added up."""
    await known.count_turn(tx, event)


async def forget_conversation(event: ConversationDeleted, tx: Transaction, deps: Context) -> None:
    """What was derived from a deleted conversation, or remembered from it, goes with it."""
    await known.forget_conversation(tx, event.conversation_id)
    await book.forget_sources(tx, (origins.of_conversation(event.conversation_id),), datetime.now(UTC))


async def assemble_context(query: AssembleContext, call: Call, deps: Context) -> AssembledContext:
    """What the responder may know, and why not more."""
    scope, sealed = call.require_scope(), query.sealed_text
    text = str(json.loads(deps.seal.open("memory_text", scope, sealed))) if sealed else None
    async with deps.db.reading(scope) as tx:
        facts = await recall(tx, deps.vault, scope)
        memories = await of_message(tx, deps.vault, text, datetime.now(UTC)) if text else None
    return assemble(facts, query.max_tokens, deps.default_timezone, memories)


async def update_profile(query: UpdateProfile, call: Call, deps: Context) -> Profile:
    """Change what is given, and tell those who depend on the timezone."""
    scope, now = call.require_scope(), datetime.now(UTC)
    name = profile.checked_name(query.display_name) if query.display_name is not None else None
    timezone = profile.checked_timezone(query.timezone) if query.timezone is not None else None
    async with deps.db.transaction(scope) as tx:
        await profile.start(tx, deps.default_timezone, now)
        changed = await profile.change(tx, deps.vault, scope, name, timezone, now)
        await publish(tx, ProfileUpdated(timezone=changed.timezone))
    return changed

"""Slack: which conversations there are, what was said in one, and saying something. Others wrote what is read."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from contracts.tool import Effect
from libs.providers.slack.conversations import Channel, Message
from libs.providers.slack.posting import NewMessage
from libs.providers.slack.wording import mentioned, readable
from services.tool import times
from services.tool.arguments import Arguments, SomeProse, TimeText, Words, bounded
from services.tool.context import Context
from services.tool.permissions import needing
from services.tool.registry import Tool
from services.tool.tools.names import Names, named

PROVIDER = "slack"
TEXT_CHARACTERS = 2_000
THREAD_CHARACTERS = 200


ChannelId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[CDG][A-Z0-9]{5,30}$")]
Ts = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{9,11}\.[0-9]{6}$")]
_CHANNEL = "The id of a conversation, such as C024BE91L; find it with slack_list_channels"
_THREAD = "The id of a message, such as 1795000001.000100, from slack_read_messages"


class SlackListChannels(Arguments):
    """Which conversations."""

    name: Words | None = Field(default=None, description="Only those whose name, topic or person contains this")
    joined: bool = Field(default=True, description="true: only those the user is in; false: also the other public ones")
    limit: int = bounded(50, 1, 200, "At most so many")


class SlackReadMessages(Arguments):
    """Which messages."""

    channel: ChannelId = Field(description=_CHANNEL)
    thread: Ts | None = Field(default=None, description=f"Only this thread. {_THREAD}")
    since: TimeText | None = Field(
        default=None, description="Only messages since this day: today, yesterday or a date like 2026-11-24"
    )
    limit: int = bounded(15, 1, 100, "At most so many messages, the newest ones")


class SlackPostMessage(Arguments):
    """What to say, and where."""

    channel: ChannelId = Field(description=_CHANNEL)
    text: SomeProse = Field(
        description="The message. *bold*, _italic_ and `code` are understood; <@U123> mentions a person by id"
    )
    thread: Ts | None = Field(default=None, description=f"Answer in this message's thread. {_THREAD}")


class ListedChannel(BaseModel):
    """A conversation; a direct message is named after the other person."""

    id: str
    name: str
    topic: str
    purpose: str
    joined: bool
    private: bool
    people: int


class ListedChannels(BaseModel):
    """By name; `more` says that some were left out."""

    channels: list[ListedChannel]
    more: bool


class ReadMessage(BaseModel):
    """What somebody said. `thread` and `replies` tell of the answers below it."""

    id: str
    author: str
    author_id: str
    at: str
    text: str
    thread: str | None
    replies: int


class ReadMessages(BaseModel):
    """Oldest first; `more` says that some were left out."""

    channel: str
    messages: list[ReadMessage]
    more: bool


class PostedMessage(BaseModel):
    """Where the message stands."""

    channel: str
    message_id: str
    thread: str | None


async def slack_list_channels(arguments: SlackListChannels, context: Context) -> ListedChannels:
    """The names of people in direct messages are looked up, as far as Slack tells them."""

    async def read(token: str) -> ListedChannels:
        slack = context.work.slack
        channels, more = await slack.channels(token, timeout_s=context.timeout_s)
        wanted = [channel for channel in channels if channel.is_member or not arguments.joined]
        people = [channel.person for channel in wanted if channel.person]
        names = await slack.names(token, people, timeout_s=context.timeout_s)
        listed = sorted((_channel(channel, names) for channel in wanted), key=lambda channel: channel.name.lower())
        if arguments.name:
            listed = [channel for channel in listed if _contains(channel, arguments.name)]
        return ListedChannels(channels=listed[: arguments.limit], more=more or len(listed) > arguments.limit)

    return await context.access.use(PROVIDER, read)


async def slack_read_messages(arguments: SlackReadMessages, context: Context) -> ReadMessages:
    """The newest ones of a conversation or a thread."""
    since = None
    if arguments.since is not None:
        since = times.day_bounds(times.day(arguments.since, context.tz, context.now, what="since"), context.tz)[0]

    async def read(token: str) -> ReadMessages:
        slack = context.work.slack
        if arguments.thread:
            found, more = await slack.thread(
                token, arguments.channel, arguments.thread, arguments.limit, timeout_s=context.timeout_s
            )
            found = tuple(message for message in found if since is None or message.at >= since)
        else:
            found, more = await slack.history(
                token, arguments.channel, since, arguments.limit, timeout_s=context.timeout_s
            )
        people = [person for message in found for person in (message.author, *mentioned(message.text))]
        named = [person for person in people if person[:1] in ("U", "W")]
        names = await slack.names(token, named, timeout_s=context.timeout_s)
        messages = [_message(message, names, context) for message in found]
        return ReadMessages(channel=arguments.channel, messages=messages, more=more)

    return await context.access.use(PROVIDER, read)


async def slack_post_message(arguments: SlackPostMessage, context: Context) -> PostedMessage:
    """Say it; once per execution id."""
    message = _new(arguments, context)
    with needing(PROVIDER, "send"):
        ts = await context.access.use(
            PROVIDER, lambda token: context.work.slack_posting.post(token, message, timeout_s=context.timeout_s)
        )
    return PostedMessage(channel=arguments.channel, message_id=ts, thread=arguments.thread)


async def find_slack_message(arguments: SlackPostMessage, context: Context) -> PostedMessage | None:
    """What `slack_post_message` achieved earlier under this execution id: the message with it in its metadata."""
    message = _new(arguments, context)
    ts = await context.access.use(
        PROVIDER,
        lambda token: context.work.slack_posting.find(token, message, context.begun_at, timeout_s=context.timeout_s),
    )
    return PostedMessage(channel=arguments.channel, message_id=ts, thread=arguments.thread) if ts else None


async def shown_place(arguments: SlackPostMessage, context: Context) -> Names:
    """Which conversation, and the first words of the thread that is answered."""

    async def look(token: str) -> Names:
        slack, thread = context.work.slack, arguments.thread
        channel = await slack.channel(token, arguments.channel, timeout_s=context.timeout_s)
        first = await slack.beginning(token, channel.id, thread, timeout_s=context.timeout_s) if thread else None
        people = [channel.person, *([first.author, *mentioned(first.text)] if first else [])]
        wanted = [person for person in people if person and person[:1] in ("U", "W")]
        names = await slack.names(token, wanted, timeout_s=context.timeout_s)
        place = names.get(channel.person, channel.person) if channel.person else f"#{channel.name}"
        fields = (named("Direct message with" if channel.person else "Channel", place),)
        if first is None:
            return fields
        said = f"{names.get(first.author, first.author)}: {readable(first.text, names)}"
        return (*fields, named("In answer to", said, THREAD_CHARACTERS))

    return await context.access.use(PROVIDER, look)


def _new(arguments: SlackPostMessage, context: Context) -> NewMessage:
    return NewMessage(arguments.channel, arguments.text, arguments.thread, context.effect_id)


def _channel(channel: Channel, names: dict[str, str]) -> ListedChannel:
    person = names.get(channel.person, channel.person) if channel.person else None
    return ListedChannel(
        id=channel.id,
        name=person or channel.name,
        topic=readable(channel.topic, names),
        purpose=readable(channel.purpose, names),
        joined=channel.is_member,
        private=channel.is_private,
        people=channel.people,
    )


def _contains(channel: ListedChannel, words: str) -> bool:
    wanted = words.lstrip("#@").lower()
    return wanted in channel.name.lower() or wanted in channel.topic.lower()


def _message(message: Message, names: dict[str, str], context: Context) -> ReadMessage:
    return ReadMessage(
        id=message.ts,
        author=names.get(message.author, message.author),
        author_id=message.author,
        at=_local(message.at, context),
        text=readable(message.text, names)[:TEXT_CHARACTERS],
        thread=message.thread,
        replies=message.replies,
    )


def _local(at: datetime, context: Context) -> str:
    return at.astimezone(context.tz).isoformat(timespec="seconds")


SLACK_TOOLS = (
    Tool(
        name="slack_list_channels",
        description="List the user's Slack channels and direct messages with their ids.",
        effect=Effect.READ,
        arguments=SlackListChannels,
        run=slack_list_channels,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="slack_read_messages",
        description="Read the newest messages of a Slack conversation, or of one thread in it.",
        effect=Effect.READ,
        arguments=SlackReadMessages,
        run=slack_read_messages,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="slack_post_message",
        description="Post a message to a Slack conversation in the user's name, or answer in a thread.",
        effect=Effect.SEND,
        arguments=SlackPostMessage,
        run=slack_post_message,
        look_up=find_slack_message,
        shown=shown_place,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)

"""What an operator may set, as ADJUTANT_GATEWAY_…."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from contracts.gateway import Tier
from libs.runtime import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Limits, lifetimes and allow-lists of the public surface."""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_GATEWAY_")

    session_hours: int = 14 * 24
    """How long a log-in lasts."""
    auth_cache_s: float = Field(5.0, ge=0, le=10)
    """How long a replica trusts what it knows of a session or key; a revocation elsewhere takes at most this long."""
    auth_cache_entries: int = 10_000
    """How many sessions and keys a replica remembers."""

    password_memory_kib: int = 19 * 1024
    """argon2id as OWASP recommends: 19 MiB, two passes, one lane."""
    password_passes: int = 2
    """How often the memory is gone over."""
    password_workers: int = 2
    """Hashes computed at a time; each takes about 40 ms of a core and `password_memory_kib`."""

    booking_reads_per_minute: int = 60
    """Looks at booking links from one client address."""
    booking_changes_per_minute: int = 10
    """Holds, bookings, cancellations and moves from one client address."""
    booking_link_factor: int = 10
    """How many times as much all client addresses together may ask of one link."""
    booking_chats_per_day: int = 50
    """Messages of outsiders that one link takes in a day; the model that answers them is paid for by its owner."""
    mcp_calls_per_minute: int = 60
    """Tools that programs of one user may call by MCP in a minute."""
    mcp_effects_per_minute: int = 10
    """How many of these calls may change something; each asks the user."""
    sync_per_minute: int = 10
    """Wishes to sync by hand of one user in a minute."""
    chat_per_minute: int = 10
    """Turns a user may start in a minute (SPEC G11)."""
    memory_per_minute: int = 20
    """How often a user may read or change their memory in a minute (SPEC G11)."""
    sign_up_tier: Tier = "PROFESSIONAL"
    """Plan of an organization that signs up: FREE, STARTER, PROFESSIONAL or ENTERPRISE."""
    log_ins_per_quarter_hour: int = 10
    """Attempts per e-mail address and client address; ten times as many per e-mail address from everywhere."""
    sign_ups_per_hour: int = 60
    """Per client address."""

    body_limit_bytes: int = 1_048_576
    """The largest request body; a larger one is answered 413."""
    socket_message_bytes: int = 262_144
    """32,000 characters, each escaped as six bytes, and some room."""
    socket_turns: int = 4
    """Turns one WebSocket may follow at a time."""

    ping_s: float = 15.0
    """Silence after which a stream carries a sign of life."""
    settle_s: float = 10.0
    """Silence after which a stream asks chat whether the turn ended unseen."""
    silence_s: float = 150.0
    """Silence after which a stream gives up; the turn itself goes on."""

    github_webhook_secret: SecretStr = SecretStr("")
    """Secret of the GitHub App's webhook. Empty: only repository hooks that we made ourselves are genuine."""
    slack_signing_secret: SecretStr = SecretStr("")
    """Signing secret of the Slack app. Empty: nothing from Slack is accepted."""
    notion_verification_token: SecretStr = SecretStr("")
    """The token that Notion sent when its webhook was set up. Empty: only that first request is accepted."""
    discord_public_key: str = ""
    """Public key of the Discord application, in hexadecimal. Empty: nothing from Discord is accepted."""
    zoom_secret_token: SecretStr = SecretStr("")
    """Secret token of the Zoom app. Empty: nothing from Zoom is accepted."""
    gmail_audience: str = ""
    """Audience of the Pub/Sub push subscription. Empty: no pushes from Gmail are accepted."""
    gmail_service_account: str = ""
    """E-mail address of the service account that signs the pushes."""
    google_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    """Google's public keys."""

    cors_origins: tuple[str, ...] = ()
    """Origins of web applications that may call with the user's cookie, such as https://app.example.org."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 10.0.0.0/8."""

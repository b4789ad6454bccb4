"""The providers one can connect, as data. A new OAuth2 provider is one entry here; its settings follow from it.

Facts: the vendors' documentation as gathered in November 2026. GitHub OAuth apps and Slack without token rotation give
tokens that do not expire; the same entries serve GitHub Apps and rotation, because an answer with a lifetime and a
refresh token is taken as such.
"""

from collections.abc import Mapping
from types import MappingProxyType

from libs.providers.oauth_family import ClientAuth, Family, Provider, RefreshFamily, Revocation

GOOGLE = Family(
    name="google",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    revoke_url="https://oauth2.googleapis.com/revoke",
    jwks_url="https://www.googleapis.com/oauth2/v3/certs",
    issuer="https://accounts.google.com",
    account=("claims.email", "claims.sub"),
    account_refs=("claims.email", "claims.sub"),
    login_scopes=("openid", "email"),
    shares_grant=True,
    authorize_parameters={"access_type": "offline", "prompt": "consent"},
)
MICROSOFT = Family(
    name="microsoft",
    authorize_url="https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
    token_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",  # noqa: S106 - an address
    # The issuer of `common` differs from tenant to tenant; Graph says whose token it is.
    identity_url="https://graph.microsoft.com/v1.0/me",
    account=("identity.mail", "identity.userPrincipalName", "identity.id"),
    account_refs=("identity.id",),
    login_scopes=("offline_access", "User.Read"),
    refresh=RefreshFamily.RENEWED,
    revocation=Revocation.NONE,
)
GITHUB = Family(
    name="github",
    authorize_url="https://github.com/login/oauth/authorize",
    token_url="https://github.com/login/oauth/access_token",  # noqa: S106 - an address
    revoke_url="https://api.github.com/applications/{client_id}/token",
    identity_url="https://api.github.com/user",
    account=("identity.login",),
    account_refs=("identity.id",),
    login_scopes=("read:user",),
    refresh=RefreshFamily.ROTATES,
    revocation=Revocation.DELETE,
)
NOTION = Family(
    name="notion",
    authorize_url="https://api.notion.com/v1/oauth/authorize",
    token_url="https://api.notion.com/v1/oauth/token",  # noqa: S106 - an address
    revoke_url="https://api.notion.com/v1/oauth/revoke",
    account=("token.owner.user.person.email", "token.workspace_name", "token.workspace_id"),
    account_refs=("token.workspace_id", "token.bot_id"),
    refresh=RefreshFamily.ROTATES,
    client_auth=ClientAuth.BASIC_JSON,
    revocation=Revocation.JSON,
    uses_pkce=False,
    authorize_parameters={"owner": "user"},
    headers={"notion-version": "2025-09-03"},
)
SLACK = Family(
    name="slack",
    authorize_url="https://slack.com/oauth/v2/authorize",
    token_url="https://slack.com/api/oauth.v2.access",  # noqa: S106 - an address
    revoke_url="https://slack.com/api/auth.revoke",
    account=("token.team.name", "token.authed_user.id"),
    account_refs=("token.team.id",),
    refresh=RefreshFamily.ROTATES,
    revocation=Revocation.BEARER,
    # Switching PKCE on makes a Slack app a public client for good, with refresh tokens of thirty days.
    uses_pkce=False,
    scope_separator=",",
    scope_parameter="user_scope",
    token_path="authed_user",  # noqa: S106 - a path
)
DISCORD = Family(
    name="discord",
    authorize_url="https://discord.com/oauth2/authorize",
    token_url="https://discord.com/api/oauth2/token",  # noqa: S106 - an address
    revoke_url="https://discord.com/api/oauth2/token/revoke",
    identity_url="https://discord.com/api/users/@me",
    account=("identity.username",),
    account_refs=("identity.id",),
    refresh=RefreshFamily.RENEWED,
    client_auth=ClientAuth.BASIC,
    uses_pkce=False,
)
ZOOM = Family(
    name="zoom",
    authorize_url="https://zoom.us/oauth/authorize",
    token_url="https://zoom.us/oauth/token",  # noqa: S106 - an address
    revoke_url="https://zoom.us/oauth/revoke",
    identity_url="https://api.zoom.us/v2/users/me",
    account=("identity.email", "identity.id"),
    account_refs=("identity.account_id", "identity.id"),
    refresh=RefreshFamily.ROTATES,
    client_auth=ClientAuth.BASIC,
)

_GOOGLE_API = "https://www.googleapis.com/auth/"


def _listed(*providers: Provider) -> Mapping[str, Provider]:
    return MappingProxyType({provider.name: provider for provider in providers})


PROVIDERS = _listed(
    Provider(
        "gmail",
        "Gmail",
        GOOGLE,
        (f"{_GOOGLE_API}gmail.readonly",),
        {
            "send": (f"{_GOOGLE_API}gmail.send",),
            "draft": (f"{_GOOGLE_API}gmail.compose",),
            "organize": (f"{_GOOGLE_API}gmail.modify",),
        },
    ),
    Provider(
        "calendar",
        "Google Calendar",
        GOOGLE,
        tuple(f"{_GOOGLE_API}calendar.{part}" for part in ("events", "freebusy", "calendarlist.readonly")),
    ),
    Provider(
        "outlook_mail",
        "Outlook",
        MICROSOFT,
        ("Mail.Read",),
        # A mail is sent as a draft of ours, so that it can be told whether it was sent.
        {"send": ("Mail.Send", "Mail.ReadWrite"), "organize": ("Mail.ReadWrite",)},
    ),
    Provider("outlook_calendar", "Outlook Calendar", MICROSOFT, ("Calendars.ReadWrite",)),
    Provider(
        "teams",
        "Microsoft Teams",
        MICROSOFT,
        ("Team.ReadBasic.All", "ChannelMessage.Read.All"),
        {"send": ("ChannelMessage.Send",)},
    ),
    # GitHub's OAuth apps have no finer scope that reads private repositories; GitHub Apps carry their own permissions.
    Provider("github", "GitHub", GITHUB, ("repo",)),
    Provider("notion", "Notion", NOTION, ()),
    Provider(
        "slack",
        "Slack",
        SLACK,
        ("channels:read", "channels:history", "users:read"),
        {
            "send": ("chat:write",),
            "private": ("groups:read", "groups:history", "im:read", "im:history", "mpim:read", "mpim:history"),
        },
    ),
    Provider("discord", "Discord", DISCORD, ("identify", "guilds")),
    Provider(
        "zoom", "Zoom", ZOOM, ("user:read:user", "meeting:read:list_meetings"), {"schedule": ("meeting:write:meeting",)}
    ),
)
FAMILIES: tuple[Family, ...] = tuple({each.family.name: each.family for each in PROVIDERS.values()}.values())

"""The emulated person's GitHub, Slack and Microsoft account: what they are started with, and the settings for them.

Of Microsoft the log-in is emulated, and of Graph who has logged in; there is no mail and no calendar behind it.
"""

from collections.abc import Sequence
from typing import Any

from libs.sandbox.seeds import EMAIL, NAME

LOGIN = EMAIL.partition("@")[0]
TOKEN = "sandbox-token"  # noqa: S105 - of an emulator on this machine
"""With it a test acts at the emulated GitHub as the person would."""
COLLEAGUES_TOKEN = "sandbox-colleague"  # noqa: S105 - likewise
"""With it a test writes into the emulated Slack as somebody else."""
REPOSITORY = f"{LOGIN}/engine"
MICROSOFT_CLIENT = "00000000-0000-0000-0000-00000000ad17"
GITHUB_CLIENT, SLACK_CLIENT = "Iv1.adjutant", "1234567890.1234567890"
SECRET = "sandbox-client-secret"  # noqa: S105 - of an emulator on this machine


def github_seed(public_urls: Sequence[str]) -> dict[str, Any]:
    """One person with two repositories."""
    return {
        "tokens": {TOKEN: {"login": LOGIN, "scopes": ["repo", "user", "admin:repo_hook"]}},
        "github": {
            "users": [{"login": LOGIN, "name": NAME, "email": EMAIL}],
            "repos": [
                {"owner": LOGIN, "name": "engine", "description": "An analytical one", "auto_init": True},
                {"owner": LOGIN, "name": "notes", "auto_init": True},
            ],
            **_apps(GITHUB_CLIENT, "github", public_urls),
        },
    }


def slack_seed(public_urls: Sequence[str]) -> dict[str, Any]:
    """One workspace with the person, a colleague, and two channels."""
    return {
        "tokens": {COLLEAGUES_TOKEN: {"login": "tom", "scopes": ["chat:write", "channels:read", "channels:history"]}},
        "slack": {
            "team": {"name": "Engine Works", "domain": "engine-works"},
            "users": [
                {"name": LOGIN, "real_name": NAME, "email": EMAIL},
                {"name": "tom", "real_name": "Tom Brown", "email": "tom.brown@example.com"},
            ],
            "channels": [{"name": "general", "topic": "All of us"}, {"name": "engines", "topic": "Gears"}],
            **_apps(SLACK_CLIENT, "slack", public_urls, app_id="A000000001", scopes=["channels:read"]),
        },
    }


def microsoft_seed(public_urls: Sequence[str]) -> dict[str, Any]:
    """One account."""
    clients: list[dict[str, Any]] = [
        {
            "client_id": MICROSOFT_CLIENT,
            "client_secret": SECRET,
            "name": "Adjutant",
            "redirect_uris": [
                f"{url.rstrip('/')}/api/integrations/{provider}/callback"
                for url in public_urls
                for provider in ("outlook_mail", "outlook_calendar", "teams")
            ],
        }
    ]
    return {
        "microsoft": {
            "users": [{"email": EMAIL, "name": NAME}],
            **({"oauth_clients": clients} if public_urls else {}),
        }
    }


def microsoft_settings(url: str) -> dict[str, str]:
    """For oauth, sync and tool."""
    return {
        "ADJUTANT_OAUTH_MICROSOFT_CLIENT_ID": MICROSOFT_CLIENT,
        "ADJUTANT_OAUTH_MICROSOFT_CLIENT_SECRET": SECRET,
        "ADJUTANT_OAUTH_MICROSOFT_AUTHORIZE_URL": f"{url}/oauth2/v2.0/authorize",
        "ADJUTANT_OAUTH_MICROSOFT_TOKEN_URL": f"{url}/oauth2/v2.0/token",
        "ADJUTANT_OAUTH_MICROSOFT_IDENTITY_URL": f"{url}/v1.0/me",
        "ADJUTANT_SYNC_MICROSOFT_API": f"{url}/v1.0",
        "ADJUTANT_TOOL_MICROSOFT_API": f"{url}/v1.0",
    }


def github_settings(url: str) -> dict[str, str]:
    """For oauth, sync and tool."""
    return {
        "ADJUTANT_OAUTH_GITHUB_CLIENT_ID": GITHUB_CLIENT,
        "ADJUTANT_OAUTH_GITHUB_CLIENT_SECRET": SECRET,
        "ADJUTANT_OAUTH_GITHUB_AUTHORIZE_URL": f"{url}/login/oauth/authorize",
        "ADJUTANT_OAUTH_GITHUB_TOKEN_URL": f"{url}/login/oauth/access_token",
        "ADJUTANT_OAUTH_GITHUB_REVOKE_URL": f"{url}/applications/{{client_id}}/token",
        "ADJUTANT_OAUTH_GITHUB_IDENTITY_URL": f"{url}/user",
        "ADJUTANT_SYNC_GITHUB_API": url,
        "ADJUTANT_TOOL_GITHUB_API": url,
    }


def slack_settings(url: str) -> dict[str, str]:
    """For oauth, sync and tool."""
    return {
        "ADJUTANT_OAUTH_SLACK_CLIENT_ID": SLACK_CLIENT,
        "ADJUTANT_OAUTH_SLACK_CLIENT_SECRET": SECRET,
        "ADJUTANT_OAUTH_SLACK_AUTHORIZE_URL": f"{url}/oauth/v2/authorize",
        "ADJUTANT_OAUTH_SLACK_TOKEN_URL": f"{url}/api/oauth.v2.access",
        "ADJUTANT_OAUTH_SLACK_REVOKE_URL": f"{url}/api/auth.revoke",
        "ADJUTANT_SYNC_SLACK_API": f"{url}/api",
        "ADJUTANT_TOOL_SLACK_API": f"{url}/api",
    }


def _apps(client_id: str, provider: str, public_urls: Sequence[str], **more: Any) -> dict[str, Any]:
    """Without a public address no app is registered: then the emulator takes any, and any redirect."""
    if not public_urls:
        return {}
    redirects = [f"{url.rstrip('/')}/api/integrations/{provider}/callback" for url in public_urls]
    app = {"client_id": client_id, "client_secret": SECRET, "name": "Adjutant", "redirect_uris": redirects}
    return {"oauth_apps": [app | more]}

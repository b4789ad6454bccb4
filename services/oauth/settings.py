"""What an operator may set for oauth."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from libs.runtime import ServiceSettings


class OAuthSettings(ServiceSettings):
    """`ADJUTANT_OAUTH_…`"""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_OAUTH_")

    google_client_id: str = ""
    """Client id from the Google Cloud console. Empty: Google cannot be connected."""
    google_client_secret: SecretStr = SecretStr("")
    """Its secret."""
    google_authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    """Where the browser is sent."""
    google_token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    """Where codes and refresh tokens are redeemed."""
    google_revoke_url: str = "https://oauth2.googleapis.com/revoke"
    """Where tokens are revoked."""
    google_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    """The keys that sign identity tokens."""
    google_issuer: str = "https://accounts.google.com"
    """The issuer that identity tokens must name."""

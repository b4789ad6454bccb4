"""What an operator may set for chat."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from contracts.models import Tier
from libs.privacy import Kind
from libs.runtime import ServiceSettings
from services.chat.routing.deployments import DeploymentSettings
from services.chat.spending.quotas import Season


class ChatSettings(ServiceSettings):
    """`ADJUTANT_CHAT_…`"""

    model_config = SettingsConfigDict(env_prefix="ADJUTANT_CHAT_", protected_namespaces=())

    model_base_url: str = ""
    """Root of an OpenAI-compatible API, for example `https://api.openai.com/v1`. Empty: the offline engine answers."""
    model_api_key: SecretStr = SecretStr("")
    """Key for that API; may stay empty for a local server that asks for none."""
    model: str = "gpt-5-mini"
    """Name of the model."""
    deployments: tuple[DeploymentSettings, ...] = ()
    """Models to choose from, a JSON list such as `[{"name": "mini", "provider": "openai", "model": "gpt-5-mini",
    "api_key": "…"}, {"name": "haiku", "provider": "anthropic", …}]`; beside the one of `model`, if that is set."""
    hedge_s: float = Field(default=1.5, gt=0)
    """A deployment that has given no sign for so long, in seconds, gets a rival; the faster one answers."""
    stall_s: float = Field(default=1.8, gt=0)
    """A pause of so many seconds within an answer ends it, when another deployment can go on."""
    scrubbed: frozenset[Kind] = frozenset({Kind.CARD, Kind.IBAN, Kind.NATIONAL_ID, Kind.SECRET})
    """What no model gets to see, a JSON list of EMAIL, PHONE, CARD, IBAN, ID, SECRET; the user sees it all the same."""
    default_tier: Tier = "PROFESSIONAL"
    """Plan of organizations that no event has told of."""
    seasons: tuple[Season, ...] = ()
    """Days on which quotas are multiplied, a JSON list such as `[{"start": "2026-12-20", "end": "2027-01-06",
    "factor": 2}]`."""
    first_token_s: float = Field(default=20.0, gt=0)
    """How long a model may take until its first token, in seconds; then it counts as failed."""
    reservation_spare_s: float = Field(default=60.0, ge=0)
    """What was put aside for a request is given back so many seconds after its deadline, if nobody settled it."""
    sweep_every_s: float = Field(default=15.0, gt=0)
    """How often reservations of requests that died are looked for."""
    answers_at_once: int = Field(default=500, ge=1)
    """How many answers of models stream at once in one replica; who comes then waits, plans by their weight."""
    answers_waiting: int = Field(default=2_000, ge=0)
    """How many may wait for that; more are told to come back."""
    words_kept_days: int = Field(default=30, ge=0, le=3650)
    """How long what was said to models and by them is kept, sealed, for the audit; 0: never, only hashes are."""
    visits_kept_days: int = Field(default=30, ge=1, le=3650)
    """How long after its last message a conversation with an outsider, at a booking link, is kept."""
    runs_kept_days: int = Field(default=90, ge=1, le=3650)
    """How long a run is kept after it ended or was last looked at; one that was never started, after it was shown."""
    turn_s: float = Field(default=120.0, gt=0)
    """The longest a turn may take, in seconds."""
    history_characters: int = Field(default=24_000, ge=0)
    """How much of the conversation so far a model is shown."""

"""What can go wrong with a model. No leaf repeats the provider's words: they may hold the user's.

AdjutantError
└── ModelError
    ├── ModelRateLimited     RATE_LIMIT           wait as told, else a minute
    ├── ModelTimeout         TIMEOUT              the first token or the next one came too late
    │   └── ModelOvertaken                        another one that was asked later was faster
    ├── ModelRefusedKey      AUTHENTICATION       an operator has to mend it
    ├── ContextTooLarge      CONTEXT_TOO_LARGE    send less
    ├── ModelRefused         REFUSED              the request is wrong
    ├── NoModelFits          REFUSED              nobody has what the request needs
    ├── StreamBroken         UNKNOWN              the answer broke off
    └── ModelUnavailable     UNKNOWN              it failed, or is not there
"""

from libs.resilience.errors import AdjutantError
from libs.resilience.retry import Category


class ModelError(AdjutantError):
    """A model could not answer."""

    slug = "model_error"
    status = 503
    category = Category.UNKNOWN


class ModelRateLimited(ModelError):
    """The provider asks to wait."""

    slug = "model_rate_limited"
    retryable = True
    category = Category.RATE_LIMIT


class ModelTimeout(ModelError):
    """It took too long."""

    slug = "model_timeout"
    retryable = True
    category = Category.TIMEOUT


class ModelOvertaken(ModelTimeout):
    """It was late, and another one answered: it may be dead, or think for long."""

    slug = "model_overtaken"


class ModelRefusedKey(ModelError):
    """The key is wrong, or may not use this model, or there is no such model."""

    slug = "model_refused_key"
    category = Category.AUTHENTICATION


class ContextTooLarge(ModelError):
    """More than the model can read at once."""

    slug = "context_too_large"
    status = 400
    category = Category.CONTEXT_TOO_LARGE


class ModelRefused(ModelError):
    """The provider calls the request itself wrong."""

    slug = "model_refused"
    status = 400
    category = Category.REFUSED


class NoModelFits(ModelError):
    """No deployment has the name, the tools or the context that the request needs, or its owner's policy forbids it."""

    slug = "no_model_fits"
    status = 404
    category = Category.REFUSED
    advice = "GET /v1/models lists what can be asked for."


class ModelUnavailable(ModelError):
    """It is down, overloaded, or not reachable."""

    slug = "model_unavailable"
    retryable = True


class StreamBroken(ModelUnavailable):
    """The answer ended before its end, or turned into nonsense."""

    slug = "model_stream_broken"


class ModelLeftAlone(ModelUnavailable):
    """Its breaker is open. Not tried again by us: the user would wait for what another engine can answer now."""

    slug = "model_left_alone"
    category = Category.REFUSED

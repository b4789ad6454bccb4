"""What a request costs at a deployment, in millionths of a dollar: the operator's own price, else the dated table."""

from dataclasses import dataclass, replace

from libs.models.messages import Finished
from libs.models.prices import PRICE_TABLE, table_cost_micros
from services.chat.routing.deployments import Deployment, DeploymentSettings

OPERATOR = "operator"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, all kinds. `input` includes `cached`, read from the provider's cache, and `written`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0

    @classmethod
    def of(cls, finished: Finished) -> "Usage":
        """As the provider counted."""
        return cls(finished.input_tokens, finished.output_tokens, finished.cached_tokens, finished.cache_write_tokens)


@dataclass(frozen=True, slots=True)
class Cost:
    """`source` says which prices: the operator's, a dated table, or none known (then the cost is 0)."""

    micros: int
    source: str


def cost(settings: DeploymentSettings, model: str, usage: Usage) -> Cost:
    """Rounded up to a whole millionth once, at the end: the sum of rows is what providers bill, or a trifle above."""
    if settings.input_micros is not None or settings.output_micros is not None:
        read, write = settings.input_micros or 0, settings.output_micros or 0
        reread = read if settings.cached_input_micros is None else settings.cached_input_micros
        kept = read if settings.cache_write_micros is None else settings.cache_write_micros
        plain = usage.input - usage.cached - usage.written
        total = plain * read + usage.cached * reread + usage.written * kept + usage.output * write
        return Cost(-(-total // 1_000_000), OPERATOR)
    counts = usage.input, usage.output, usage.cached, usage.written
    micros = table_cost_micros(model, *counts)
    if micros is None:
        micros = table_cost_micros(settings.model, *counts)
    return Cost(0, UNKNOWN) if micros is None else Cost(micros, PRICE_TABLE)


def dearest(deployments: list[Deployment], usage: Usage) -> int:
    """What the request costs at most, whoever of these answers, and whether or not its cache has to be written."""
    usages = usage, replace(usage, written=usage.input - usage.cached)
    costs = (cost(each.settings, each.settings.model, each_usage) for each in deployments for each_usage in usages)
    return max((each.micros for each in costs), default=0)

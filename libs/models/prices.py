"""What a request cost, in millionths of a US dollar, by the dated price table of `genai-prices`."""

import asyncio
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from importlib.metadata import version

from contracts.money import CostMicros

PRICE_TABLE = f"genai-prices {version('genai-prices')}"
"""Which table: its releases are dated, and each carries the prices of its day."""


async def load() -> None:
    """Read the table, once: 0.3 s, hence the thread. Afterwards a price takes microseconds."""
    await asyncio.to_thread(table_cost_micros, "gpt-5-mini", 1, 1)


def table_cost_micros(
    model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0, cache_write_tokens: int = 0
) -> CostMicros | None:
    """Rounded up; None when the table does not know the model. `input_tokens` includes what the provider's cache gave
    and what was written to it, for which Anthropic asks a quarter more."""
    from genai_prices import Usage, calc_price

    if not _is_known(model):
        return None
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cached_tokens,
        cache_write_tokens=cache_write_tokens,
    )
    price: Decimal = calc_price(usage, model_ref=model).total_price
    return CostMicros(int((price * 1_000_000).to_integral_value(rounding=ROUND_CEILING)))


@lru_cache(maxsize=1000)
def _is_known(model: str) -> bool:
    """Looking a name up that is not there goes through the whole table."""
    from genai_prices import Usage, calc_price

    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=model)
    except LookupError:
        return False
    return True

"""What a request cost, in millionths of a US dollar, by the dated price table of `genai-prices`."""

import asyncio
from decimal import Decimal

from contracts.money import CostMicros


async def cost_micros(model: str | None, input_tokens: int, output_tokens: int) -> CostMicros | None:
    """None when the table does not know the model. The table takes 0.3 s to load, once, hence the thread."""
    if not model or not (input_tokens or output_tokens):
        return None
    if model in _UNKNOWN:
        return None
    cost = await asyncio.to_thread(_price, model, input_tokens, output_tokens)
    if cost is None:
        _UNKNOWN.add(model)
        return None
    return CostMicros(int((cost * 1_000_000).to_integral_value()))


_UNKNOWN: set[str] = set()


def _price(model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
    from genai_prices import Usage, calc_price

    try:
        price = calc_price(Usage(input_tokens=input_tokens, output_tokens=output_tokens), model_ref=model)
    except LookupError:
        return None
    return price.total_price

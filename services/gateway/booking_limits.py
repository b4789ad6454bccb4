"""How often strangers may knock: by where they come from, and at each link."""

from services.gateway.deps import Gateway
from services.gateway.limits import Allowance, Limit, spend
from services.gateway.principal import Origin


async def count(gateway: Gateway, origin: Origin, token_hash: str, *, is_change: bool) -> Allowance:
    """Count one request; what its source has left. Raises TooManyRequests.

    In transactions of their own, and the source first: a token that is guessed costs its guesser, and a source that
    is over its limit does not use up that of the link.
    """
    given = gateway.settings
    kind = "changes" if is_change else "reads"
    source = given.booking_changes_per_minute if is_change else given.booking_reads_per_minute
    link = source * given.booking_link_factor
    async with gateway.db.transaction(None) as tx:
        allowance = await spend(tx, Limit(f"booking-{kind}", source, 60), origin.network)
    async with gateway.db.transaction(None) as tx:
        await spend(tx, Limit(f"booking-link-{kind}", link, 60), token_hash)
    return allowance

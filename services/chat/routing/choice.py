"""Which deployments may answer a request, and in which order they are asked: a decision of values."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from libs.models.errors import ModelLeftAlone, NoModelFits
from services.chat.routing.deployments import Deployment
from services.chat.routing.health import OPEN_S, State

AUTO = "auto"
"""The model name that leaves the choice to the router."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request needs, and what its owner's policy allows."""

    model: str = AUTO
    """`auto`, the name of a deployment, or a model's own name."""
    needs_tools: bool = False
    tokens: int = 0
    """About so many are read: what has to fit into the context, and counts against a provider's limits."""
    quality_floor: int = 1
    allowed: frozenset[str] | None = None
    """Deployment or model names; None: all."""
    economical: bool = False
    """The cheapest that will do, instead of the best."""
    fast: bool = False
    """The one whose first token comes soonest, instead of the best."""


NO_WISH = Wish()
"""Whoever can answer."""


def fitting(deployments: Sequence[Deployment], wish: Wish) -> list[Deployment]:
    """Those that could answer at all. Room for the context, which is an estimate, and a quality floor are given up when
    nobody has them: an answer beats none."""
    able = [
        each
        for each in deployments
        if wish.model in (AUTO, each.name, each.settings.model)
        and (wish.allowed is None or {each.name, each.settings.model} & wish.allowed)
        and (each.settings.takes_tools or not wish.needs_tools)
    ]
    able = [each for each in able if each.settings.context_tokens >= wish.tokens] or able
    return [each for each in able if each.settings.quality >= wish.quality_floor] or able


def ranked(deployments: Sequence[Deployment], wish: Wish, chance: random.Random) -> list[Deployment]:
    """In the order in which they are asked; those whose breaker is open come last, for nobody else may be left."""
    return sorted(fitting(deployments, wish), key=lambda each: _rank(each, wish, chance))


def asked_in_order(deployments: Sequence[Deployment], wish: Wish) -> list[Deployment]:
    """For what is asked of one after the other, without a race: one that has rested is tried first again, now and then,
    for nothing else would find out that it is well. Raises NoModelFits, ModelLeftAlone."""
    order = ranked(deployments, wish, random.SystemRandom())
    if not order:
        raise NoModelFits(f"No deployment fits this request (asked for: {wish.model!r}).")
    asked = [each for each in order if each.health.state is not State.OPEN]
    if not asked:
        raise ModelLeftAlone("The language model has failed again and again.", retry_after_s=OPEN_S)
    return sorted(asked, key=lambda each: not each.health.may_probe())


def _rank(deployment: Deployment, wish: Wish, chance: random.Random) -> tuple[float, ...]:
    settings, health = deployment.settings, deployment.health
    trouble = (State.WELL, State.HALF_OPEN, State.SUSPECT, State.OPEN).index(health.state)
    # Asked, it would only say "slow down": somebody else first, if there is somebody.
    is_used_up = not deployment.client.headroom.takes(1, wish.tokens, time.time())
    price = float(deployment.price_micros)
    # A tenth of a second is a difference that people notice; below it the share decides.
    wait = round(health.first_token_p95_s or 0.0, 1)
    # Weighted random order: the chance to come first is in proportion to the weight.
    share = -(chance.random() ** (1.0 / settings.weight))
    if wish.economical:
        return trouble, is_used_up, price, settings.order, wait, share
    if wish.fast:
        return trouble, is_used_up, wait, settings.order, price, share
    return trouble, is_used_up, settings.order, -settings.quality, wait, price, share

"""Whatever one deployment does, the answer comes from one that can give it."""

import asyncio
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelLeftAlone,
    ModelRateLimited,
    ModelRefusedKey,
    ModelUnavailable,
    NoModelFits,
    StreamBroken,
)
from libs.models.headroom import Headroom
from libs.models.messages import AssistantText, Finished, TextDelta, UserText
from libs.resilience.deadline import Deadline
from services.chat.routing.choice import Wish, ranked
from services.chat.routing.deployments import Deployment
from services.chat.routing.health import OPEN_AFTER, OPEN_S, SUSPECT_S, Health, Standing, State
from services.chat.routing.request import ModelRequest, Record
from services.chat.routing.router import ROUNDS, Router
from services.chat.routing.seam import BEGINNING, GO_ON, OVERLAP, Seam
from tests.unit.chat.scripted_models import HANG, PAUSE, deployment, model_of

AWAY = ModelUnavailable("down")
WORDS = ("The ", "meeting ", "with ", "Sarah ", "is ", "at ", "three ", "o'clock.")


def repeatable() -> random.Random:
    return random.Random(7)  # noqa: S311 - chance that a test can repeat


def router(*deployments: Deployment, hedge_s: float = 0.05, stall_s: float = 0.05) -> Router:
    return Router(deployments, hedge_s=hedge_s, stall_s=stall_s, chance=repeatable())


async def answer(router: Router, record: Record | None = None, **wish: object) -> str:
    request = ModelRequest((UserText("When?"),), wish=Wish(**wish))  # type: ignore[arg-type]
    events = [event async for event in router.stream(request, Deadline.after(5), record)]
    assert isinstance(events[-1], Finished)
    await router.aclose()
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_the_first_in_order_answers_alone() -> None:
    first, second = deployment("first", "hello", order=0), deployment("second", "hi", order=1)
    assert await answer(router(first, second)) == "hello"
    assert model_of(second).asked == []


async def test_a_dead_primary_is_replaced_at_once_and_not_asked_first_again() -> None:
    first, second = deployment("first", AWAY), deployment("second", "hi", order=1)
    routing = router(first, second, hedge_s=60)
    record = Record()

    assert [await answer(routing, record), await answer(routing)] == ["hi", "hi"]

    assert len(model_of(first).asked) == 1, "one failure is enough to ask the other one first"
    assert [(each.deployment.name, each.error) for each in record.attempts] == [
        ("first", "model_unavailable"),
        ("second", None),
    ]


async def test_a_primary_that_hangs_is_overtaken_and_closed() -> None:
    first, second = deployment("first", HANG), deployment("second", "hi", order=1)
    routing = router(first, second)

    assert await answer(routing) == "hi"

    assert model_of(first).closed == 1
    assert first.health.state is State.SUSPECT


async def test_a_primary_that_is_merely_slow_answers_when_nobody_is_faster() -> None:
    first, second = deployment("first", "slow", pause_s=0.15), deployment("second", HANG, order=1)
    assert await answer(router(first, second)) == "slow"


async def test_an_answer_that_breaks_before_anything_was_seen_is_replaced_unseen() -> None:
    first, second = deployment("first", StreamBroken("cut")), deployment("second", *WORDS, order=1)
    assert await answer(router(first, second)) == "".join(WORDS)


@pytest.mark.parametrize("end", [StreamBroken("cut"), HANG])
@pytest.mark.parametrize("second_says", [WORDS[4:], WORDS, ("is at three ", "o'clock.")])
async def test_an_answer_that_breaks_or_stalls_in_the_middle_is_finished_by_another(
    end: str | ModelError, second_says: tuple[str, ...]
) -> None:
    """The second one goes on, begins again, or repeats the last words: the user reads one sentence."""
    first, second = deployment("first", *WORDS[:4], end), deployment("second", *second_says, order=1)
    if second_says[0] == "is at three ":
        first = deployment("first", *WORDS[:5], end)

    assert await answer(router(first, second)) == "".join(WORDS)

    said = "".join(WORDS[:5] if second_says[0] == "is at three " else WORDS[:4])
    assert model_of(second).asked == [(UserText("When?"), AssistantText(said), UserText(GO_ON))]


async def test_what_cannot_be_joined_ends_honestly() -> None:
    first = deployment("first", *WORDS[:5], StreamBroken("cut"))
    second = deployment("second", "The meeting with Sarah was cancelled.", order=1)
    with pytest.raises(ModelError):
        await answer(router(first, second))


async def test_with_nobody_left_the_error_is_told() -> None:
    first, second = deployment("first", ModelRefusedKey("no")), deployment("second", ModelRefusedKey("no"))
    with pytest.raises(ModelRefusedKey):
        await answer(router(first, second))


async def test_a_single_deployment_is_tried_again_after_a_passing_failure() -> None:
    only = deployment("only", AWAY)
    routing, record = router(only), Record()
    with pytest.raises(ModelUnavailable):
        await answer(routing, record)
    assert len(record.attempts) == 3


async def test_after_five_failures_in_a_row_nobody_waits_for_it() -> None:
    only = deployment("only", ModelRefusedKey("no"))
    routing = router(only)
    for _ in range(OPEN_AFTER):
        with pytest.raises(ModelRefusedKey):
            await answer(routing)
    with pytest.raises(ModelLeftAlone):
        await answer(routing)
    assert len(model_of(only).asked) == OPEN_AFTER


async def test_a_request_that_is_too_large_for_one_says_nothing_about_its_health() -> None:
    first, second = deployment("first", ContextTooLarge("big")), deployment("second", "hi", order=1)
    assert await answer(router(first, second)) == "hi"
    assert first.health.state is State.WELL


async def test_a_provider_that_names_its_pause_gets_it() -> None:
    first = deployment("first", ModelRateLimited("slow down", retry_after_s=30))
    await answer(router(first, deployment("second", "hi", order=1)))
    assert first.health.standing.until > time.time() + 2 * SUSPECT_S


async def test_one_that_rested_is_probed_beside_a_healthy_one_and_found_well() -> None:
    first, second = deployment("first", "back", pause_s=0.02), deployment("second", "hi", order=1)
    first.health.hear(Standing(3, 0.0, "model_unavailable"))
    routing = router(first, second)

    assert await answer(routing) == "hi", "the user does not wait for the probe"
    assert first.health.state is State.WELL
    assert await answer(routing) == "back"


async def test_a_name_asks_for_that_model_and_an_unknown_one_is_refused() -> None:
    first, second = deployment("first", "one"), deployment("second", "two")
    assert await answer(router(first, second), model="second") == "two"
    assert await answer(router(first, second), model="model-first") == "one"
    with pytest.raises(NoModelFits):
        await answer(router(first, second), model="third")


def test_the_order_follows_policy_and_state() -> None:
    cheap = deployment("cheap", quality=3, input_micros=100_000, output_micros=400_000)
    good = deployment("good", quality=9, input_micros=3_000_000, output_micros=15_000_000)
    plain = deployment("plain", quality=5, takes_tools=False, context_tokens=1_000)
    chance = repeatable()

    def names(**wish: object) -> list[str]:
        return [each.name for each in ranked((cheap, good, plain), Wish(**wish), chance)]  # type: ignore[arg-type]

    assert names() == ["good", "plain", "cheap"]
    assert names(needs_tools=True) == ["good", "cheap"]
    assert names(tokens=2_000) == ["good", "cheap"]
    assert names(tokens=2_000_000) == ["good", "plain", "cheap"], "an estimate keeps nobody from being asked"
    assert names(quality_floor=9) == ["good"]
    assert names(quality_floor=10) == ["good", "plain", "cheap"], "an answer beats none"
    assert names(allowed=frozenset({"cheap"})) == ["cheap"]
    assert names(economical=True, needs_tools=True) == ["cheap", "good"]
    good.health.failed("model_unavailable")
    assert names()[-1] == "good"


def test_equal_deployments_share_by_weight() -> None:
    light, heavy = deployment("light", weight=1), deployment("heavy", weight=3)
    chance = repeatable()
    firsts = [ranked((light, heavy), Wish(), chance)[0].name for _ in range(4_000)]
    assert 0.70 < firsts.count("heavy") / 4_000 < 0.80


def test_the_states_follow_failures_and_time() -> None:
    now = [1_000.0]
    health = Health(lambda: now[0])
    told: list[int] = []
    health.told = lambda standing: told.append(standing.failures)
    health.failed("x")
    assert health.state is State.SUSPECT
    now[0] += SUSPECT_S
    assert health.state is State.HALF_OPEN
    assert [health.may_probe(), health.may_probe()] == [True, False]
    for _ in range(OPEN_AFTER - 1):
        health.failed("x")
    assert health.state is State.OPEN
    now[0] += OPEN_S
    assert health.state is State.HALF_OPEN
    health.succeeded(0.2)
    assert (health.state, told) == (State.WELL, [1, 2, 3, 4, 5, 0])
    for wait in range(1, 100):
        health.succeeded(wait / 100)
    assert health.first_token_p95_s == pytest.approx(0.95, abs=0.02)


@given(st.text(min_size=1, max_size=300), st.text(max_size=100), st.data())
def test_a_repetition_from_the_start_is_joined_wherever_it_is_split(said: str, rest: str, data: st.DataObject) -> None:
    whole, seam, seen = said + rest, Seam(said), ""
    position = 0
    while position < len(whole):
        size = data.draw(st.integers(1, 40))
        seen += seam.feed(whole[position : position + size])
        position += size
    assert seen + seam.end() == rest


@given(st.text("abc ", min_size=BEGINNING, max_size=100), st.integers(3, 30), st.text("xyz", min_size=OVERLAP))
def test_repeated_last_words_are_said_once(said: str, repeated: int, rest: str) -> None:
    seam = Seam("0123456789abcdef" + said)
    assert seam.feed(said[-repeated:] + rest) + seam.end() == rest


async def test_a_probe_that_fails_brings_nobody_else_in_and_one_that_is_faster_blames_nobody() -> None:
    """The healthy one was asked and is at work: neither is the third one needed, nor is the healthy one late."""
    healthy = deployment("healthy", "hello", pause_s=0.05)
    probed, third = deployment("probed", AWAY, order=1), deployment("third", "hi", order=2)
    probed.health.hear(Standing(1, 0.0, "model_unavailable"))
    assert await answer(router(healthy, probed, third, hedge_s=60)) == "hello"
    assert model_of(third).asked == []

    well_again = deployment("probed", "back", order=1)
    well_again.health.hear(Standing(1, 0.0, "model_unavailable"))
    assert await answer(router(healthy, well_again, hedge_s=60)) == "back"
    assert healthy.health.state is State.WELL


async def test_a_pause_ends_no_answer_that_nobody_else_could_finish() -> None:
    """By name only one may answer; the other one of these two is left alone after its failures."""
    slow, other = deployment("slow", "One ", PAUSE, "two."), deployment("other", "never asked", order=1)
    assert await answer(router(slow, other), model="slow") == "One two."
    other.health.hear(Standing(OPEN_AFTER, time.time() + OPEN_S, "model_unavailable"))
    assert await answer(router(slow, other)) == "One two."
    assert len(model_of(slow).asked) == 2


async def test_an_askers_short_deadline_spoils_the_health_of_nobody() -> None:
    """Neither when there is hardly any time to begin, nor when an answer is longer than the time there is."""
    request = ModelRequest((UserText("When?"),))
    hanging, endless = deployment("hanging", HANG), deployment("endless", "One ", HANG)
    for each, within_s in ((hanging, 0.02), (endless, 0.1)):
        with pytest.raises(ModelError):
            async for _ in router(each, hedge_s=0.05).stream(request, Deadline.after(within_s)):
                pass
        assert each.health.state is State.WELL
    with pytest.raises(ModelError):
        async for _ in router(hanging, hedge_s=0.05).stream(request, Deadline.after(0.2)):
            pass
    assert hanging.health.state is State.SUSPECT


async def test_a_pause_of_no_length_at_all_asks_the_same_one_again() -> None:
    only = deployment("only", "half ", ModelRateLimited("slow down", retry_after_s=0))
    with pytest.raises(ModelRateLimited):
        await answer(router(only))
    assert len(model_of(only).asked) == ROUNDS


async def test_one_passing_failure_is_reason_enough_to_ask_all_again() -> None:
    """The last one to fail was asked with a wrong key: that says nothing about the first one."""
    first = deployment("first", AWAY)
    routing = router(first, deployment("second", ModelRefusedKey("no"), order=1), hedge_s=60)
    with pytest.raises(ModelUnavailable):
        await answer(routing)
    assert len(model_of(first).asked) == ROUNDS


async def test_each_attempt_answers_for_what_it_said_itself() -> None:
    first = deployment("first", "One two ", StreamBroken("cut"))
    second = deployment("second", "and then ", StreamBroken("cut"), order=1)
    third = deployment("third", "three.", order=2)
    record = Record()
    assert await answer(router(first, second, third, hedge_s=60), record) == "One two and then three."
    assert [(each.deployment.name, each.size) for each in record.attempts] == [
        ("first", len("One two ")),
        ("second", len("and then ")),
        ("third", 0),
    ]


async def test_the_limit_of_one_persons_key_is_no_failure_for_all_others() -> None:
    """Asked with keys that users bring, a deployment is as well as it was, however often one of them is too fast."""
    theirs = deployment("theirs", ModelRateLimited("slow down", retry_after_s=3600), key_from="vault")
    for _ in range(OPEN_AFTER):
        with pytest.raises(ModelRateLimited):
            await answer(router(theirs))
    assert theirs.health.state is State.WELL


async def test_one_whose_limit_is_used_up_is_asked_after_the_others_until_its_reset() -> None:
    used_up, other = deployment("used-up", "hello"), deployment("other", "hi", order=1)
    model_of(used_up).headroom = Headroom(requests=0, requests_until=time.time() + 60)
    assert await answer(router(used_up, other)) == "hi"
    model_of(used_up).headroom = Headroom(tokens=10, tokens_until=time.time() + 60)
    assert await answer(router(used_up, other), tokens=11) == "hi"
    assert await answer(router(used_up, other), tokens=10) == "hello"
    model_of(used_up).headroom = Headroom(requests=0, requests_until=time.time() - 1)
    assert await answer(router(used_up, other)) == "hello"


async def test_who_is_asked_is_known_before_anybody_answers() -> None:
    first, record = deployment("first", HANG), Record()
    routing = router(first, deployment("second", HANG, order=1), hedge_s=60)
    answering = asyncio.create_task(answer(routing, record))
    while not model_of(first).asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    await routing.aclose()
    assert (record.asked, record.deployment) == (first, None)


async def test_one_that_is_merely_slower_is_never_taken_for_dead() -> None:
    """Models that think take their time to the first word: they are asked later, and no operator is called."""
    slow, fast = deployment("slow", "late", pause_s=1), deployment("fast", "hi", order=1)
    slow.health.hear(Standing(OPEN_AFTER - 1, 0.0, "model_overtaken"))
    fast.health.hear(Standing(1, 0.0, "model_unavailable"))
    record = Record()
    assert await answer(router(slow, fast, hedge_s=0.02), record) == "hi"
    assert [each.error for each in record.attempts] == ["model_overtaken", None]
    assert slow.health.state is State.SUSPECT
    slow.health.failed("model_timeout")
    assert slow.health.state is State.OPEN, "one that does not answer at all is"

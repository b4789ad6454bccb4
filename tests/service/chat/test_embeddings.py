"""Vectors come from whoever can make them, are paid for whatever happens, and nobody's mistake spoils it for others.

The providers are servers of ours that answer as OpenAI's API reference describes embeddings.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.models import CreateEmbeddings, EmbeddingsMade, ListModels
from contracts.spending import ModelPolicy, SetModelPolicy
from libs.bus import RemoteError
from libs.runtime.run import RunningService
from libs.vault import TransitSeal
from tests.service.chat.world import World
from tests.service.providers.vendor_server import Asked, Told, vendor

Start = Callable[..., Awaitable[RunningService]]


def vectors(asked: Asked) -> Told:
    made = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    return Told({"object": "list", "data": made, "model": "v", "usage": {"prompt_tokens": 7, "total_tokens": 7}})


def refusal(status: int) -> Callable[[Asked], Told]:
    error = {"message": "words nobody may repeat", "type": "invalid_request_error", "code": None}
    return lambda asked: Told({"error": error}, status)


def described(name: str, url: str, **more: Any) -> dict[str, Any]:
    prices = {"input_micros": 1_000_000, "output_micros": 0}
    return {"name": name, "model": name, "base_url": f"{url}/v1", "kind": "embeddings", **prices, **more}


async def embed(world: World, scope: Scope, seal: TransitSeal, **body: Any) -> EmbeddingsMade:
    sealed = seal.seal("embeddings", scope, json.dumps({"input": "hello", **body}))
    return await world.gateway.ask(CreateEmbeddings(sealed_body=sealed), scope=scope, timeout_s=35)


async def test_one_that_hangs_is_not_waited_for_and_not_asked_first_again(
    world: World, seal: TransitSeal, start_chat: Start, scope: Scope
) -> None:
    async with vendor(lambda asked: Told(hang=True)) as hanging, vendor(vectors) as well:
        hanging.is_open = well.is_open = True
        await start_chat(deployments=(described("first", hanging.url), described("second", well.url, order=1)))
        made = [await embed(world, scope, seal) for _ in range(3)]

    assert [each.model for each in made] == ["second"] * 3
    assert len(hanging.asked) == 1


async def test_what_no_model_may_see_is_in_no_text_and_tokens_in_which_it_cannot_be_found_are_refused(
    world: World, seal: TransitSeal, start_chat: Start, scope: Scope
) -> None:
    card = "4111 1111 1111 1111"
    async with vendor(vectors) as well:
        well.is_open = True
        await start_chat(deployments=(described("only", well.url),))
        await embed(world, scope, seal, input=["plain", f"Remember {card}"])
        with pytest.raises(RemoteError) as refused:
            await embed(world, scope, seal, input=[1, 2, 3])

    assert well.asked[0].body["input"][0] == "plain"
    assert well.asked[0].body["input"][1].startswith("Remember [CARD_")
    assert refused.value.slug == "model_request_not_understood"


async def test_what_is_not_said_is_floats_and_tokens_are_taken_where_nothing_is_hidden(
    world: World, seal: TransitSeal, start_chat: Start, scope: Scope
) -> None:
    async with vendor(vectors) as well:
        well.is_open = True
        await start_chat(deployments=(described("only", well.url),), scrubbed=frozenset())
        made = await embed(world, scope, seal)
        await embed(world, scope, seal, input=[[1, 2], [3]], encoding_format="base64", dimensions=2)

    assert json.loads(seal.open("embeddings", scope, made.sealed_data))[0]["embedding"] == [0.5, 0.25]
    assert [asked.body["encoding_format"] for asked in well.asked] == ["float", "base64"]
    assert well.asked[1].body["input"] == [[1, 2], [3]]


async def test_a_request_that_is_wrong_is_called_so_and_blamed_on_nobody(
    world: World, seal: TransitSeal, start_chat: Start, scope: Scope
) -> None:
    async with vendor(refusal(400)) as strict:
        strict.is_open = True
        chat = await start_chat(deployments=(described("only", strict.url),))
        for _ in range(6):
            with pytest.raises(RemoteError) as wrong:
                await embed(world, scope, seal, dimensions=9)
        found = await world.gateway.ask(ListModels(), scope=scope)
        await chat.deps.models.aclose()

    assert (wrong.value.slug, wrong.value.status) == ("model_refused", 400)
    assert [each.state for each in found.models] == ["closed"]
    async with chat.db.reading(scope) as tx:
        assert [row["outcome"] for row in await tx.fetch("select outcome from model_calls")] == ["failed"] * 6
    async with chat.db.transaction(None) as tx:
        assert not await tx.fetch("select from reservations where user_id = $1", scope.user_id)


async def test_a_policy_for_embeddings_is_kept(
    world: World, seal: TransitSeal, start_chat: Start, scope: Scope
) -> None:
    async with vendor(vectors) as well:
        well.is_open = True
        await start_chat(deployments=(described("first", well.url), described("second", well.url, order=1)))
        for allowed in (("second",), ("none",)):
            policy = ModelPolicy(feature="embeddings", allowed=allowed)
            await world.gateway.ask(SetModelPolicy(policy=policy), scope=scope, timeout_s=10)
            if allowed == ("second",):
                assert (await embed(world, scope, seal)).model == "second"
        with pytest.raises(RemoteError) as refused:
            await embed(world, scope, seal)
    assert refused.value.slug == "no_model_fits"

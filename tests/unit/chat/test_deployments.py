"""What an operator may describe."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.chat.routing.deployments import DeploymentSettings


@pytest.mark.parametrize(
    "described",
    [
        {"provider": "gemini", "api_key": "of Google"},
        {"provider": "anthropic"},
        {"provider": "openai_compatible"},
        {"provider": "openai", "key_from": "vault"},
    ],
)
def test_a_key_for_vectors_goes_to_no_other_vendor(described: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        DeploymentSettings.model_validate({"name": "v", "model": "v", "kind": "embeddings", **described})
    assert "of Google" not in str(refused.value)


def test_vectors_of_openai_need_no_address() -> None:
    assert DeploymentSettings(name="v", model="v", kind="embeddings", provider="openai").base_url == ""

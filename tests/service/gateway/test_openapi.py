"""The OpenAPI document is true: a machine that reads it and tries everything finds no lie and no 500."""

import asyncio
from typing import Any

import httpx
import jsonschema
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.gateway.conftest import Person, Replica
from tests.service.gateway.peers import ChatPeer


def no_defect(context: object, response: Any, case: schemathesis.Case) -> None:
    """Services that do not run here make a documented 503; anything else above 499 is a defect."""
    assert response.status_code < 500 or response.status_code == 503, response.text


CHECKS = [no_defect, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
# They would end the session that the other calls use.
LEFT_OUT = {"/api/auth/log-out"}


async def test_every_operation_keeps_to_its_documentation(person: Person, chat: ChatPeer, replica: Replica) -> None:
    async with replica.client() as client:
        document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    tried = await asyncio.to_thread(_try_all, document, replica.url, person.bearer)
    assert tried >= len(document["paths"]) - len(LEFT_OUT)


def _try_all(document: dict[str, object], url: str, bearer: dict[str, str]) -> int:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        _try(operation, bearer)
        tried += 1
    return tried


def _try(operation: schemathesis.APIOperation, bearer: dict[str, str]) -> None:
    def once(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=bearer, checks=CHECKS, timeout=20)

    bounded = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    bounded(given(case=operation.as_strategy())(once))()


async def test_every_route_documents_its_problems(replica: Replica) -> None:
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{replica.url}/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            documented = operation["responses"]
            assert {"500", "503"} <= set(documented), (method, path)
            for status, response in documented.items():
                if int(status) >= 400:
                    shape = "application/json" if path.startswith("/v1/") else "application/problem+json"
                    assert shape in response["content"], (method, path, status)
            if operation.get("security"):
                assert {"401", "403"} <= set(documented), (method, path)


async def test_what_a_task_may_be_called_is_not_refused_by_the_published_schema(replica: Replica) -> None:
    async with replica.client() as client:
        document = (await client.get("/openapi.json")).json()
    schema = document["components"]["schemas"]["TaskRequest"]["properties"]["title"]
    for title in ("Müller anrufen", "Send Q3: the numbers?", "Größe (neu)", "日本語", "Ivan\u2019s “plan”"):
        jsonschema.validate(title, schema)

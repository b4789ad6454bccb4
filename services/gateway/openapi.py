"""The OpenAPI document: FastAPI's, with what it cannot know itself."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.gateway.sessions import COOKIE
from services.gateway.wire import Problem

PUBLIC = frozenset({"/api/health", "/api/auth/sign-up", "/api/auth/log-in", "/webhooks/{provider}"})

_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Changes need X-CSRF-Token too"},
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, adj_…"},
}


def document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        components = schema.setdefault("components", {})
        components["securitySchemes"] = _SECURITY
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _correct(operation, public=path in PUBLIC or path.startswith("/api/booking/"))
        app.openapi_schema = schema
    return app.openapi_schema


def _correct(operation: dict[str, Any], *, public: bool) -> None:
    if not public:
        operation["security"] = [{"key": []}, {"session": []}]
    # FastAPI documents a 422 of its own shape wherever there is a parameter; ours are problems, or cannot happen.
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]

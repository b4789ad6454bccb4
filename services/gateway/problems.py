"""Every error as problem+json (RFC 9457), from one place."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from libs.http.problem import MEDIA_TYPE, problem
from libs.resilience.errors import AdjutantError, Internal, InvalidInput
from services.gateway import openai_errors
from services.gateway.complaints import complaint
from services.gateway.error_headers import error_headers
from services.gateway.errors import MethodNotAllowed, RouteNotFound


def problem_response(error: AdjutantError, request_id: str, **more: Any) -> Response:
    """The response for an error; `Retry-After` and rate-limit headers where they help."""
    # ASCII: a lone surrogate that came in must not make the answer fail.
    return Response(json.dumps(problem(error, request_id, **more)), error.status, error_headers(error), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let the application answer all its errors this way."""
    app.add_exception_handler(AdjutantError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def request_id_of(request: Request) -> str:
    """The id of this request, set by the edge."""
    return str(request.scope["state"]["origin"].request_id)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, AdjutantError)
    return _told(request, error)


def told(error: AdjutantError, path: str, request_id: str, **more: Any) -> Response:
    """In the words of the API that was called."""
    if path.startswith(openai_errors.PREFIX):
        return openai_errors.openai_response(error, request_id)
    return problem_response(error, request_id, **more)


def _told(request: Request, error: AdjutantError, **more: Any) -> Response:
    return told(error, request.url.path, request_id_of(request), **more)


async def _invalid(request: Request, error: Exception) -> Response:
    """Says where and what, and never quotes the input: it may be a password."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in found["loc"]), "what": complaint(found)}
        for found in error.errors()[:20]
    ]
    first = errors[0] if errors else {"where": "body", "what": "is not valid"}
    return _told(request, InvalidInput(f"{first['where']}: {first['what']}"), errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        response = _told(request, MethodNotAllowed(f"{request.method} is not possible here."))
        response.headers["allow"] = (error.headers or {}).get("Allow", "GET")
        return response
    if error.status_code == 404:
        return _told(request, RouteNotFound("There is nothing at this path."))
    return _told(request, InvalidInput("The request could not be read."))


async def _unknown(request: Request, _error: Exception) -> Response:
    return _told(request, Internal("Something went wrong on our side."))

"""Multi-step runs: planned, seen, started, steered, followed."""

import json
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import AfterValidator, Field, model_validator

from contracts.ids import RunId, new_id
from contracts.runs import (
    ControlRun,
    ControlStep,
    CreateRun,
    GetRun,
    ListRuns,
    RunPage,
    RunRequest,
    RunView,
    StepRequest,
)
from services.gateway.errors import BodyTooLarge, MalformedEventId, ScopeMissing
from services.gateway.guards import Chatter, GatewayHere, Reader
from services.gateway.idempotency import IdempotencyKey, derived_id
from services.gateway.limits import spend
from services.gateway.principal import Permission, Principal
from services.gateway.run_stream import RunResponse
from services.gateway.strict_json import StrictRoute
from services.gateway.turn_response import PLAIN, SSE, preferred
from services.gateway.wire import AUTHENTICATED, WITH_BODY, Prose, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/runs", tags=["runs"], route_class=StrictRoute)

LARGEST_REQUEST = 400_000
"""Bytes: sealed it has to fit into a message."""
PLAN_S = 50.0
"""A model may plan for forty seconds."""
RunRef = Annotated[str, Path(pattern=r"^r_[0-9a-f]{32}$")]
StepRef = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
_EVENT_ID = re.compile(r"^(r_[0-9a-f]{32}):([0-9]{1,9})$")
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What happened in the run since Last-Event-ID, and what happens until it is over",
        "content": {
            SSE: {"schema": {"type": "string", "description": "Server-sent events; an id is `<run id>:<n>`"}},
            PLAIN: {"schema": {"type": "string", "description": "Text with control tokens in double brackets"}},
        },
    }
}


def _whole_characters(arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("must not hold half a character (a lone surrogate)") from None
    return arguments


class StepWanted(StrictBody):
    """One call of a tool; a value may be `{"$from": "<step id>", "path": "contacts[only].address"}`."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    name: ShortLine
    tool: Annotated[str, Field(min_length=1, max_length=80)]
    description: Annotated[str, Field(max_length=2_000)] = ""
    arguments: Annotated[dict[str, Any], AfterValidator(_whole_characters)] = Field(default_factory=dict)
    depends_on: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)
    required: bool = True
    estimated_s: Annotated[float, Field(ge=0, le=3_600)] | None = None
    time_limit_s: Annotated[float, Field(gt=0, le=3_600)] | None = None


class RunWanted(StrictBody):
    """A goal in words, or its steps; with `start` it begins without having been shown."""

    goal: Prose | None = None
    steps: Annotated[list[StepWanted], Field(max_length=50)] = Field(default_factory=list)
    start: bool = False
    timezone: Timezone | None = None
    time_limit_s: Annotated[float, Field(ge=1, le=2_592_000)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "RunWanted":
        if self.goal is None and not self.steps:
            raise ValueError("needs a goal or steps")
        return self

    def request(self) -> RunRequest:
        """In the words of chat, which checks the plan."""
        steps = tuple(StepRequest.model_validate(step.model_dump()) for step in self.steps)
        goal = self.goal or "; ".join(step.name for step in steps)
        return RunRequest(goal=goal, steps=steps, timezone=self.timezone, time_limit_s=self.time_limit_s)


class RetryWanted(StrictBody):
    """`was_not_done`: you have looked, and what nobody could tell has not happened."""

    was_not_done: bool = False


LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]
Accept = Annotated[str, Header(include_in_schema=False)]


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 429))
async def create(
    body: RunWanted, caller: Chatter, gateway: GatewayHere, idempotency_key: IdempotencyKey = None
) -> RunView:
    """Plan a run and show it; it begins when it is started. With an `Idempotency-Key`, once. Counts like a message."""
    async with gateway.db.transaction(caller.scope) as tx:
        await spend(tx, gateway.chat_limit, caller.scope.user_id)
    request = body.request().model_dump_json()
    if len(request.encode()) > LARGEST_REQUEST:
        raise BodyTooLarge("A plan may have 400,000 bytes.")
    sealed = gateway.seal.seal("run_request", caller.scope, request)
    query = CreateRun(
        run_id=_run_id(caller, idempotency_key), sealed_request=sealed, start=body.start, by_program=_is_program(caller)
    )
    return await gateway.bus.ask(query, scope=caller.scope, timeout_s=PLAN_S)


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_all(
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^r_[0-9a-f]{32}$")] = None,
) -> RunPage:
    """The caller's runs, newest first."""
    return await gateway.bus.ask(ListRuns(limit=limit, cursor=cursor), scope=caller.scope)


@router.get("/{run_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def read(run_id: RunRef, caller: Reader, gateway: GatewayHere) -> RunView:
    """A run with its plan, and how each step stands."""
    return await gateway.bus.ask(GetRun(run_id=RunId(run_id)), scope=caller.scope)


@router.get("/{run_id}/stream", response_class=Response, responses={**_STREAM, **problems(*AUTHENTICATED, 404, 422)})
async def stream(
    run_id: RunRef, caller: Reader, gateway: GatewayHere, last_event_id: LastEventId = None, accept: Accept = ""
) -> Response:
    """What the client missed since `Last-Event-ID`, and the rest; from any replica, however long ago."""
    after = 0
    if last_event_id:
        named = _EVENT_ID.fullmatch(last_event_id)
        if named is None or named[1] != run_id:
            raise MalformedEventId("Last-Event-ID must be the id of an event of this run.")
        after = int(named[2])
    await gateway.bus.ask(GetRun(run_id=RunId(run_id)), scope=caller.scope)
    return RunResponse(gateway, caller, RunId(run_id), after, preferred(accept))


@router.post("/{run_id}/{action}", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def control(
    run_id: RunRef, action: Literal["start", "pause", "resume", "cancel"], caller: Chatter, gateway: GatewayHere
) -> RunView:
    """Start what was shown, pause, go on (after a failure: with what failed), or end it. What was done stays done; what
    waits for a word of its user goes with a run that is cancelled."""
    query = ControlRun(run_id=RunId(run_id), action=action, by_program=_is_program(caller))
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("/{run_id}/steps/{step_id}/skip", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def skip(run_id: RunRef, step_id: StepRef, caller: Chatter, gateway: GatewayHere) -> RunView:
    """Leave a step out, and with it those that need its result; others go on."""
    query = ControlStep(run_id=RunId(run_id), step_id=step_id, action="skip")
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("/{run_id}/steps/{step_id}/retry", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def retry(run_id: RunRef, step_id: StepRef, body: RetryWanted, caller: Chatter, gateway: GatewayHere) -> RunView:
    """Try a step again that failed or was left out. Only its user may say that they have looked."""
    if body.was_not_done and _is_program(caller):
        raise ScopeMissing(f"This needs the scope {Permission.MANAGE}: its user has to look.")
    query = ControlStep(run_id=RunId(run_id), step_id=step_id, action="retry", was_not_done=body.was_not_done)
    return await gateway.bus.ask(query, scope=caller.scope)


def _is_program(caller: Principal) -> bool:
    """Whether this caller may not decide for its user."""
    return Permission.MANAGE not in caller.permissions


def _run_id(caller: Principal, key: str | None) -> RunId:
    if key is None:
        return RunId(new_id("r"))
    return RunId(derived_id("r", caller.scope, key))

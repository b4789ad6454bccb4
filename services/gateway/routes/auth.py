"""Signing up, logging in and out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, SecretStr

from contracts.envelope import Scope
from services.gateway.accounts import Account, NewAccount, find_account, find_lock, register, renew_hash
from services.gateway.audit import Action, record
from services.gateway.deps import Gateway
from services.gateway.emails import normalise
from services.gateway.errors import InvalidCredentials
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.limits import Limit, spend
from services.gateway.principal import Origin
from services.gateway.sessions import COOKIE, CSRF_COOKIE, OpenedSession, close_session, open_session
from services.gateway.signing import digest
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=StrictRoute)

Email = Annotated[str, Field(min_length=3, max_length=254, examples=["sam@example.org"])]


class SignUp(StrictBody):
    """A new account."""

    email: Email
    password: Annotated[SecretStr, Field(min_length=10, max_length=256)]
    display_name: ShortLine | None = None
    timezone: Timezone = "UTC"


class LogIn(StrictBody):
    """A log-in."""

    email: Email
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class AccountView(BaseModel):
    """An account as its owner sees it."""

    user_id: str
    organization_id: str
    email: str
    display_name: str | None
    timezone: str
    created_at: datetime


class LoggedIn(BaseModel):
    """The session travels in a cookie; the CSRF token goes into X-CSRF-Token with each change."""

    account: AccountView
    csrf_token: str
    expires_at: datetime


@router.post("/sign-up", status_code=201, responses=problems(*WITH_BODY, 409, 429))
async def sign_up(body: SignUp, response: Response, gateway: GatewayHere, origin: OriginHere) -> LoggedIn:
    """Create an account and an organization of its own, and log in."""
    email = normalise(body.email)
    async with gateway.db.transaction(None) as tx:
        allowance = await spend(tx, Limit("sign-up", gateway.settings.sign_ups_per_hour, 3600), origin.network)
    response.headers.update(allowance.headers())
    hashed = await gateway.passwords.hash(body.password.get_secret_value())
    new = NewAccount(email, hashed, body.display_name, body.timezone, gateway.settings.sign_up_tier)
    scope = await register(gateway.db, new, origin)
    return await _begin_session(gateway, scope, response, origin)


@router.post("/log-in", responses=problems(*WITH_BODY, 401, 429))
async def log_in(body: LogIn, response: Response, gateway: GatewayHere, origin: OriginHere) -> LoggedIn:
    """Open a session. An unknown address and a wrong password look alike, also by the clock."""
    email = normalise(body.email)
    attempts = gateway.settings.log_ins_per_quarter_hour
    # Counted in a transaction of its own: an attempt that fails must stay counted.
    async with gateway.db.transaction(None) as tx:
        allowance = await spend(tx, Limit("log-in", attempts, 900), f"{digest(email)}:{origin.network}")
        await spend(tx, Limit("log-in-everywhere", attempts * 10, 900), digest(email))
        lock = await find_lock(tx, email)
    response.headers.update(allowance.headers())
    password = body.password.get_secret_value()
    if not await gateway.passwords.matches(lock.password_hash if lock else None, password) or lock is None:
        if lock is not None:
            gateway.authenticator.later(_note_refusal(gateway, lock.scope, origin))
        raise InvalidCredentials("The e-mail address or the password is wrong.")
    if gateway.passwords.outdated(lock.password_hash):
        async with gateway.db.transaction(lock.scope) as tx:
            await renew_hash(tx, await gateway.passwords.hash(password))
    return await _begin_session(gateway, lock.scope, response, origin)


@router.post("/log-out", status_code=204, responses=problems(*AUTHENTICATED))
async def log_out(response: Response, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> None:
    """End this session. With an API key there is no session, and nothing happens."""
    if caller.kind == "session":
        async with gateway.db.transaction(caller.scope) as tx:
            await close_session(tx, caller.id)
            await record(tx, caller.name, Action.LOGGED_OUT, caller.id, origin)
        gateway.authenticator.cache.forget(caller.id)
    response.delete_cookie(COOKIE, path="/")
    response.delete_cookie(CSRF_COOKIE, path="/")


@router.get("/me", responses=problems(*AUTHENTICATED))
async def me(caller: Reader, gateway: GatewayHere) -> AccountView:
    """The account of the caller."""
    async with gateway.db.reading(caller.scope) as tx:
        return _view(await find_account(tx))


async def _begin_session(gateway: Gateway, scope: Scope, response: Response, origin: Origin) -> LoggedIn:
    async with gateway.db.transaction(scope) as tx:
        session = await open_session(tx, gateway.signer, gateway.settings.session_hours, origin)
        await record(tx, f"session:{session.session_id}", Action.LOGGED_IN, scope.user_id, origin)
        account = await find_account(tx)
    _set_cookies(response, session, gateway, origin)
    return LoggedIn(account=_view(account), csrf_token=session.csrf_token, expires_at=session.expires_at)


def _set_cookies(response: Response, session: OpenedSession, gateway: Gateway, origin: Origin) -> None:
    secure = origin.secure or gateway.public_url.startswith("https://")
    max_age = gateway.settings.session_hours * 3600
    response.set_cookie(COOKIE, session.token, max_age=max_age, secure=secure, httponly=True, samesite="lax")
    # Readable by our own page only: that is the point of it.
    response.set_cookie(CSRF_COOKIE, session.csrf_token, max_age=max_age, secure=secure, samesite="lax")


async def _note_refusal(gateway: Gateway, scope: Scope, origin: Origin) -> None:
    async with gateway.db.transaction(scope) as tx:
        await record(tx, "unknown", Action.LOG_IN_REFUSED, scope.user_id, origin)


def _view(account: Account) -> AccountView:
    return AccountView(
        user_id=account.scope.user_id,
        organization_id=account.scope.organization_id,
        email=account.email,
        display_name=account.display_name,
        timezone=account.timezone,
        created_at=account.created_at,
    )

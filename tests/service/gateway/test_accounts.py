"""Accounts, sessions and keys: who gets in, and who does not."""

import asyncio
import base64
import json

import pytest

from contracts.ids import new_id
from services.gateway.principal import Origin
from services.gateway.sessions import open_session
from tests.service.gateway.conftest import PASSWORD, Joins, Person, Replica


async def test_a_person_signs_up_and_is_known(person: Person) -> None:
    me = (await person.browser.get("/api/auth/me")).json()
    assert me["email"] == person.email
    assert me["user_id"] == person.user_id


async def test_signing_up_tells_the_others_in_the_same_transaction(person: Person, replica: Replica) -> None:
    async with replica.gateway.db.reading(None) as tx:
        rows = await tx.fetch(
            "select body from outbox where subject = $1", f"evt.gateway.user.registered.v1.{person.user_id}"
        )
    assert [json.loads(row["body"])["user_id"] for row in rows] == [person.user_id]


async def test_two_spellings_of_an_address_are_one_account(person: Person, replica: Replica) -> None:
    async with replica.client() as other:
        again = await other.post("/api/auth/sign-up", json={"email": person.email.upper(), "password": PASSWORD})
        assert (again.status_code, again.json()["title"]) == (409, "email_taken")
        inside = await other.post("/api/auth/log-in", json={"email": f" {person.email.upper()} ", "password": PASSWORD})
        assert inside.status_code == 200


async def test_an_unknown_address_and_a_wrong_password_look_alike(person: Person, replica: Replica) -> None:
    async with replica.client() as client:
        wrong = await client.post("/api/auth/log-in", json={"email": person.email, "password": "wrong"})
        unknown = await client.post("/api/auth/log-in", json={"email": "nobody@example.org", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_guessing_passwords_is_stopped(person: Person, replica: Replica) -> None:
    guess = {"email": person.email, "password": "wrong"}
    async with replica.client() as client:
        answers = await asyncio.gather(*(client.post("/api/auth/log-in", json=guess) for _ in range(12)))
        locked = await client.post("/api/auth/log-in", json={"email": person.email, "password": PASSWORD})
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 2
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 60


async def test_a_session_ends_with_log_out_also_for_a_stolen_cookie(join: Joins, replica: Replica) -> None:
    person = await join()
    stolen = dict(person.browser.cookies)
    left = await person.browser.post("/api/auth/log-out", headers=person.csrf)
    assert left.status_code == 204
    async with replica.client(cookies=stolen) as thief:
        assert (await thief.get("/api/auth/me")).status_code == 401


async def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites(replica: Replica) -> None:
    async with replica.client() as client:
        body = {"email": f"{new_id('u')}@example.org", "password": PASSWORD}
        cookies = (await client.post("/api/auth/sign-up", json=body)).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("adjutant_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session


async def test_a_change_by_cookie_needs_the_csrf_token_of_this_session(join: Joins) -> None:
    one, other = await join(), await join()
    body = {"name": "k", "scopes": ["read"]}
    for headers in ({}, {"X-CSRF-Token": "x"}, other.csrf):
        refused = await one.browser.post("/api/keys", json=body, headers=headers)
        assert (refused.status_code, refused.json()["title"]) == (403, "csrf_rejected")
    assert (await one.browser.post("/api/keys", json=body, headers=one.csrf)).status_code == 201


def forged_tokens() -> dict[str, str]:
    """Tokens that libraries for JWTs have fallen for."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = part({"sub": "u_0193b0f1a8c07d3e9f00112233445566", "exp": 4_000_000_000})
    return {
        "alg none": f"{part({'alg': 'none'})}.{claims}.",
        "alg HS256": f"{part({'alg': 'HS256'})}.{claims}.c2ln",
        "expired": f"{part({'alg': 'HS256'})}.{part({'sub': 'u', 'exp': 1})}.c2ln",
        "kid path": f"{part({'alg': 'HS256', 'kid': '../../dev/null'})}.{claims}.c2ln",
        "made-up key": f"adj_{'0' * 32}_{'A' * 43}",
        "sql": "adj_' or 1=1 --",
        "a dash": "-",
        "long": "x" * 5000,
    }


@pytest.mark.parametrize("name", list(forged_tokens()))
async def test_forged_tokens_are_refused(name: str, replica: Replica) -> None:
    async with replica.client() as client:
        for credential in (
            {"Authorization": f"Bearer {forged_tokens()[name]}"},
            {"Cookie": f"adjutant_session={forged_tokens()[name]}"},
            {"Authorization": "Basic dTpw"},
        ):
            refused = await client.get("/api/auth/me", headers=credential)
            assert refused.status_code == 401
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_session_signed_by_somebody_else_is_refused_without_a_look_up(person: Person, replica: Replica) -> None:
    token = person.browser.cookies["adjutant_session"]
    body, _, signature = token.rpartition(".")
    misses = replica.gateway.authenticator.cache.misses
    async with replica.client() as client:
        for forged in (f"{body}x.{signature}", f"{body}.{'A' * 43}", body, f"{token}.{signature}"):
            refused = await client.get("/api/auth/me", headers={"Cookie": f"adjutant_session={forged}"})
            assert refused.status_code == 401
    assert replica.gateway.authenticator.cache.misses == misses


async def test_a_genuine_session_is_refused_once_it_has_expired(person: Person, replica: Replica) -> None:
    scope = await _scope(person, replica)
    async with replica.gateway.db.transaction(scope) as tx:
        opened = await open_session(tx, replica.gateway.signer, 1, Origin(None, "test", "r_1", False))
        sql = "update sessions set expires_at = now() - interval '1 s' where session_id = $1"
        await tx.execute(sql, opened.session_id)
    async with replica.client(headers={"Cookie": f"adjutant_session={opened.token}"}) as late:
        refused = await late.get("/api/auth/me")
    assert (refused.status_code, refused.json()["title"]) == (401, "unauthenticated")


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(person: Person, replica: Replica) -> None:
    made = (
        await person.browser.post("/api/keys", json={"name": "cli", "scopes": ["read"]}, headers=person.csrf)
    ).json()
    listed = (await person.browser.get("/api/keys")).json()["keys"]
    assert made["key_id"] in {key["key_id"] for key in listed}
    assert made["key"] not in json.dumps(listed)
    bearer = {"Authorization": f"Bearer {made['key']}"}
    async with replica.client(headers=bearer) as program:
        assert (await program.get("/api/auth/me")).status_code == 200
        refused = await program.post("/api/keys", json={"name": "more", "scopes": ["manage"]})
        assert (refused.status_code, refused.json()["title"]) == (403, "scope_missing")
        await person.browser.delete(f"/api/keys/{made['key_id']}", headers=person.csrf)
        assert (await program.get("/api/auth/me")).status_code == 401


async def test_the_database_holds_no_key_and_shows_none_without_its_hash(person: Person, replica: Replica) -> None:
    key = person.bearer["Authorization"].removeprefix("Bearer ")
    async with replica.gateway.db.reading(None) as tx:
        for table in ("users", "sessions", "api_keys", "turns", "audit_entries", "organizations"):
            assert await tx.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - names from the line above
        await tx.present("presented_key_hash", "0" * 64)
        assert await tx.fetch("select * from api_keys") == []
    async with replica.gateway.db.reading(await _scope(person, replica)) as tx:
        assert key not in str([dict(row) for row in await tx.fetch("select * from api_keys")])


async def test_a_key_bound_to_a_network_does_not_work_elsewhere(person: Person, replica: Replica) -> None:
    body = {"name": "office", "scopes": ["read"], "allowed_networks": ["203.0.113.0/24"]}
    made = (await person.browser.post("/api/keys", json=body, headers=person.csrf)).json()
    async with replica.client(headers={"Authorization": f"Bearer {made['key']}"}) as elsewhere:
        refused = await elsewhere.get("/api/auth/me", headers={"X-Forwarded-For": "203.0.113.7"})
        assert (refused.status_code, refused.json()["title"]) == (403, "address_not_allowed")


async def test_a_key_of_another_person_cannot_be_revoked(join: Joins) -> None:
    one, other = await join(), await join()
    key_id = (await one.browser.get("/api/keys")).json()["keys"][0]["key_id"]
    for target in (key_id, new_id("k"), "%00", "..%2F.."):
        assert (await other.browser.delete(f"/api/keys/{target}", headers=other.csrf)).status_code == 404
    assert (await one.browser.get("/api/auth/me", headers=one.bearer)).status_code == 200


async def test_an_expired_key_is_refused(person: Person, replica: Replica) -> None:
    body = {"name": "old", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"}
    made = (await person.browser.post("/api/keys", json=body, headers=person.csrf)).json()
    async with replica.gateway.db.transaction(await _scope(person, replica)) as tx:
        await tx.execute("update api_keys set expires_at = now() - interval '1 s' where key_id = $1", made["key_id"])
    async with replica.client(headers={"Authorization": f"Bearer {made['key']}"}) as late:
        assert (await late.get("/api/auth/me")).status_code == 401
    past = {**body, "expires_at": "2001-01-01T00:00:00Z"}
    assert (await person.browser.post("/api/keys", json=past, headers=person.csrf)).status_code == 422


async def test_the_audit_trail_tells_its_subject_and_cannot_be_changed(person: Person, replica: Replica) -> None:
    lines = (await person.browser.get("/api/audit")).json()["entries"]
    assert [line["action"] for line in lines] == ["api_key.created", "session.logged_in", "account.signed_up"]
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    async with replica.gateway.db.transaction(await _scope(person, replica)) as tx:
        assert await tx.execute("update audit_entries set actor = 'nobody'") == "UPDATE 0"
        assert await tx.execute("delete from audit_entries") == "DELETE 0"


async def _scope(person: Person, replica: Replica):
    key = person.bearer["Authorization"].removeprefix("Bearer ")
    return (await replica.gateway.authenticator.by_key(key)).scope

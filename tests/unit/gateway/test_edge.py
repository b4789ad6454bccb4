"""Where a request comes from is what a proxy of ours says, and nobody else."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from starlette.datastructures import Headers

from services.gateway.edge import origin_of
from services.gateway.turn_response import PLAIN, SSE, preferred

PROXIES = (ip_network("10.0.0.0/8"),)


def origin(peer: str, **headers: str) -> Any:
    raw = {name.replace("_", "-"): value for name, value in headers.items()}
    return origin_of({"client": (peer, 1), "scheme": "http"}, Headers(raw), PROXIES)


def test_a_stranger_cannot_choose_its_address() -> None:
    assert origin("203.0.113.9", x_forwarded_for="127.0.0.1", x_forwarded_proto="https").address == ip_address(
        "203.0.113.9"
    )
    assert not origin("203.0.113.9", x_forwarded_proto="https").secure


def test_a_trusted_proxy_tells_the_address_and_the_client_cannot_prepend_another() -> None:
    seen = origin("10.0.0.1", x_forwarded_for="1.1.1.1, 203.0.113.9, 10.0.0.2", x_forwarded_proto="https")
    assert seen.address == ip_address("203.0.113.9")
    assert seen.secure


def test_an_ipv6_client_is_counted_by_its_network() -> None:
    assert origin("2001:db8::1").network == origin("2001:db8::2").network == "2001:db8::/64"
    assert origin("::ffff:192.0.2.1").network == "192.0.2.1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\r\nb", "é"])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(given: str) -> None:
    assert len(origin("203.0.113.9", x_request_id=given).request_id) == 32


def test_a_good_request_id_is_kept() -> None:
    assert origin("203.0.113.9", x_request_id="abc-1.2_3").request_id == "abc-1.2_3"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", SSE),
        ("*/*", SSE),
        ("text/event-stream", SSE),
        ("text/plain", PLAIN),
        ("text/plain, text/event-stream;q=0.5", PLAIN),
        ("text/plain;q=0.4, text/event-stream", SSE),
        ("text/plain;q=0", SSE),
        ("text/plain, text/event-stream", SSE),
        ("text/plain;q=x", SSE),
    ],
)
def test_the_client_chooses_between_events_and_text(accept: str, chosen: str) -> None:
    assert preferred(accept) == chosen
